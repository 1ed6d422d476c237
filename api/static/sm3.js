// SM3 (GB/T 32905-2016), which WebCrypto does not have: the digest of some bytes, as bytes.

const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const rotate = (x, n) => (x << n) | (x >>> (32 - n));
const T = Array.from({ length: 64 }, (_, j) => rotate(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32));
const W = new Int32Array(68);

const padded = (data) => {
  const all = new Uint8Array((((data.length + 8) >> 6) + 1) * 64);
  all.set(data);
  all[data.length] = 0x80;
  const bits = data.length * 8;
  const view = new DataView(all.buffer);
  view.setUint32(all.length - 8, Math.floor(bits / 2 ** 32));
  view.setUint32(all.length - 4, bits >>> 0);
  return view;
};

const compress = (v, view, at) => {
  for (let j = 0; j < 16; j += 1) W[j] = view.getInt32(at + 4 * j);
  for (let j = 16; j < 68; j += 1) {
    const x = W[j - 16] ^ W[j - 9] ^ rotate(W[j - 3], 15);
    W[j] = x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(W[j - 13], 7) ^ W[j - 6];
  }
  let [a, b, c, d, e, f, g, h] = v;
  for (let j = 0; j < 64; j += 1) {
    const turned = rotate(a, 12);
    const ss1 = rotate((turned + e + T[j]) | 0, 7);
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + (ss1 ^ turned) + (W[j] ^ W[j + 4])) | 0;
    const tt2 = (gg + h + ss1 + W[j]) | 0;
    [a, b, c, d] = [tt1, a, rotate(b, 9), c];
    [e, f, g, h] = [tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17), e, rotate(f, 19), g];
  }
  [a, b, c, d, e, f, g, h].forEach((x, i) => (v[i] ^= x));
};

export const sm3 = (data) => {
  const view = padded(data);
  const v = Int32Array.from(IV);
  for (let at = 0; at < view.byteLength; at += 64) compress(v, view, at);
  const out = new DataView(new ArrayBuffer(32));
  v.forEach((x, i) => out.setInt32(4 * i, x));
  return new Uint8Array(out.buffer);
};
