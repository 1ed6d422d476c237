// Pictures of the watched sessions: `<… data-pictures="/supervisor/wall/pictures">`.
//
// `data-stills-of`: where single pictures are, if not with the supervisor's; `data-most`: so many are shown of a session.
// On the wall each tile (`[data-session]`) gets the newest still pictures of its tracks. In a session's page (`[data-player]`)
// a track that is chosen is played, and only that one. A picture is shown if its bytes have the digest that it goes by;
// a segment that is played is counted if the record, as `witness.js` has verified it here, holds its digest.
import { Player } from "./player.js";
import { hex, sha256 } from "./source.js";

const ASK_MS = 3000;
const GONE = [401, 403, 404]; // signed out, or a venue that has no part in the session any more
const SHOWN_ON_TILE = 4;
const STILLS_OF = "/supervisor/sessions";
const KNOWN_MAX = 5000;
const STRANGE_MS = 15_000; // the record may come a little after the picture

const known = new Set(); // digests on the record, newest last
document.addEventListener("witness:entry", ({ detail }) => {
  if (!/:(media_digest|snapshot)$/.test(detail.action)) return;
  known.delete(detail.data.sha256);
  known.add(detail.data.sha256);
  if (known.size > KNOWN_MAX) known.delete(known.values().next().value);
});

// While the record is still being read, what is not in it yet says nothing.
const isRead = () => document.querySelector(".verified")?.dataset.state === "whole";

const asData = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

class Pictures {
  constructor(part) {
    this.part = part;
    this.words = new Map([...part.querySelectorAll("[data-words] > dd")].map((dd) => [dd.dataset.code, dd.textContent]));
    this.sessions = {};
    this.shown = new Map(); // digest -> data URL, or "" where the bytes are others
    this.seen = new Map(); // digest -> since when, of pictures that the record does not hold yet
    this.figure = part.querySelector("[data-player]");
    document.addEventListener("htmx:after:settle", () => this.paint());
    this.ask();
    this.asking = setInterval(() => document.hidden || this.ask(), ASK_MS);
  }

  word(code, values = {}) {
    return this.words.get(code).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  async ask() {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch(this.part.dataset.pictures);
      if (GONE.includes(answer.status)) clearInterval(this.asking);
      if (!answer.ok) return;
      this.sessions = (await answer.json()).sessions;
      const wanted = Object.entries(this.sessions).flatMap(([session, tracks]) =>
        tracks.filter((track) => track.snapshot).map((track) => [session, track.snapshot]),
      );
      await Promise.all(wanted.map(([session, digest]) => this.load(session, digest)));
      for (const digest of this.shown.keys()) if (!wanted.some(([, each]) => each === digest)) this.shown.delete(digest);
      for (const digest of this.seen.keys()) if (!this.shown.has(digest)) this.seen.delete(digest);
      this.paint();
    } catch {
      // asked again soon
    } finally {
      this.isAsking = false;
    }
  }

  async load(session, digest) {
    if (this.shown.has(digest)) return;
    const answer = await fetch(`${this.part.dataset.stillsOf ?? STILLS_OF}/${session}/pictures/${digest}`);
    if (!answer.ok) return;
    const blob = await answer.blob();
    const own = hex(await sha256(await blob.arrayBuffer()));
    this.shown.set(digest, own === digest ? await asData(blob) : "");
  }

  paint() {
    for (const place of this.part.querySelectorAll("[data-stills]")) {
      const tracks = this.sessions[place.dataset.stills] ?? [];
      const shown = this.figure ? tracks : tracks.filter((track) => track.snapshot && !track.has_ended).slice(0, this.part.dataset.most ?? SHOWN_ON_TILE);
      const names = shown.map((track) => `${track.station} ${track.track}`);
      for (const item of [...place.children]) if (!names.includes(item.dataset.name)) item.remove();
      shown.forEach((track, at) => this.still(place, names[at], track));
      place.parentElement.querySelector("[data-none]")?.toggleAttribute("hidden", shown.length > 0);
    }
  }

  still(place, name, track) {
    const item = place.querySelector(`[data-name="${name}"]`) ?? place.appendChild(this.item(name, track));
    const image = item.querySelector("img");
    const data = this.shown.get(track.snapshot);
    const title = `${track.station} · ${this.word(track.what)}`;
    if (data && image.src !== data) image.src = data;
    image.hidden = !image.src;
    image.alt = title;
    const state = track.has_ended ? "ended" : track.is_live ? "live" : "still";
    const isWrong = data === "" || this.isUnknown(track.snapshot);
    item.dataset.state = isWrong ? "wrong" : state;
    item.querySelector("[data-title]").textContent = title;
    item.querySelector("[data-when]").textContent = this.word(isWrong ? "wrong" : state, { n: track.seconds });
    const button = item.querySelector("button");
    if (button) button.disabled = !track.is_live;
  }

  // In a session's page: a picture of which the record holds nothing though it was read.
  isUnknown(digest) {
    if (!this.figure || !digest || known.has(digest)) return false;
    const since = this.seen.get(digest) ?? performance.now();
    this.seen.set(digest, since);
    return isRead() && performance.now() - since > STRANGE_MS;
  }

  item(name, track) {
    const item = document.createElement("li");
    item.dataset.name = name;
    const held = document.createElement(this.figure ? "button" : "span");
    held.className = this.figure ? "btn-plain still" : "still";
    const image = document.createElement("img");
    image.hidden = true;
    const title = document.createElement("span");
    title.dataset.title = "";
    const when = document.createElement("span");
    when.dataset.when = "";
    when.className = "badge";
    held.append(image, title, when);
    if (this.figure) {
      held.type = "button";
      held.addEventListener("click", () => this.play(name, track));
    }
    item.append(held);
    return item;
  }

  // --- One track, played -----------------------------------------------------------------------

  play(name, { station, track, what }) {
    this.player?.close();
    this.waiting = new Map(); // digest -> when it was played, of segments that the record does not hold yet
    this.proven = this.strange = 0;
    this.figure.hidden = false;
    this.figure.querySelector("[data-title]").textContent = `${station} · ${this.word(what)}`;
    for (const item of this.part.querySelectorAll("[data-name]")) {
      item.toggleAttribute("data-chosen", item.dataset.name === name);
    }
    const path = `/live/sessions/${this.figure.dataset.player}/media/${station}/${track}`;
    const player = new Player(this.figure.querySelector("video"), path);
    player.addEventListener("segment", async ({ detail }) => {
      const digest = hex(await sha256(detail.bytes));
      if (player === this.player) this.waiting.set(digest, performance.now());
    });
    player.addEventListener("state", ({ detail }) => this.say(detail.name));
    this.player = player;
    player.open();
    this.checking ??= setInterval(() => this.check(), 500);
  }

  check() {
    for (const [digest, since] of this.waiting) {
      if (known.has(digest)) this.proven += 1;
      else if (isRead() && performance.now() - since > STRANGE_MS) this.strange += 1;
      else continue;
      this.waiting.delete(digest);
    }
    this.say(this.state);
  }

  say(name) {
    this.state = name;
    const code = this.strange ? "strange" : name;
    const said = this.figure.querySelector("[data-said]");
    const text = this.word(code, { n: this.strange || this.proven });
    if (said.textContent !== text) said.textContent = text;
    Object.assign(this.figure.dataset, { state: code, proven: this.proven, strange: this.strange });
  }
}

for (const part of document.querySelectorAll("[data-pictures]")) {
  if (globalThis.crypto?.subtle) new Pictures(part);
}
