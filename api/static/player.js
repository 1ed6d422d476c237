// A live track in a `<video>` or `<audio>`: the websocket's WebM goes to MediaSource.
//
// A binary message is one whole segment as its station hashed it; after the text `part`, what is left of some. Who comes
// late is given the head and what came since the newest keyframe. The picture is kept near its newest end: after a cut
// or a pause what was missed is skipped, not shown later. A recording that begins anew gets a new MediaSource.
const EBML = [0x1a, 0x45, 0xdf, 0xa3];
const BEHIND_SECONDS = 6; // more than this behind the newest picture: jump
const NEAR_SECONDS = 1;
const KEPT_SECONDS = 30;
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000];
const LEFT_FOR_GOOD = [4001, 4003, 1008];
const CODECS = [["V_VP8", "vp8"], ["V_VP9", "vp9"], ["A_OPUS", "opus"]];

// A browser does not tell a handshake that was refused from a server that is away.
const isUp = () => fetch("/health", { cache: "no-store" }).then(({ ok }) => ok, () => false);

const typeOf = (head) => {
  const text = new TextDecoder("latin1").decode(head.subarray(0, 4096));
  const codecs = CODECS.filter(([id]) => text.includes(id)).map(([, name]) => name);
  return `${text.includes("V_VP") ? "video" : "audio"}/webm; codecs="${codecs.join(",")}"`;
};

// Events: `state` {name}, `segment` {bytes} for each whole one.
export class Player extends EventTarget {
  constructor(media, path, behind = BEHIND_SECONDS) {
    super();
    this.media = media;
    this.behind = behind;
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.tries = this.refusals = 0;
  }

  tell(name) {
    this.dispatchEvent(new CustomEvent("state", { detail: { name } }));
  }

  open() {
    this.tell("waiting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    let isPart = false;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.tries = this.refusals = 0;
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        isPart = data === "part";
        return;
      }
      const bytes = new Uint8Array(data);
      if (!isPart) this.dispatchEvent(new CustomEvent("segment", { detail: { bytes } }));
      isPart = false;
      this.take(bytes);
    };
    socket.onclose = async ({ code }) => {
      if (this.isClosed) return;
      const pause = BACK_OFF_MS[Math.min(this.tries++, BACK_OFF_MS.length - 1)];
      if (!wasOpen && (await isUp())) this.refusals += 1;
      if (this.isClosed) return;
      // A handshake that is refused over and over by a server that is there: not given to this viewer.
      if (LEFT_FOR_GOOD.includes(code) || this.refusals > BACK_OFF_MS.length) {
        this.tell("refused");
        return;
      }
      this.tell("cut");
      this.again = setTimeout(() => this.open(), pause * (0.5 + Math.random()));
    };
    this.socket = socket;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.again);
    this.socket?.close();
    this.drop();
    this.media.removeAttribute("src");
    this.media.load();
  }

  drop() {
    if (this.source) URL.revokeObjectURL(this.media.src);
    this.source = this.buffer = null;
    this.queue = [];
  }

  take(bytes) {
    if (EBML.every((byte, place) => bytes[place] === byte)) this.begin(typeOf(bytes));
    if (!this.source) return; // nothing can be shown before a head
    this.queue.push(bytes);
    this.feed();
  }

  begin(type) {
    this.drop();
    if (!MediaSource.isTypeSupported(type)) return this.tell("unplayable");
    const source = new MediaSource();
    this.source = source;
    this.media.src = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      if (source !== this.source) return;
      this.buffer = source.addSourceBuffer(type);
      this.buffer.addEventListener("updateend", () => source === this.source && this.settle());
      this.feed();
    });
  }

  feed() {
    if (!this.buffer || this.buffer.updating || !this.queue.length) return;
    try {
      this.buffer.appendBuffer(this.queue.shift());
    } catch (error) {
      console.warn(error.message); // full, or broken: it begins anew with the next head
      this.socket.close();
    }
  }

  settle() {
    const { buffered } = this.buffer;
    if (buffered.length) {
      const last = buffered.length - 1;
      const [start, end] = [buffered.start(last), buffered.end(last)];
      const at = this.media.currentTime;
      if (at < start) this.media.currentTime = start;
      else if (end - at > this.behind) this.media.currentTime = end - NEAR_SECONDS;
      if (this.media.paused) this.media.play().catch(() => {});
      this.tell("playing");
      const old = this.media.currentTime - KEPT_SECONDS;
      if (old > buffered.start(0) + KEPT_SECONDS && !this.queue.length) {
        this.buffer.remove(0, old);
        return;
      }
    }
    this.feed();
  }
}
