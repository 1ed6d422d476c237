// A station page: `<section data-station data-session>`. The key of the station is made here and bound; camera, screen and
// sound are recorded by `recording.js` and sent by `source.js`, and the page says what still waits in this browser.
import { Recording } from "./recording.js";
import { Later, Source } from "./source.js";

const ASK_AGAIN_MS = 2000; // while the supervisor has not bound it
const BEAT_SECONDS = 10; // as it is bound; it beats twice as often
const DEVICES = {
  CAMERA: () => navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720, frameRate: 15 } }),
  SCREEN: () => navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 10 } }),
  VOICE: () => navigator.mediaDevices.getUserMedia({ audio: true }),
};
const ALONE = ["CAMERA", "VOICE"]; // may be begun without anybody's hand, after the page was loaded anew

// The supervisor was asked, and does not bind it: declined, withdrawn, or another device was asked for meanwhile.
class Ended extends Error {
  constructor(name, declined = null) {
    super(name);
    this.name = name;
    this.declined = declined;
  }
}

class Page {
  constructor(part) {
    this.part = part;
    this.form = part.querySelector("form");
    this.session = part.dataset.session;
    this.words = new Map([...part.querySelectorAll("[data-words] > dd")].map((dd) => [dd.dataset.code, dd.textContent]));
    this.recordings = new Map();
    this.said = part.querySelector("[data-said]");
    this.remembered = `station:${this.session}`;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.bind().catch((error) => this.failed(error));
    });
    this.withdrawing = part.querySelector("[data-withdraw]");
    this.withdrawing.addEventListener("click", () => (this.withdrawing.disabled = true));
    for (const button of this.buttons()) {
      button.addEventListener("click", () => this.toggle(button).catch((error) => this.say("device", { detail: error.message })));
    }
  }

  buttons() {
    return [...this.part.querySelectorAll("button[data-record]")];
  }

  say(code, values = {}) {
    this.said.textContent = this.words.get(code).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
    this.said.dataset.state = code;
    this.part.querySelector("[data-reason]").hidden = true;
  }

  failed(error) {
    if (!(error instanceof Ended)) return this.say("refused", { detail: error.message });
    const button = this.form.querySelector("button");
    button.textContent = button.dataset.again;
    if (error.name === "withdrawn") localStorage.removeItem(this.remembered);
    if (!error.declined) return this.say(error.name);
    const { by, reason } = error.declined;
    this.say(error.name, { by: `${this.words.get(by.role)}${by.number ? ` · ${by.number}` : ""}` });
    const quoted = this.part.querySelector("[data-reason]");
    quoted.textContent = reason;
    quoted.hidden = !reason;
  }

  async begin() {
    if (!globalThis.crypto?.subtle || !navigator.mediaDevices || !globalThis.MediaRecorder) return this.say("insecure");
    this.form.querySelector("button").disabled = false;
    const before = JSON.parse(localStorage.getItem(this.remembered) ?? "{}");
    if (!before.station) return;
    this.form.station.value = before.station;
    if (!(await this.open(before.station))) return;
    if (before.asked && this.source.line.asked) {
      Object.assign(this.form.venue, { value: before.asked.venue });
      Object.assign(this.form.use, { value: before.asked.use });
      return this.bind(false);
    }
    if (!(await this.source.isBound())) return;
    this.ready();
    for (const what of before.recording.filter((each) => ALONE.includes(each))) {
      await this.toggle(this.part.querySelector(`[data-record=${what}]`));
    }
  }

  async open(station) {
    if (this.source?.line.station === station) return true;
    this.source = await Source.open(this.session, station, `/api/sessions/${this.session}/stations/${station}`);
    if (!this.source) return this.say("elsewhere");
    this.source.addEventListener("state", ({ detail }) => {
      this.last = performance.now();
      const size = `${(detail.bytes / 2 ** 20).toFixed(1)} MB`;
      this.say(detail.name, { n: detail.reports, size, detail: detail.refusal });
    });
    this.source.addEventListener("begin-anew", ({ detail }) => this.recordings.get(detail.track.toUpperCase())?.beginAnew());
    return true;
  }

  async bind(isByHand = true) {
    const { station, venue, use } = Object.fromEntries(new FormData(this.form));
    if (!this.form.reportValidity() || !(await this.open(station))) return;
    if (!(await this.source.isBound())) {
      await this.source.bind((key, fingerprint) => this.ask({ venue, station, use }, key, fingerprint, isByHand));
    }
    this.ready();
    if (!this.hasWaited) return;
    // Whoever asked may be gone by now: nobody's hand is needed for the camera.
    await this.toggle(this.part.querySelector("[data-record=CAMERA]")).catch((error) => this.say("device", { detail: error.message }));
  }

  // Until it is bound: at once, but in a sealed night when the supervisor has bound it. What was declined is asked for
  // again by hand alone; what nobody knows of (the answer was lost, it is bound, the night is over) by itself.
  async ask(asked, key, fingerprint, isByHand) {
    const requests = `/api/sessions/${this.session}/stations/requests`;
    const own = `${requests}/${asked.station}`;
    const post = (path, said, how = {}) =>
      this.source.fetch(path, { body: JSON.stringify(said), headers: { "Content-Type": "application/json" }, ...how });
    const wanted = { ...asked, algorithm: "P-256", key, every: BEAT_SECONDS };
    const shown = this.part.querySelector("[data-asked]");
    this.withdrawing.disabled = false;
    try {
      for (let isNew = isByHand; ; isNew = false) {
        try {
          if (this.withdrawing.disabled) {
            if (await post(`${own}/withdraw`, { key }, { isAsking: true })) throw new Ended("withdrawn");
            this.withdrawing.disabled = false; // answered in the same moment
          }
          const known = isNew ? { key: null } : await this.source.fetch(own);
          if (known.key && known.key !== key) throw new Ended("other");
          if (known.declined) throw new Ended("declined", known.declined);
          if (!known.key && (await post(requests, wanted)).bound) return;
        } catch (error) {
          if (!(error instanceof Later) || shown.hidden) throw error;
        }
        if (shown.hidden) {
          for (const field of this.form.elements) field.disabled = true;
          shown.querySelector("[data-fingerprint]").textContent = fingerprint;
          shown.querySelector("[data-key]").textContent = key;
          shown.hidden = false;
          this.hasWaited = true;
          this.say("asked");
          localStorage.setItem(this.remembered, JSON.stringify({ station: asked.station, recording: [], asked }));
        }
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    } catch (error) {
      for (const field of this.form.elements) field.disabled = false;
      throw error;
    } finally {
      shown.hidden = true;
    }
  }

  ready() {
    for (const field of this.form.elements) field.disabled = true;
    for (const button of this.buttons()) button.disabled = false;
    this.beat ??= setInterval(() => this.source.report("heartbeat", {}), BEAT_SECONDS * 500);
    this.source.report("heartbeat", {});
    this.remember();
  }

  remember() {
    const recording = [...this.recordings.keys()];
    localStorage.setItem(this.remembered, JSON.stringify({ station: this.source.line.station, recording }));
  }

  async toggle(button) {
    const what = button.dataset.record;
    const known = this.recordings.get(what);
    button.disabled = true;
    try {
      if (known) await known.stop();
      else await this.record(what, button);
    } finally {
      button.disabled = false;
    }
  }

  async record(what, button) {
    const recording = new Recording(this.source, what.toLowerCase(), what, await DEVICES[what]());
    this.recordings.set(what, recording);
    const preview = this.part.querySelector(`[data-preview=${what}]`);
    if (what !== "VOICE") {
      const video = preview.querySelector("video");
      video.srcObject = recording.stream;
      recording.preview = video;
    }
    preview.hidden = false;
    recording.start();
    button.setAttribute("aria-pressed", "true");
    this.remember();
    recording.ended.then(() => {
      this.recordings.delete(what);
      preview.hidden = true;
      button.setAttribute("aria-pressed", "false");
      this.remember();
    });
  }
}

for (const part of document.querySelectorAll("[data-station]")) {
  const page = new Page(part);
  page.begin().catch((error) => page.failed(error));
}
