// The sealed envelope, version 1, made in the browser: what archive/sealing.py describes, by WebCrypto.
//
//   const half = bigloopSeal.newHalf();
//   const cell = await bigloopSeal.seal(publicKey, {subject, kind, sender, version}, content, half);
//
// HPKE is RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256) / HKDF-SHA256 / AES-256-GCM; HKDF is RFC
// 5869; canonical JSON is RFC 8785 for flat values of texts and whole numbers and lists of them. It
// opens nothing: halves and cells are opened by the custodian's side alone. It stores nothing.
(() => {
  "use strict";
  const VERSION = 1;
  const HALF_BYTES = 32;
  const CONTENT_BYTES_MAX = 15 * 1024;
  const PLAIN_BYTES = 16302;
  const HASH_BYTES = 32;
  const EMPTY = new Uint8Array(0);
  const KEM_SUITE = join("KEM", [0x00, 0x10]);
  const HPKE_SUITE = join("HPKE", [0x00, 0x10, 0x00, 0x01, 0x00, 0x02]);
  const CURVE = { name: "ECDH", namedCurve: "P-256" };

  function join(...parts) {
    const all = parts.map((part) =>
      typeof part === "string" ? new TextEncoder().encode(part) : Uint8Array.from(part),
    );
    const made = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of all) {
      made.set(part, at);
      at += part.length;
    }
    return made;
  }

  const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

  const unhex = (text) => {
    if (!/^([0-9a-f]{2})*$/.test(text)) throw new TypeError("not lower-case hex");
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  };

  const base64 = (bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    return btoa(text);
  };

  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

  // --- Canonical JSON (RFC 8785) ---

  const canonical = (value) => {
    if (typeof value === "string") {
      if (!value.isWellFormed()) throw new TypeError("text that has no UTF-8");
      return JSON.stringify(value);
    }
    if (Number.isSafeInteger(value)) return String(value);
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") throw new TypeError("no canonical form");
    // Array.sort compares UTF-16 code units, as the RFC asks.
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${canonical(name)}:${canonical(value[name])}`).join(",")}}`;
  };

  const encode = (value) => new TextEncoder().encode(canonical(value));

  // --- HKDF and HPKE ---

  const hmac = async (key, data) => {
    const made = await crypto.subtle.importKey(
      "raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"],
    );
    return new Uint8Array(await crypto.subtle.sign("HMAC", made, data));
  };

  // No salt is as many zeros as the hash has bytes.
  const extract = (salt, secret) => hmac(salt.length ? salt : new Uint8Array(HASH_BYTES), secret);

  const expand = async (key, info, length) => {
    let made = EMPTY;
    let block = EMPTY;
    for (let count = 1; made.length < length; count++) {
      block = await hmac(key, join(block, info, [count]));
      made = join(made, block);
    }
    return made.slice(0, length);
  };

  const labeledExtract = (suite, salt, label, secret) =>
    extract(salt, join("HPKE-v1", suite, label, secret));

  const labeledExpand = (suite, key, label, info, length) =>
    expand(key, join([length >> 8, length & 255], "HPKE-v1", suite, label, info), length);

  const aesGcm = async (key, nonce, data, more) => {
    const made = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
    const how = { name: "AES-GCM", iv: nonce, additionalData: more, tagLength: 128 };
    return new Uint8Array(await crypto.subtle.encrypt(how, made, data));
  };

  const encapsulate = async (publicKey) => {
    const theirs = await crypto.subtle.importKey("raw", publicKey, CURVE, false, []);
    const own = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
    const enc = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
    const bits = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own.privateKey, 256);
    const key = await labeledExtract(KEM_SUITE, EMPTY, "eae_prk", new Uint8Array(bits));
    const context = join(enc, publicKey);
    return [await labeledExpand(KEM_SUITE, key, "shared_secret", context, HASH_BYTES), enc];
  };

  const hpkeSeal = async (publicKey, info, plain) => {
    const [shared, enc] = await encapsulate(publicKey);
    const pskId = await labeledExtract(HPKE_SUITE, EMPTY, "psk_id_hash", EMPTY);
    const infoHash = await labeledExtract(HPKE_SUITE, EMPTY, "info_hash", info);
    const context = join([0], pskId, infoHash);
    const secret = await labeledExtract(HPKE_SUITE, shared, "secret", EMPTY);
    const key = await labeledExpand(HPKE_SUITE, secret, "key", context, 32);
    const nonce = await labeledExpand(HPKE_SUITE, secret, "base_nonce", context, 12);
    return join(enc, await aesGcm(key, nonce, plain, EMPTY));
  };

  // --- The envelope ---

  const lengthed = (data) => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, data.length);
    return join(head, data);
  };

  const newHalf = () => crypto.getRandomValues(new Uint8Array(HALF_BYTES));

  // `publicKey` 65 bytes; `content` and `half` bytes. The cell of 16,384 bytes.
  const seal = async (publicKey, { subject, kind, sender, version }, content, half) => {
    if (content.length > CONTENT_BYTES_MAX) throw new RangeError("content too large");
    if (half.length !== HALF_BYTES) throw new RangeError("a half has 32 bytes");
    const platformHalf = newHalf();
    const context = encode({ format: "bigloop.sealed.v1", kind, sender, subject, version });
    const okm = await expand(await extract(EMPTY, join(half, platformHalf)), context, 76);
    const inner = await aesGcm(okm.slice(0, 32), okm.slice(32, 44), content, context);
    const header = encode({
      key_commitment: hex(okm.slice(44)),
      kind,
      platform_half: hex(platformHalf),
      sender,
      version,
    });
    const plain = new Uint8Array(PLAIN_BYTES);
    plain.set(join(lengthed(header), lengthed(inner)));
    const info = join("bigloop.sealed", [VERSION], subject);
    return join([VERSION], await hpkeSeal(publicKey, info, plain));
  };

  window.bigloopSeal = {
    CONTENT_BYTES_MAX, HALF_BYTES, base64, encode, hex, newHalf, seal, sha256, unhex,
  };
})();
