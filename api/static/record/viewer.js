// A session's recording, checked here: everything is computed anew from record.js, which holds the log's own
// files (C2SP tlog-tiles, tlog-policy, tlog-proof). No server, no network; opened from a disk.
//
// Checked: entries hang together; their RFC 6962 root is the checkpoint's; the log signed it; enough
// witnesses cosigned it; every report of a station is signed by the key bound to it; exhibits have the
// digests that entries name. Pictures are checked one by one when the reader has chosen the folder (pictures.js).
// Not checked: who the keys belong to. Compare the log's key with the one that its house has published.
// Until the end the page says that it was not checked; so it says that too if this script is damaged.
(() => {
  "use strict";
  const HEX = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const B64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const BYTES = (text) => new TextEncoder().encode(text);
  const TEXT = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const NO_ENTRY = "0".repeat(64);
  const PAGE = 500;
  const ABSENT = /^[A-Z_]+$/; // a reason on the record why something is not here
  const EXHIBITS_MAX = 1000; // so many documents go along
  const subtle = globalThis.crypto?.subtle;

  const join = (...parts) => {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", join(...parts)));
  const LEAF = Uint8Array.of(0);
  const NODE = Uint8Array.of(1);

  const rootOf = async (leaves) => {
    let level = leaves;
    while (level.length > 1) {
      const above = [];
      for (let i = 0; i + 1 < level.length; i += 2) above.push(await sha256(NODE, level[i], level[i + 1]));
      if (level.length % 2) above.push(level[level.length - 1]);
      level = above;
    }
    return level[0];
  };

  // Canonical JSON: keys by UTF-16 code units, as JavaScript sorts; whole numbers alone.
  const canonical = (value) => {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value && typeof value === "object") {
      const keys = Object.keys(value).sort();
      return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
    }
    return JSON.stringify(value);
  };

  const ed25519 = async (key, signature, data) => {
    const known = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return subtle.verify({ name: "Ed25519" }, known, signature, data);
  };
  const p256 = async (key, signature, data) => {
    const known = await subtle.importKey("raw", key, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    return subtle.verify({ name: "ECDSA", hash: "SHA-256" }, known, signature, data);
  };

  const vkeyOf = async (text) => {
    const [name, id] = text.split("+", 2);
    const material = B64(text.slice(name.length + id.length + 2));
    const own = HEX(await sha256(BYTES(`${name}\n`), material)).slice(0, 8);
    if (own !== id) throw new Error(`key id of ${name}`);
    return { name, id, kind: material[0], key: material.slice(1) };
  };
  const noteOf = (text) => {
    const at = text.lastIndexOf("\n\n");
    const lines = text.slice(at + 2).trimEnd().split("\n");
    const signatures = lines.map((line) => {
      const [, name, encoded] = line.split(" ");
      const blob = B64(encoded);
      return { name, id: HEX(blob.slice(0, 4)), signature: blob.slice(4) };
    });
    return { text: text.slice(0, at + 1), signatures };
  };
  // The time of a good signature (0 for a plain one), null where there is none; throws for a wrong one.
  const signedAt = async (note, vkey) => {
    for (const { name, id, signature } of note.signatures) {
      if (name !== vkey.name || id !== vkey.id) continue;
      if (vkey.kind === 1) {
        if (!(await ed25519(vkey.key, signature, BYTES(note.text)))) throw new Error(`signature of ${name}`);
        return 0;
      }
      const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
      const message = BYTES(`cosignature/v1\ntime ${time}\n${note.text}`);
      if (!(await ed25519(vkey.key, signature.slice(8), message))) throw new Error(`signature of ${name}`);
      return Number(time);
    }
    return null;
  };

  const policyOf = async (text) => {
    const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: "" };
    for (const line of text.split("\n")) {
      const [word, ...items] = line.split(/[ \t]+/).filter(Boolean);
      if (word === "log") policy.logs.push(await vkeyOf(items[0]));
      else if (word === "witness") policy.witnesses.set(items[0], await vkeyOf(items[1]));
      else if (word === "group") policy.groups.set(items[0], { least: items[1], members: items.slice(2) });
      else if (word === "quorum") policy.quorum = items[0];
    }
    return policy;
  };
  const hasQuorum = (policy, name, cosigned) => {
    if (name === "none") return true;
    const group = policy.groups.get(name);
    if (!group) return cosigned.has(name);
    const count = group.members.filter((member) => hasQuorum(policy, member, cosigned)).length;
    const least = { any: 1, all: group.members.length }[group.least] ?? Number(group.least);
    return count >= least;
  };

  const bundlePath = (n, width) => {
    const groups = [];
    for (let rest = n; ; rest = Math.floor(rest / 1000)) {
      groups.unshift(String(rest % 1000).padStart(3, "0"));
      if (rest < 1000) break;
    }
    const last = groups.pop();
    return ["tile/entries", ...groups.map((group) => `x${group}`), last].join("/") + (width < 256 ? `.p/${width}` : "");
  };
  const entriesOf = (data) => {
    const found = [];
    for (let at = 0; at < data.length; ) {
      const length = (data[at] << 8) | data[at + 1];
      found.push(data.slice(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return found;
  };

  class View {
    constructor() {
      this.steps = document.getElementById("steps");
      this.list = document.getElementById("entries");
      this.sentences = this.words("sentences");
      this.values = this.words("values");
      this.said = this.words("said");
      this.clock = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });
      this.found = new Map(); // by step: whether it holds
      this.items = [];
      this.album = new Album(this);
      const filter = document.getElementById("filter");
      filter.addEventListener("change", () => this.turn(0));
      document.getElementById("before").addEventListener("click", () => this.turn(this.at - PAGE));
      document.getElementById("after").addEventListener("click", () => this.turn(this.at + PAGE));
      document.getElementById("from").addEventListener("change", ({ target }) => {
        if (!target.value) return this.turn(0);
        const wanted = new Date(`${target.value}:00+08:00`).toISOString();
        const n = this.filtered().findIndex(({ entry }) => entry.at >= wanted);
        return this.turn(n < 0 ? this.filtered().length - 1 : n);
      });
    }

    // POSIX seconds; what a witness said that has no place in a calendar is shown as he said it.
    moment(seconds) {
      const date = new Date(seconds * 1000);
      return Number.isNaN(date.getTime()) ? String(seconds) : this.clock.format(date);
    }

    words(id) {
      const items = [...document.querySelectorAll(`#${id} > dd`)];
      return new Map(items.map((item) => [item.dataset.code, item.textContent]));
    }
    say(code, params = {}) {
      return this.said.get(code).replace(/\{([a-z]+)\}/g, (_, name) => params[name]);
    }
    step(code, holds, detail = "") {
      const item = document.querySelector(`#steps [data-step="${code}"]`) ?? document.createElement("li");
      item.dataset.step = code;
      const [look, mark] = holds === undefined ? ["", "unchecked"] : holds === null ? ["is-open", "open"] : holds ? ["is-good", "good"] : ["is-wrong", "wrong"];
      item.className = look;
      item.textContent = `${this.said.get(`step.${code}`)}: ${this.said.get(mark)}${detail ? ` · ${detail}` : ""}`;
      this.steps.append(item);
      this.found.set(code, this.found.get(code) === false && code !== "media" ? false : holds);
    }
    sentence(entry) {
      return globalThis.telling(entry, this.sentences, this.values);
    }
    filtered() {
      const wanted = document.getElementById("filter").value;
      const fits = {
        session: ({ entry }) => entry.action.split(":")[1] === "session",
        witness: ({ entry }) => entry.action.split(":")[1] === "witness",
        alarm: ({ entry }) => entry.action.endsWith(":alarm"),
        pictures: ({ piece }) => Boolean(piece),
      }[wanted];
      return fits ? this.items.filter(fits) : this.items;
    }
    // The page of the list that begins with entry `at`.
    turn(at) {
      const items = this.filtered();
      this.at = Math.max(0, Math.min(at, items.length - 1));
      const shown = items.slice(this.at, this.at + PAGE);
      this.album.leave();
      this.list.replaceChildren(...shown.map((item) => this.line(item)));
      const range = { first: shown.length ? this.at + 1 : 0, last: this.at + shown.length, count: items.length };
      this.fact("range", this.say("range", range));
      document.getElementById("before").disabled = this.at === 0;
      document.getElementById("after").disabled = this.at + PAGE >= items.length;
    }
    line({ entry, leaf, mark, words, piece }) {
      const item = document.createElement("li");
      const [, room, what] = entry.action.split(":");
      item.dataset.kind = room;
      if (what === "alarm") item.className = `alarm is-${entry.data.state.toLowerCase()}`;
      const time = document.createElement("time");
      time.dateTime = entry.at;
      time.textContent = this.clock.format(new Date(entry.at));
      const said = document.createElement("span");
      said.className = "what";
      said.textContent = this.sentence(entry);
      const who = document.createElement("span");
      who.className = "who";
      who.textContent = [String(entry.seq), entry.actor, leaf.slice(0, 12), mark].filter(Boolean).join(" · ");
      item.append(time, said, who);
      if (words) {
        const quote = document.createElement("blockquote");
        quote.textContent = words;
        item.append(quote);
      }
      if (piece) item.append(this.album.place(piece, item));
      return item;
    }
    fact(id, text) {
      document.getElementById(id).textContent = text;
    }
    done() {
      const verdict = document.getElementById("verdict");
      const found = [...this.found.values()];
      const state = found.includes(false) ? "invalid" : found.includes(null) ? "open" : "valid";
      verdict.dataset.state = state;
      verdict.textContent = this.said.get(`verdict.${state}`) + (this.album.isUnchecked ? this.said.get("verdict.pictures") : "");
    }
  }

  // The pictures that entries name: what is there, what is not and why, and the one that is shown at its entry.
  class Album {
    constructor(view) {
      this.view = view;
      this.pieces = [];
      this.tracks = new Map();
      this.states = new Map(); // by digest: what was found
      this.marks = new Map(); // by digest: where that stands in the list
      this.figure = document.getElementById("shown");
      this.image = this.figure.querySelector("img");
      this.film = this.figure.querySelector("video");
      document.getElementById("folder").addEventListener("change", ({ target }) => this.choose(target.files));
      document.getElementById("check-all").addEventListener("click", () => this.checkAll());
    }
    get isUnchecked() {
      return this.pieces.some(({ sha256, absent }) => !absent && !this.states.has(sha256));
    }
    // What an entry names as a picture; `absent`: by digest, why it is not here.
    take(entry, absent) {
      const kind = entry.action.split(":")[2];
      const ending = { snapshot: "jpg", media_digest: "webm" }[kind];
      if (!ending || !entry.action.startsWith("evaluation:witness:") || !entry.data.bytes) return null;
      const { sha256, station, track } = entry.data;
      const known = this.names.get(sha256) ?? `media/${sha256.slice(0, 2)}/${sha256}.${ending}`;
      this.names.set(sha256, known);
      const piece = { sha256, file: known, entry, absent: absent.get(sha256) ?? "", isStill: kind === "snapshot" };
      this.pieces.push(piece);
      if (!piece.isStill) {
        const name = `${entry.data.source?.station ?? station}/${track}`;
        piece.track = this.tracks.get(name) ?? [];
        this.tracks.set(name, piece.track);
        piece.track.push(piece);
      }
      return piece;
    }
    names = new Map();
    begin() {
      document.getElementById("pictures").hidden = !this.pieces.length;
      if (this.pieces.length) this.view.step("media", this.isUnchecked ? undefined : true, this.counted());
    }
    // Digests by what is known of them.
    counted() {
      const counts = new Map();
      const seen = new Set();
      for (const { sha256, absent } of this.pieces) {
        if (seen.has(sha256)) continue;
        seen.add(sha256);
        const code = absent || this.states.get(sha256) || "unchecked";
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
      return [...counts].map(([code, count]) => `${this.view.say(`media.${code}`)} ${count}`).join("; ");
    }
    // The button, or the reason, at an entry.
    place(piece, item) {
      const box = document.createElement("span");
      box.className = "picture";
      const mark = document.createElement("span");
      mark.className = "mark";
      if (!piece.absent) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = this.view.say(piece.isStill ? "show" : "play");
        button.addEventListener("click", () => this.show(piece, item));
        box.append(button);
      }
      this.marks.set(piece.entry.seq, mark);
      this.mark(piece, mark);
      box.append(mark);
      return box;
    }
    mark(piece, mark = this.marks.get(piece.entry.seq)) {
      const code = piece.absent || this.states.get(piece.sha256);
      if (!mark || !code) return;
      mark.dataset.state = code;
      mark.textContent = this.view.say(`media.${code}`);
    }
    note(piece, code) {
      this.states.set(piece.sha256, code);
      this.mark(piece);
    }
    // What was found of a piece that is shown: held, altered or missing; or what became of its showing.
    tell(piece, code) {
      if (code === "held") return this.note(piece, code);
      if (code === "shown") return this.caption(piece);
      if (code === "altered" || code === "missing") {
        this.note(piece, code);
        this.judge(false);
      }
      return this.say(this.view.say(`media.${code}`), piece);
    }
    judge(holds) {
      this.view.step("media", holds, this.counted());
      this.view.done();
    }
    say(text, piece) {
      const about = piece ? `${this.view.clock.format(new Date(piece.entry.at))} · ` : "";
      this.view.fact("folder-said", about + text);
    }
    choose(files) {
      this.leave();
      this.folder = null;
      document.getElementById("check-all").hidden = true;
      if (![...files].some(({ name }) => name === "record.json")) return this.say(this.view.say("other_folder"));
      this.folder = new BigloopPictures.Folder(files);
      const wanted = new Map(this.pieces.filter(({ absent }) => !absent).map((piece) => [piece.file, piece]));
      const missing = [...wanted.values()].filter((piece) => !this.folder.has(piece));
      this.foreign = [...this.folder.files.keys()].filter((name) => !wanted.has(name));
      this.states.clear(); // of another folder
      for (const mark of this.marks.values()) if (mark.dataset.state && !ABSENT.test(mark.dataset.state)) mark.textContent = mark.dataset.state = "";
      for (const piece of missing) this.note(piece, "missing");
      const counts = { count: this.folder.files.size, missing: missing.length, foreign: this.foreign.length };
      this.say(this.view.say("chosen", counts));
      this.judge(missing.length || this.foreign.length ? false : undefined);
      document.getElementById("check-all").hidden = false;
      this.wanted = [...wanted.values()];
      return undefined;
    }
    async checkAll() {
      const button = document.getElementById("check-all");
      button.disabled = true;
      let n = 0;
      for (const piece of this.wanted) {
        this.note(piece, !this.folder.has(piece) ? "missing" : (await this.folder.read(piece)) ? "held" : "altered");
        n += 1;
        if (n % 20 === 0 || n === this.wanted.length) this.say(this.view.say("progress", { n, count: this.wanted.length }));
      }
      const isWhole = this.wanted.every(({ sha256 }) => this.states.get(sha256) === "held") && !this.foreign.length;
      this.judge(isWhole);
      button.disabled = false;
    }
    leave() {
      this.playing?.close();
      this.playing = null;
      if (this.image.src) URL.revokeObjectURL(this.image.src);
      this.image.removeAttribute("src");
      this.figure.hidden = true;
      document.getElementById("pictures").append(this.figure);
    }
    caption({ entry }) {
      const { station, track, source, n } = entry.data;
      const at = this.view.clock.format(new Date(entry.at));
      const name = [source?.station ?? station, track, n].filter((part) => part !== undefined).join(" · ");
      this.figure.querySelector("figcaption").textContent = `${at} · ${name} · ${this.view.say("media.held")}`;
    }
    async show(piece, item) {
      if (!this.folder) {
        this.say(this.view.say("choose_first"));
        document.getElementById("folder").scrollIntoView({ block: "center" });
        document.getElementById("folder").focus();
        return;
      }
      this.leave();
      this.image.hidden = !piece.isStill;
      this.film.hidden = piece.isStill;
      const bytes = await this.folder.read(piece);
      this.tell(piece, bytes ? "held" : this.folder.has(piece) ? "altered" : "missing");
      if (!bytes) return;
      this.caption(piece);
      item.append(this.figure);
      this.figure.hidden = false;
      if (piece.isStill) {
        this.image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
        this.image.alt = this.figure.querySelector("figcaption").textContent;
        return;
      }
      const there = piece.track.filter(({ absent }) => !absent);
      this.playing = new BigloopPictures.Film(this.film, this.folder, there, (one, code) => this.tell(one, code));
      await this.playing.start(there.indexOf(piece));
    }
  }

  const stationSignature = async (session, entry, kind, keys) => {
    const { source, ...data } = entry.data;
    const key = keys.get(source.station);
    if (!key) return false;
    const signed = canonical({
      at: source.at, data, kind, n: source.n, prev: source.prev, session, station: source.station,
      up: source.up, v: "bigloop.station.v1",
    });
    const verify = key.algorithm === "ED25519" ? ed25519 : p256;
    return verify(B64(key.key), B64(source.sig), BYTES(signed));
  };

  const run = async (view, held) => {
    const file = (path) => {
      if (!(path in held)) throw new Error(path);
      return B64(held[path]);
    };
    const note = noteOf(TEXT(file("checkpoint")));
    const [origin, sizeText, root64] = note.text.split("\n");
    const size = Number(sizeText);
    const root = HEX(B64(root64));
    view.fact("origin", origin);
    view.fact("size", sizeText);
    view.fact("root", root);

    // The entries, their chain, and the root.
    const bodies = [];
    for (let n = 0; n * 256 < size; n += 1) bodies.push(...entriesOf(file(bundlePath(n, Math.min(256, size - 256 * n)))));
    const entries = bodies.map((body) => JSON.parse(TEXT(body)));
    const leaves = [];
    for (const body of bodies) leaves.push(await sha256(LEAF, body));
    const stream = entries[0].stream;
    const session = stream.slice(stream.indexOf("/") + 1);
    const bad = entries.findIndex((entry, n) =>
      entry.seq !== n || entry.stream !== stream || entry.prev !== (n ? HEX(leaves[n - 1]) : NO_ENTRY)
      || canonical(entry) !== TEXT(bodies[n]) || (n && entry.at < entries[n - 1].at));
    view.step("chain", bad < 0 && entries.length === size, bad < 0 ? String(entries.length) : `#${bad}`);
    const own = HEX(await rootOf(leaves));
    view.step("root", own === root && origin.endsWith(`/${stream}`), own.slice(0, 16));

    // Signatures on the head.
    const policy = await policyOf(TEXT(file("policy")));
    const cosigned = new Map();
    let isSigned = false;
    try {
      for (const log of policy.logs) {
        if (log.name === origin && (await signedAt(note, log)) !== null) isSigned = true;
      }
      view.step("log", isSigned, policy.logs.map((log) => `${log.name}+${log.id}`).join(" "));
      for (const [name, witness] of policy.witnesses) {
        const time = await signedAt(note, witness);
        if (time !== null) cosigned.set(name, time);
      }
      const who = [...cosigned].map(([name, time]) => `${name} ${view.moment(time)}`).join("; ");
      view.step("quorum", hasQuorum(policy, policy.quorum, cosigned) ? true : null, who || `0/${policy.witnesses.size}`);
    } catch (error) {
      view.step("log", false, error.message);
    }

    // Exhibits, by the digests that entries name.
    const exhibits = new Map();
    for (const path of Object.keys(held)) {
      if (path.startsWith("exhibits/") && !path.endsWith(".tlog-proof")) {
        const content = B64(held[path]);
        exhibits.set(HEX(await sha256(content)), content);
      }
    }
    const named = new Set(entries.flatMap((entry) => entry.documents.map((document) => document.sha256)));
    const strange = [...exhibits.keys()].filter((digest) => !named.has(digest));
    const isAll = exhibits.size === Math.min(named.size, EXHIBITS_MAX);
    view.step("exhibits", strange.length === 0 && isAll, `${exhibits.size}/${named.size}`);

    // Stations, and the list. Pictures: why those are not here that are not.
    const told = JSON.parse(TEXT(file("media.json")));
    const absent = new Map(Object.entries(told.absent).flatMap(([why, all]) => all.map((digest) => [digest, why])));
    const keys = new Map();
    let signed = 0;
    let forged = 0;
    for (const [n, entry] of entries.entries()) {
      const kind = entry.action.split(":")[2];
      let mark = "";
      if (entry.action === "evaluation:witness:station_bound") keys.set(entry.data.station, entry.data);
      if (entry.action === "evaluation:witness:station_released") keys.delete(entry.data.station);
      if (entry.data.source) {
        const holds = await stationSignature(session, entry, kind, keys).catch(() => false);
        if (holds) signed += 1;
        else forged += 1;
        mark = view.said.get(holds ? "signed" : "forged");
      }
      const quoted = entry.documents.find((document) => document.type === "text/plain" && exhibits.has(document.sha256));
      const words = quoted ? TEXT(exhibits.get(quoted.sha256)) : "";
      view.items.push({ entry, leaf: HEX(leaves[n]), mark, words, piece: view.album.take(entry, absent) });
    }
    view.step("stations", forged === 0, `${signed}/${signed + forged}`);
    view.album.begin();
    view.turn(0);
  };

  document.addEventListener("DOMContentLoaded", async () => {
    const view = new View();
    if (!subtle) {
      view.step("chain", null, view.said.get("insecure"));
      view.done();
      return;
    }
    try {
      await run(view, globalThis.BIGLOOP_RECORD ?? {});
    } catch (error) {
      view.step("chain", false, error.message);
    }
    view.done();
  });
})();
