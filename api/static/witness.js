// A session's record as it grows, verified here: `<div data-witness="<session>">`.
//
// Frames come over `/live/sessions/<id>` (witness.v1). Of each entry the leaf hash SHA-256(0x00 ‖ body)
// is computed, its `prev` must be the leaf before, its number the next; at each mark the root of
// RFC 6962 over all leaves must be the one that the checkpoint states. What does not hold is shown and
// nothing after it is counted. The signature under the checkpoint is not looked at here.
(() => {
  "use strict";
  const PROTOCOL = "witness.v1";
  const NO_ENTRY = "0".repeat(64);
  const SHOWN_MAX = 500;
  const SIGN_OF_LIFE = /:(heartbeat|snapshot|media_digest)$/; // of each station and track the newest is shown
  const ROOTS_MAX = 5000;
  const PAUSE_MS = 2000;
  const PAUSE_MS_MAX = 30000;
  const SIGNED_OUT = 4001;
  const REFUSED = 4002;
  const NOT_HIS = 4003;
  const clock = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Asia/Shanghai",
    dateStyle: "short",
    timeStyle: "medium",
  });

  const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const hash = async (...parts) => {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  };
  const LEAF = Uint8Array.of(0);
  const NODE = Uint8Array.of(1);

  // The tree of RFC 6962 as the peaks of its full subtrees, smallest last.
  class Tree {
    size = 0;
    peaks = [];
    async add(leaf) {
      let node = leaf;
      for (let n = this.size; n % 2 === 1; n = (n - 1) / 2) {
        node = await hash(NODE, this.peaks.pop(), node);
      }
      this.peaks.push(node);
      this.size += 1;
    }
    async root() {
      let node = this.peaks[this.peaks.length - 1];
      for (let n = this.peaks.length - 2; n >= 0; n -= 1) node = await hash(NODE, this.peaks[n], node);
      return hex(node);
    }
  }

  class Broken extends Error {}

  class Watch {
    constructor(part) {
      this.part = part;
      this.session = part.dataset.witness;
      this.list = part.querySelector(".events");
      this.said = part.querySelector(".verified");
      this.sentences = this.words("[data-sentences]");
      this.values = this.words("[data-values]");
      this.people = this.words("[data-people]");
      this.tree = new Tree();
      this.roots = new Map(); // size -> root, of sizes that no mark has confirmed yet
      this.last = NO_ENTRY;
      this.epoch = "";
      this.marked = 0;
      this.keeps = "remember" in part.dataset ? `witness:${this.session}` : "";
      this.before = JSON.parse((this.keeps && localStorage.getItem(this.keeps)) || "{}");
      this.queue = Promise.resolve();
      this.tries = 0;
      this.isBroken = false;
    }

    words(selector) {
      const items = [...this.part.querySelectorAll(`${selector} > dd`)];
      return new Map(items.map((item) => [item.dataset.code, item.textContent]));
    }

    state(name, text) {
      this.said.dataset.state = name;
      const shown = this.said.querySelector("[data-said]");
      if (shown.textContent !== text) shown.textContent = text;
    }

    connect() {
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      const socket = new WebSocket(`${scheme}://${location.host}/live/sessions/${this.session}`, PROTOCOL);
      socket.onopen = () =>
        socket.send(
          JSON.stringify({
            epoch: this.epoch,
            frame: "hello",
            next: this.tree.size,
            protocol: PROTOCOL,
            session: this.session,
          }),
        );
      socket.onmessage = ({ data }) => {
        this.queue = this.queue.then(() => this.take(data)).catch((error) => this.fail(error, socket));
      };
      socket.onclose = ({ code, reason }) => {
        if (this.isBroken || this.isLeft) return;
        this.state("cut", this.said.dataset.cut);
        if ([SIGNED_OUT, REFUSED, NOT_HIS].includes(code)) return;
        // What was received before the cut is taken in first: the hello says where to go on.
        setTimeout(() => this.queue.then(() => this.connect()), this.pause(reason));
      };
      this.socket = socket;
    }

    // Thousands that were cut together do not come back together: the pause is drawn from a span that grows, or
    // the server has named a time to each.
    pause(reason) {
      const [, retry] = /retry=([\d.]+)/.exec(reason) ?? [];
      if (retry) return retry * 1000 * (1 + 0.1 * Math.random());
      return Math.min(PAUSE_MS * 2 ** this.tries++, PAUSE_MS_MAX) * Math.random();
    }

    fail(error, socket) {
      if (this.isBroken) return;
      this.isBroken = true;
      document.dispatchEvent(new CustomEvent("witness:broken"));
      this.state("broken", this.said.dataset.broken.replace("{n}", this.tree.size));
      this.said.setAttribute("role", "alert");
      if (!(error instanceof Broken)) console.warn(error.message);
      socket.close();
    }

    async take(text) {
      if (this.isBroken) return;
      const frame = JSON.parse(text);
      if (frame.frame === "welcome") {
        if (this.epoch && this.epoch !== frame.epoch) throw new Broken("another record");
        this.epoch = frame.epoch;
        this.tries = 0;
        if (this.before.epoch === frame.epoch && frame.head < this.before.size) throw new Broken("shorter than before");
        if (!this.tree.size) this.state("reading", this.said.dataset.reading);
      } else if (frame.frame === "event") await this.event(frame);
      else if (frame.frame === "mark") await this.mark(frame);
      else if (frame.frame === "watch") this.kept(frame.unkept);
    }

    // Nobody writes down what happens: what was verified holds, but silence means nothing any more.
    kept(seconds) {
      const alert = document.querySelector("p[data-unkept]");
      alert.hidden = !seconds;
      if (seconds) alert.textContent = alert.dataset.unkept.replace("{seconds}", seconds);
    }

    async event(frame) {
      const leaf = await hash(LEAF, new TextEncoder().encode(frame.body));
      let entry;
      try {
        entry = JSON.parse(frame.body);
      } catch {
        throw new Broken("no entry");
      }
      const holds =
        frame.seq === this.tree.size &&
        entry.seq === frame.seq &&
        entry.stream === `session/${this.session}` &&
        entry.prev === this.last;
      this.show(entry, hex(leaf), holds);
      if (!holds) throw new Broken("the chain does not hold");
      document.dispatchEvent(new CustomEvent("witness:entry", { detail: entry }));
      this.last = hex(leaf);
      await this.tree.add(leaf);
      const root = await this.tree.root();
      this.check(root);
      this.roots.set(this.tree.size, root);
    }

    async mark(frame) {
      const [origin, size, root] = frame.checkpoint.split("\n");
      const stated = hex(Uint8Array.from(atob(root), (c) => c.charCodeAt(0)));
      const own = this.roots.get(frame.size);
      if (frame.size <= this.marked) return;
      const isOurs = origin.endsWith(`/session/${this.session}`) && Number(size) === frame.size;
      if (!isOurs || own !== stated) {
        this.list.firstElementChild?.classList.add("is-broken");
        throw new Broken("another root");
      }
      this.remember(origin, frame.size, stated);
      this.marked = frame.size;
      if (this.roots.size > ROOTS_MAX) {
        for (const known of [...this.roots.keys()].slice(0, -ROOTS_MAX)) this.roots.delete(known);
      }
      const text = this.said.dataset.whole.replace("{n}", frame.size).replace("{root}", stated.slice(0, 16));
      this.state("whole", text);
      this.said.title = stated;
    }

    // What was verified here: told to the page (a witness signs it), and kept, so that the next visit
    // finds out if the record no longer continues what this one saw.
    remember(origin, size, root) {
      const roots = [...this.roots].filter(([known]) => known <= size);
      const detail = { origin, size, root, roots };
      document.dispatchEvent(new CustomEvent("witness:verified", { detail }));
      if (this.keeps) localStorage.setItem(this.keeps, JSON.stringify({ epoch: this.epoch, size, root }));
    }

    // The root that an earlier visit verified, if the tree has its size now.
    check(root) {
      const { size, root: seen, epoch } = this.before;
      if (epoch === this.epoch && size === this.tree.size && seen !== root) throw new Broken("not what was seen before");
    }

    sentence(entry) {
      return globalThis.telling(entry, this.sentences, this.values, (account) => this.people.get(account || null));
    }

    // Who acted, without a name; a station that is known by its key alone has no account.
    who(actor) {
      if (actor.startsWith("station:")) return actor.slice("station:".length);
      return this.people.get(actor) ?? this.people.get("") ?? actor;
    }

    show(entry, leaf, holds) {
      const item = document.createElement("li");
      item.className = holds ? "" : "is-broken";
      item.dataset.seq = entry.seq;
      if (holds && SIGN_OF_LIFE.test(entry.action)) {
        item.dataset.sign = `${entry.action} ${entry.data.station} ${entry.data.track ?? ""}`;
        this.list.querySelector(`[data-sign="${item.dataset.sign}"]`)?.remove();
      }
      const time = document.createElement("time");
      time.dateTime = entry.at;
      time.textContent = clock.format(new Date(entry.at));
      const what = document.createElement("div");
      what.className = "what";
      const said = document.createElement("p");
      said.textContent = this.sentence(entry);
      const who = document.createElement("p");
      who.className = "who";
      who.textContent = `${this.who(entry.actor)} · ${entry.seq} · ${leaf.slice(0, 12)}`;
      what.append(said, who);
      item.append(time, what);
      this.list.prepend(item);
      while (this.list.childElementCount > SHOWN_MAX) this.list.lastElementChild.remove();
      if (holds) this.quote(entry, what).catch(() => {});
    }

    // The words of a note or an order, if they are those whose digest the entry holds.
    async quote(entry, what) {
      const found = entry.documents.find((document) => document.name.startsWith("witness-"));
      if (!found) return;
      const answer = await fetch(`${this.part.dataset.words}/${entry.seq}`);
      if (!answer.ok) return;
      const text = await answer.text();
      const digest = hex(await hash(new TextEncoder().encode(text)));
      const words = document.createElement("blockquote");
      words.textContent = digest === found.sha256 ? text : this.said.dataset.otherwords;
      what.append(words);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const part of document.querySelectorAll("[data-witness]")) {
      const watch = new Watch(part);
      if (!globalThis.crypto?.subtle) {
        watch.state("cut", watch.said.dataset.insecure);
        continue;
      }
      watch.connect();
      window.addEventListener("pagehide", () => {
        watch.isLeft = true;
        watch.socket.close();
      });
    }
  });
})();
