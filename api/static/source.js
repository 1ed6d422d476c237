// A station in a browser: it signs what it reports where it arises, and loses none of it through a cut.
//
// Its key (ECDSA P-256) is made here and cannot be taken out. Reports are numbered, each holds the digest of the one
// before (`bigloop.station.v1`, docs/witness.md). Report, key's position and the bytes that it tells of are
// written to this browser's IndexedDB in one transaction before anything is sent, and leave it when the server has
// acknowledged them: reports first and in order, then the bytes. Of bytes at most `KEPT_BYTES_MAX` wait; beyond it the
// oldest go, their digests never. One window at a time is a station.
import { sm3 } from "./sm3.js";

const STORE = "bigloop-station";
const KEPT_BYTES_MAX = 256 * 1024 * 1024;
const AT_ONCE = 50;
const SEND_MS_MAX = 20_000;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15_000];
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const NO_REPORT = "0".repeat(64);

export const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

// RFC 8785 for what a report is made of: text, whole numbers, switches.
const canonical = (value) => {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
};

const asked = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const open = () => {
  const request = indexedDB.open(STORE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("lines");
    for (const name of ["reports", "bytes"]) {
      request.result.createObjectStore(name, { autoIncrement: true }).createIndex("of", "of");
    }
  };
  return asked(request);
};

export class Later extends Error {}
class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.code = problem.code;
  }
}

// Events: `state` {name, waiting, bytes, detail}, `begin-anew` {track}.
export class Source extends EventTarget {
  // `home`: where the station is at the server; `line`: its key and position as they were left here.
  constructor(database, home, line) {
    super();
    this.database = database;
    this.home = home;
    this.line = line;
    this.turn = Promise.resolve();
    this.tries = 0;
    this.isUnsure = true; // an answer may have been lost: the server is asked how far it is
    this.refusal = "";
    window.addEventListener("online", () => this.pump());
  }

  // The station of this window; null where another window is it.
  static async open(session, station, home) {
    const lock = new Promise((given) => {
      navigator.locks.request(`${STORE} ${home}`, { ifAvailable: true }, (held) => {
        given(held);
        return held && new Promise(() => {}); // for as long as the window is open
      });
    });
    if (!(await lock)) return null;
    const database = await open();
    const line = await asked(database.transaction("lines").objectStore("lines").get(home));
    const made = new Source(database, home, line ?? { session, station, n: 0, prev: NO_REPORT, tracks: {}, keys: null });
    const left = await made.first("bytes");
    made.waiting = left.reduce((sum, { value }) => sum + value.content.size, 0);
    return made;
  }

  async publicKey() {
    return base64(new Uint8Array(await crypto.subtle.exportKey("raw", this.line.keys.publicKey)));
  }

  // Whether the server has this station with the key of this browser.
  async isBound() {
    if (!this.line.keys) return false;
    const answer = await this.fetch(this.home, { isAsking: true });
    return answer !== null && answer.key === (await this.publicKey());
  }

  // A new key, which `send(key, fingerprint)` has bound at the server; what was signed with another is no longer wanted.
  // It is kept while it is waited for, so that a window that is opened anew waits for the same.
  async bind(send) {
    const keys = this.line.asked ?? (await crypto.subtle.generateKey(KEY, false, ["sign", "verify"]));
    this.line = { ...this.line, asked: keys };
    await asked(this.database.transaction("lines", "readwrite").objectStore("lines").put(this.line, this.home));
    const key = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
    await send(base64(key), hex(await sha256(key)).slice(0, 20).replace(/....(?=.)/g, "$& "));
    this.line = { ...this.line, n: 0, prev: NO_REPORT, keys, asked: null };
    const stores = this.database.transaction(["lines", "reports"], "readwrite");
    stores.objectStore("lines").put(this.line, this.home);
    for (const key of await asked(stores.objectStore("reports").index("of").getAllKeys(this.home))) {
      stores.objectStore("reports").delete(key);
    }
    this.refusal = "";
  }

  // Sign a report and keep it until it is acknowledged; with the bytes that it tells of, if there are any.
  report(kind, data, content = null) {
    this.turn = this.turn.then(() => this.sign(kind, data, content)).catch((error) => console.warn(error.message));
    return this.turn;
  }

  async sign(kind, data, content) {
    const { session, station, n, prev, keys, tracks } = this.line;
    const said = {
      at: new Date().toISOString(),
      data: { ...data, station, ...(content && { bytes: content.byteLength, ...(await this.digests(content)) }) },
      kind,
      n,
      prev,
      // Goes on over a window that is opened anew, and is not moved by whoever sets the clock meanwhile.
      up: Math.round(performance.timeOrigin + performance.now()),
    };
    const bytes = new TextEncoder().encode(canonical({ ...said, session, station, v: "bigloop.station.v1" }));
    const sig = base64(new Uint8Array(await crypto.subtle.sign(SIGNATURE, keys.privateKey, bytes)));
    const counted = "n" in data ? { ...tracks, [data.track]: data.n + 1 } : tracks;
    const line = { ...this.line, n: n + 1, prev: hex(await sha256(bytes)), tracks: counted };
    const stores = this.database.transaction(["lines", "reports", "bytes"], "readwrite");
    stores.objectStore("lines").put(line, this.home);
    stores.objectStore("reports").add({ of: this.home, report: { ...said, sig } });
    if (content?.byteLength) {
      const piece = { of: this.home, n, kind, track: data.track, content: new Blob([content]) };
      stores.objectStore("bytes").add(piece);
      this.waiting += content.byteLength;
    }
    await new Promise((resolve, reject) => {
      stores.oncomplete = resolve;
      stores.onerror = stores.onabort = () => reject(stores.error ?? new Error("not kept"));
    });
    this.line = line;
    if (this.waiting > KEPT_BYTES_MAX) await this.makeRoom();
    this.pump();
  }

  async digests(content) {
    return { sha256: hex(await sha256(content)), sm3: hex(sm3(new Uint8Array(content))) };
  }

  // --- To the server --------------------------------------------------------------------------

  async pump() {
    if (this.isPumping) return;
    this.isPumping = true;
    clearTimeout(this.again);
    try {
      while (await this.deliver()) this.tries = 0;
      await this.tell(this.refusal ? "refused" : "whole");
    } catch (error) {
      await this.tell("cut");
      const pause = BACK_OFF_MS[Math.min(this.tries++, BACK_OFF_MS.length - 1)];
      this.again = setTimeout(() => this.pump(), pause * (0.5 + Math.random()));
      if (!(error instanceof Later)) console.warn(error.message);
    } finally {
      this.isPumping = false;
    }
  }

  async tell(name) {
    const of = this.database.transaction("reports").objectStore("reports").index("of");
    const reports = await asked(of.count(this.home));
    const detail = { name, reports, bytes: this.waiting, refusal: this.refusal };
    this.dispatchEvent(new CustomEvent("state", { detail }));
  }

  // One thing more that was delivered; false where nothing waits that could be.
  async deliver() {
    const [piece] = await this.first("bytes", 1); // looked for first: a later one's report may not have gone out
    const reports = await this.first("reports", AT_ONCE);
    if (reports.length && !this.refusal) {
      try {
        await this.send(reports);
        return true;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.refusal = error.message; // nothing more is taken in until the station is bound anew
      }
    }
    if (!piece || (reports.length && piece.value.n >= reports[0].value.report.n)) return false;
    await this.upload(piece.value);
    await this.forget("bytes", [piece]);
    return true;
  }

  async send(reports) {
    let answer;
    if (this.isUnsure) {
      answer = await this.fetch(this.home);
      this.isUnsure = false;
    } else {
      const body = JSON.stringify({ reports: reports.map(({ value }) => value.report) });
      answer = await this.fetch(`${this.home}/reports`, { body, headers: { "Content-Type": "application/json" } });
    }
    await this.forget("reports", reports.filter(({ value }) => value.report.n < answer.next));
  }

  async upload({ kind, track, content }) {
    const path = kind === "snapshot" ? "pictures" : "media";
    try {
      await this.fetch(`${this.home}/${path}/${track}`, { body: content });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Kept, but whoever watches cannot be shown it: a server that was started anew lacks the beginning.
      if (error.code === "api.media.begin_anew") this.dispatchEvent(new CustomEvent("begin-anew", { detail: { track } }));
      else console.warn(error.message); // these bytes are wanted by nobody; what comes after them is
    }
  }

  // The answer of a POST (with a body) or a GET, which gives null for 404 to who is only asking. Throws Later
  // and Refused.
  async fetch(path, { isAsking = false, ...options } = {}) {
    let answer;
    try {
      const signal = AbortSignal.timeout(SEND_MS_MAX);
      answer = await fetch(path, { method: "body" in options ? "POST" : "GET", signal, ...options });
      if (answer.ok) return await answer.json();
    } catch {
      answer = null;
    }
    if (answer === null || answer.status >= 500 || [401, 429].includes(answer.status)) {
      this.isUnsure = true;
      throw new Later("later");
    }
    if (answer.status === 404 && isAsking) return null;
    throw new Refused(await answer.json());
  }

  // --- What waits here ------------------------------------------------------------------------

  async first(name, count) {
    const store = this.database.transaction(name).objectStore(name).index("of");
    const [keys, values] = await Promise.all([
      asked(store.getAllKeys(this.home, count)),
      asked(store.getAll(this.home, count)),
    ]);
    return keys.map((key, place) => ({ key, value: values[place] }));
  }

  async makeRoom() {
    for (const piece of await this.first("bytes")) {
      if (this.waiting <= (KEPT_BYTES_MAX * 7) / 8) return;
      await this.forget("bytes", [piece]);
    }
  }

  async forget(name, found) {
    const store = this.database.transaction(name, "readwrite").objectStore(name);
    await Promise.all(found.map(({ key }) => asked(store.delete(key))));
    if (name === "bytes") this.waiting -= found.reduce((sum, { value }) => sum + value.content.size, 0);
  }
}
