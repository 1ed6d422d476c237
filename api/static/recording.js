// One track of a station: what a MediaStream shows, in pieces of a WebM recording and, of pictures, a still one now
// and then. Each goes to the station's `Source`, which signs it first and sends it afterwards.
const SEGMENT_MS = { CAMERA: 2000, SCREEN: 2000, VOICE: 1000 };
const TYPES = {
  CAMERA: ["video/webm;codecs=vp8", "video/webm;codecs=vp9"],
  SCREEN: ["video/webm;codecs=vp9", "video/webm;codecs=vp8"], // text stays sharp
  VOICE: ["audio/webm;codecs=opus"],
};
const BITS_PER_SECOND = 400_000;
const SOUND_BITS_PER_SECOND = 32_000;
const SNAPSHOT_MS = 5000;
const SNAPSHOT_WIDTH = 640;
const SMALL = [32, 18]; // enough for the mean brightness

// Mean luma of a picture, 0 to 255 (ITU-R BT.601).
const lumaOf = (frame) => {
  const small = new OffscreenCanvas(...SMALL).getContext("2d", { willReadFrequently: true });
  small.drawImage(frame, 0, 0, ...SMALL);
  const { data } = small.getImageData(0, 0, ...SMALL);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
  return Math.round(sum / (SMALL[0] * SMALL[1]));
};

export class Recording {
  constructor(source, track, what, stream) {
    Object.assign(this, { source, track, what, stream });
    this.n = source.line.tracks[track] ?? 0;
    this.queue = Promise.resolve();
    this.ended = new Promise((resolve) => (this.resolve = resolve));
    for (const each of stream.getTracks()) each.addEventListener("ended", () => this.stop()); // unplugged, or not shared any more
  }

  start() {
    const mimeType = TYPES[this.what].find((type) => MediaRecorder.isTypeSupported(type));
    this.recorder = new MediaRecorder(this.stream, {
      mimeType,
      videoBitsPerSecond: BITS_PER_SECOND,
      audioBitsPerSecond: SOUND_BITS_PER_SECOND,
      videoKeyFrameIntervalDuration: SEGMENT_MS[this.what],
    });
    const recorder = this.recorder;
    let since = { at: new Date(), mono: performance.now() };
    recorder.ondataavailable = ({ data }) => {
      const now = { at: new Date(), mono: performance.now() };
      const told = { begins_at: since.at.toISOString(), duration_ms: Math.round(now.mono - since.mono) };
      since = now;
      const ends = recorder.state === "inactive" && this.isStopped;
      this.queue = this.queue.then(() => this.segment(data, told, ends)).catch((error) => console.warn(error.message));
    };
    recorder.onstop = () => this.queue.then(() => this.isStopped && this.resolve());
    recorder.start(SEGMENT_MS[this.what]);
    if (this.what === "VOICE" || this.timer) return;
    const [track] = this.stream.getVideoTracks();
    this.capture = "ImageCapture" in window ? new ImageCapture(track) : null;
    this.timer = setInterval(() => this.snapshot().catch(() => {}), SNAPSHOT_MS); // the next one may be had
    setTimeout(() => this.snapshot().catch(() => {}), 500);
  }

  // Whoever watches lacks the beginning: it is recorded anew, and nothing falls between.
  beginAnew() {
    if (this.isStopped) return;
    this.recorder.stop();
    this.start();
  }

  stop() {
    if (this.isStopped) return this.ended;
    this.isStopped = true;
    clearInterval(this.timer);
    this.recorder.stop();
    for (const each of this.stream.getTracks()) each.stop();
    return this.ended;
  }

  async segment(data, told, ends) {
    if (!data.size && !ends) return;
    const content = await data.arrayBuffer();
    const last = ends ? { ends } : {};
    await this.source.report("media_digest", { track: this.track, n: this.n++, what: this.what, ...told, ...last }, content);
  }

  async snapshot() {
    if (this.isStopped) return;
    const frame = this.capture ? await this.capture.grabFrame() : this.preview;
    const [width, height] = [frame.videoWidth ?? frame.width, frame.videoHeight ?? frame.height];
    if (!width) return;
    const canvas = new OffscreenCanvas(SNAPSHOT_WIDTH, Math.round((height * SNAPSHOT_WIDTH) / width));
    canvas.getContext("2d").drawImage(frame, 0, 0, canvas.width, canvas.height);
    const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.7 });
    const content = await picture.arrayBuffer();
    await this.source.report("snapshot", { track: this.track, what: this.what, luma: lumaOf(frame) }, content);
  }
}
