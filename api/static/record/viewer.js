// A session's recording, checked here: everything is computed anew from record.js, which holds the log's own
// files (C2SP tlog-tiles, tlog-policy, tlog-proof). No server, no network; opened from a disk.
//
// Checked: entries hang together; their RFC 6962 root is the checkpoint's; the log signed it; enough
// witnesses cosigned it; every report of a station is signed by the key bound to it; exhibits have the
// digests that entries name. Not checked: who the keys belong to. Compare the log's key with the one
// that its house has published.
(() => {
  "use strict";
  const HEX = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const B64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const BYTES = (text) => new TextEncoder().encode(text);
  const TEXT = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const NO_ENTRY = "0".repeat(64);
  const SHOWN_MAX = 5000;
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
      this.isGood = true;
    }
    words(id) {
      const items = [...document.querySelectorAll(`#${id} > dd`)];
      return new Map(items.map((item) => [item.dataset.code, item.textContent]));
    }
    step(code, holds, detail = "") {
      const item = document.createElement("li");
      item.dataset.step = code;
      item.className = holds === null ? "is-open" : holds ? "is-good" : "is-wrong";
      const mark = this.said.get(holds === null ? "open" : holds ? "good" : "wrong");
      item.textContent = `${this.said.get(`step.${code}`)}: ${mark}${detail ? ` · ${detail}` : ""}`;
      this.steps.append(item);
      if (holds === false) this.isGood = false;
      if (holds === null && this.isGood) this.isOpen = true;
    }
    sentence(entry) {
      return globalThis.telling(entry, this.sentences, this.values);
    }
    entry(entry, leaf, mark, words) {
      if (this.list.childElementCount >= SHOWN_MAX) return;
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
      this.list.append(item);
    }
    fact(id, text) {
      document.getElementById(id).textContent = text;
    }
    done() {
      const verdict = document.getElementById("verdict");
      const state = !this.isGood ? "invalid" : this.isOpen ? "open" : "valid";
      verdict.dataset.state = state;
      verdict.textContent = this.said.get(`verdict.${state}`);
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
      const who = [...cosigned].map(([name, time]) => `${name} ${view.clock.format(new Date(time * 1000))}`).join("; ");
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
    view.step("exhibits", strange.length === 0, `${exhibits.size}/${named.size}`);

    // Stations, and the list.
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
      view.entry(entry, HEX(leaves[n]), mark, quoted ? TEXT(exhibits.get(quoted.sha256)) : "");
    }
    view.step("stations", forged === 0, `${signed}/${signed + forged}`);
  };

  document.addEventListener("DOMContentLoaded", async () => {
    const view = new View();
    const filter = document.getElementById("filter");
    filter.addEventListener("change", () => view.list.setAttribute("data-show", filter.value));
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
