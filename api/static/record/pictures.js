// The pictures of a session's recording: still ones shown, pieces of a station's recording played one after another,
// at their place in the list. A page that is opened from a disk may read no file by itself; so the reader chooses the
// folder. Every file is hashed first, and what has not the digest on the record is shown to nobody.
(() => {
  "use strict";
  const EBML = [0x1a, 0x45, 0xdf, 0xa3];
  const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
  const TIMESTAMP = 0xe7; // what a Cluster begins with (RFC 9559)
  const CODECS = [["V_VP8", "vp8"], ["V_VP9", "vp9"], ["A_OPUS", "opus"]];
  const AHEAD_SECONDS = 20;
  const KEPT_SECONDS = 30;
  const subtle = globalThis.crypto?.subtle;
  const HEX = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const isAt = (bytes, at, pattern) => pattern.every((byte, n) => bytes[at + n] === byte);

  // Where a Cluster begins in the middle of a recording: the first, or with `isLast` the last one. -1: none does.
  const clusterIn = (bytes, isLast) => {
    let found = -1;
    for (let at = bytes.indexOf(CLUSTER[0]); at >= 0; at = bytes.indexOf(CLUSTER[0], at + 1)) {
      if (!isAt(bytes, at, CLUSTER)) continue;
      const sizeLength = 9 - (32 - Math.clz32(bytes[at + 4])); // of the element's size, an EBML number
      if (bytes[at + 4 + sizeLength] !== TIMESTAMP) continue;
      found = at;
      if (!isLast) break;
    }
    return found;
  };
  const typeOf = (head) => {
    const text = new TextDecoder("latin1").decode(head.subarray(0, 4096));
    const codecs = CODECS.filter(([id]) => text.includes(id)).map(([, name]) => name);
    return `${text.includes("V_VP") ? "video" : "audio"}/webm; codecs="${codecs.join(",")}"`;
  };
  // The beginning of a run of pieces: what every decoder is given first.
  const headOf = (bytes) => {
    const at = clusterIn(bytes, false);
    return at < 0 ? bytes : bytes.subarray(0, at);
  };

  // The folder that was chosen: its media by the name that they have in it.
  class Folder {
    constructor(files) {
      this.files = new Map();
      for (const file of files) {
        const parts = file.webkitRelativePath.split("/");
        const at = parts.indexOf("media");
        if (at >= 0) this.files.set(parts.slice(at).join("/"), file);
      }
    }

    has(piece) {
      return this.files.has(piece.file);
    }

    // Whether a piece is the first of a run, by its first bytes; they prove nothing yet.
    async isHead(piece) {
      const file = this.files.get(piece.file);
      return Boolean(file) && isAt(new Uint8Array(await file.slice(0, 4).arrayBuffer()), 0, EBML);
    }

    // The bytes of a piece; null where they are not there, or not those of the record.
    async read(piece) {
      const file = this.files.get(piece.file);
      if (!file) return null;
      const bytes = new Uint8Array(await file.arrayBuffer());
      const digest = HEX(new Uint8Array(await subtle.digest("SHA-256", bytes)));
      return digest === piece.sha256 ? bytes : null;
    }
  }

  // A track played from one of its pieces on. `tell(piece, code)`: what became of a piece.
  class Film {
    constructor(media, folder, pieces, tell) {
      Object.assign(this, { media, folder, pieces, tell, ends: [] });
      this.onTime = () => this.time();
      this.onEnded = () => this.next < this.pieces.length && this.start(this.next);
      media.addEventListener("timeupdate", this.onTime);
      media.addEventListener("waiting", this.onTime);
      media.addEventListener("ended", this.onEnded);
    }

    close() {
      this.isClosed = true;
      this.media.removeEventListener("timeupdate", this.onTime);
      this.media.removeEventListener("waiting", this.onTime);
      this.media.removeEventListener("ended", this.onEnded);
      this.media.pause();
      if (this.media.src) URL.revokeObjectURL(this.media.src);
      this.media.removeAttribute("src");
      this.media.load();
    }

    async read(n) {
      const bytes = await this.folder.read(this.pieces[n]);
      this.tell(this.pieces[n], bytes ? "held" : this.folder.has(this.pieces[n]) ? "altered" : "missing");
      return bytes;
    }

    // Begin as shortly before the piece as a decoder can: at the last Cluster before it.
    async start(wanted) {
      let head = wanted;
      while (head > 0 && !(await this.folder.isHead(this.pieces[head]))) head -= 1;
      const first = await this.read(head);
      if (!first || !isAt(first, 0, EBML)) return this.tell(this.pieces[wanted], "headless");
      const type = typeOf(first);
      if (!globalThis.MediaSource?.isTypeSupported(type)) return this.tell(this.pieces[wanted], "unplayable");
      const opening = [[first, this.pieces[head]]];
      this.next = head + 1;
      for (let n = wanted - 1; wanted > head && n > head; n -= 1) {
        const bytes = await this.read(n);
        const at = bytes ? clusterIn(bytes, true) : -1;
        if (at < 0) continue;
        opening[0] = [headOf(first), null];
        opening.push([bytes.subarray(at), this.pieces[n]]);
        this.next = n + 1;
        break;
      }
      if (this.isClosed) return undefined;
      this.ends = [];
      this.queue = opening;
      this.isCut = this.isOver = false;
      const source = new MediaSource();
      if (this.media.src) URL.revokeObjectURL(this.media.src);
      this.media.src = URL.createObjectURL(source);
      source.addEventListener("sourceopen", () => {
        this.source = source;
        this.buffer = source.addSourceBuffer(type);
        this.buffer.addEventListener("updateend", () => this.settle());
        this.feed();
      }, { once: true });
      return undefined;
    }

    settle() {
      const { buffered } = this.buffer;
      if (buffered.length) {
        if (this.fed) this.ends.push([buffered.end(buffered.length - 1), this.fed]);
        if (!this.isBegun) this.media.play().catch(() => {});
        this.isBegun = true;
        this.step(); // it may have come to the hole before what lies beyond was there
      }
      this.fed = null;
      this.feed();
    }

    // The next piece, where there is room; one that is not the record's is left out, and after it begins a Cluster.
    async feed() {
      if (this.isClosed || this.isFeeding || !this.buffer || this.buffer.updating) return;
      this.isFeeding = true;
      try {
        await this.give();
      } catch (error) {
        this.tell(this.pieces[Math.min(this.next, this.pieces.length) - 1], "unplayable");
        console.warn(error.message);
        this.close();
      } finally {
        this.isFeeding = false;
      }
    }

    async give() {
      if (this.queue.length) {
        const [bytes, piece] = this.queue.shift();
        this.fed = piece;
        return this.buffer.appendBuffer(bytes);
      }
      const { buffered } = this.buffer;
      const old = this.media.currentTime - KEPT_SECONDS;
      if (buffered.length && old > buffered.start(0) + KEPT_SECONDS) return this.buffer.remove(0, old);
      if (buffered.length && buffered.end(buffered.length - 1) - this.media.currentTime > AHEAD_SECONDS) return undefined;
      while (!this.isOver && this.next < this.pieces.length) {
        const piece = this.pieces[this.next];
        const bytes = await this.read(this.next);
        if (this.isClosed) return undefined;
        if (bytes && isAt(bytes, 0, EBML)) break; // recorded anew: played when this run has ended
        this.next += 1;
        const from = !bytes ? -1 : this.isCut ? clusterIn(bytes, false) : 0;
        if (from < 0) {
          if (!this.isCut) this.buffer.abort();
          this.isCut = true;
          continue;
        }
        this.isCut = false;
        this.fed = piece;
        return this.buffer.appendBuffer(bytes.subarray(from));
      }
      if (!this.isOver && this.source.readyState === "open") this.source.endOfStream();
      this.isOver = true;
      return undefined;
    }

    // What is missing between two pieces is stepped over.
    step() {
      const { buffered, currentTime } = this.media;
      for (let n = 0; n < buffered.length; n += 1) {
        if (currentTime < buffered.start(n) && (n === 0 || currentTime > buffered.end(n - 1) - 0.5)) {
          this.media.currentTime = buffered.start(n);
          return;
        }
      }
    }

    time() {
      this.step();
      const { currentTime } = this.media;
      const shown = this.ends.find(([end]) => currentTime < end);
      if (shown) this.tell(shown[1], "shown");
      this.feed();
    }
  }

  globalThis.BigloopPictures = { Folder, Film };
})();
