// Voice between a committee's members: `<section data-voice data-session>`. Own speech is recorded, signed and sent like every
// recording (`source.js`, `recording.js`); each of the others is heard by a player of his own.
import { Player } from "./player.js";
import { Recording } from "./recording.js";
import { Source } from "./source.js";

const ASK_MS = 4000;
const BEHIND_SECONDS = 2;

class Voice {
  constructor(part) {
    this.part = part;
    this.home = `/api/sessions/${part.dataset.session}/voices`;
    this.words = new Map([...part.querySelectorAll("[data-words] > dd")].map((dd) => [dd.dataset.code, dd.textContent]));
    this.players = new Map();
    this.join = part.querySelector("[data-join]");
    this.speak = part.querySelector("[data-speak]");
    this.said = part.querySelector("[data-said]");
    this.join.addEventListener("click", () => this.enter().catch((error) => this.fail(error)));
    this.speak.addEventListener("click", () => this.toggle().catch((error) => this.fail(error)));
    if (globalThis.crypto?.subtle && navigator.mediaDevices && globalThis.MediaRecorder) this.join.disabled = false;
    else this.say("insecure");
  }

  say(code, values = {}) {
    this.said.textContent = this.words.get(code).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
    this.said.dataset.state = code;
  }

  fail(error) {
    this.join.disabled = false;
    this.say(error.name === "NotAllowedError" || error.name === "NotFoundError" ? "device" : "refused", { detail: error.message });
  }

  async enter() {
    this.join.disabled = true;
    if (!this.source) {
      const { session, station } = this.part.dataset;
      this.source = await Source.open(session, station, `${this.home}/${station}`);
      if (!this.source) return this.say("elsewhere");
      this.source.addEventListener("state", ({ detail }) => {
        if (detail.name === "refused") this.leave();
        const size = `${(detail.bytes / 2 ** 20).toFixed(1)} MB`;
        this.say(detail.name, { n: detail.reports, size, detail: detail.refusal });
      });
      this.source.addEventListener("begin-anew", () => this.recording?.beginAnew());
    }
    if (!(await this.source.isBound())) {
      await this.source.bind(async (key) => {
        const body = JSON.stringify({ algorithm: "P-256", key });
        await this.source.fetch(this.home, { body, headers: { "Content-Type": "application/json" } });
      });
    }
    this.speak.disabled = false;
    this.asking ??= setInterval(() => this.listen().catch(() => {}), ASK_MS);
    await this.listen();
    await this.toggle();
  }

  // The review was paused, or the place is no longer his.
  leave() {
    this.recording?.stop();
    clearInterval(this.asking);
    this.asking = null;
    for (const seat of this.players.keys()) this.drop(seat);
    this.speak.disabled = true;
    this.join.disabled = false;
  }

  async toggle() {
    if (this.recording) {
      await this.recording.stop();
      return;
    }
    const audio = { echoCancellation: true, noiseSuppression: true };
    this.recording = new Recording(this.source, "voice", "VOICE", await navigator.mediaDevices.getUserMedia({ audio }));
    this.recording.start();
    this.speak.setAttribute("aria-pressed", "true");
    this.recording.ended.then(() => {
      this.recording = null;
      this.speak.setAttribute("aria-pressed", "false");
    });
  }

  async listen() {
    const answer = await fetch(this.home);
    if (!answer.ok) return;
    const { seats } = await answer.json();
    for (const seat of this.players.keys()) if (!seats.includes(seat)) this.drop(seat);
    for (const seat of seats) if (!this.players.has(seat)) this.hear(seat);
    this.part.querySelector("[data-none]").hidden = seats.length > 0;
  }

  hear(seat) {
    const item = document.createElement("li");
    item.dataset.seat = seat;
    const name = document.createElement("span");
    name.textContent = seat;
    const state = document.createElement("span");
    state.className = "badge";
    const audio = document.createElement("audio");
    item.append(name, " ", state, audio);
    this.part.querySelector("[data-seats]").append(item);
    const player = new Player(audio, `/live/sessions/${this.part.dataset.session}/media/voice-${seat}/voice`, BEHIND_SECONDS);
    player.addEventListener("state", ({ detail }) => {
      item.dataset.state = detail.name;
      state.textContent = this.words.get(detail.name === "playing" ? "heard" : "silent");
    });
    this.players.set(seat, { player, item });
    player.open();
  }

  drop(seat) {
    const { player, item } = this.players.get(seat);
    player.close();
    item.remove();
    this.players.delete(seat);
  }
}

for (const part of document.querySelectorAll("[data-voice]")) new Voice(part);
