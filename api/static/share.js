// The centre's or the supervisor's share of a draw's seed, made and kept in this browser.
//
//   [data-share="commit"]   draws 32 random bytes, keeps them, and fills in the commitment
//   [data-share="reveal"]   fills in the share that was kept
//
// commitment = SHA-256("bigloop.draw.share.v1" 00 request[32] party 00 share[32]), see
// experts/draws/seed.py. Without this script both fields can be filled by hand.
(() => {
  "use strict";
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const bytesOf = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

  const commit = async (part, key) => {
    const { request, party } = part.dataset;
    const share = localStorage.getItem(key) ?? hex(crypto.getRandomValues(new Uint8Array(32)));
    localStorage.setItem(key, share);
    const word = (text) => new TextEncoder().encode(`${text}\0`);
    const parts = [word("bigloop.draw.share.v1"), bytesOf(request), word(party), bytesOf(share)];
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
    part.querySelector("[name=commitment]").value = hex(new Uint8Array(digest));
    const kept = part.querySelector("[data-kept]");
    kept.querySelector("code").textContent = share;
    kept.hidden = false;
  };

  const reveal = (part, key) => {
    const field = part.querySelector("[name=share]");
    field.value ||= localStorage.getItem(key) ?? "";
  };

  const fill = (root) => {
    for (const part of root.querySelectorAll("[data-share]:not([data-filled])")) {
      part.dataset.filled = "yes";
      const key = `bigloop.share.${part.dataset.party}.${part.dataset.request}`;
      if (part.dataset.share === "reveal") reveal(part, key);
      else if (crypto.subtle) commit(part, key).catch(() => {});
    }
  };

  document.addEventListener("DOMContentLoaded", () => fill(document));
  document.addEventListener("htmx:after:swap", () => fill(document));
})();
