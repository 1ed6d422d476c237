// The witness's own signature: `<form data-cosign>` and `<form data-key>` at a witness desk.
//
// The key (Ed25519) is made in this browser, cannot be taken out of it, and belongs to one account; the server
// learns the public half. What is signed is the newest checkpoint that witness.js has verified here: every
// entry hashed, the chain and the root held against the checkpoint, and the root that was seen at the last
// visit found again. Nothing is signed without the witness's own click; until the script can sign, the
// buttons cannot be pressed.
(() => {
  "use strict";
  const STORE = "bigloop-witness";
  const marks = new Map(); // size -> {origin, root}
  let newest = 0;

  const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
  const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

  const open = () =>
    new Promise((resolve, reject) => {
      const asked = indexedDB.open(STORE, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("keys");
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  const kept = (store, account) =>
    new Promise((resolve, reject) => {
      const asked = store.transaction("keys").objectStore("keys").get(account);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  const keyOf = async (account) => {
    const store = await open();
    const known = await kept(store, account);
    if (known) return known;
    const made = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    await new Promise((resolve, reject) => {
      const written = store.transaction("keys", "readwrite");
      written.objectStore("keys").put(made, account);
      written.oncomplete = resolve;
      written.onerror = () => reject(written.error);
    });
    return made;
  };
  const publicOf = async (key) => base64(new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey)));

  const put = (form, name, value) => {
    let field = form.querySelector(`input[type="hidden"][name="${name}"]`);
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      form.append(field);
    }
    field.value = value;
  };

  const sign = async (form, account) => {
    const key = await keyOf(account);
    put(form, "key", await publicOf(key));
    if (!("cosign" in form.dataset)) return;
    const size = Number(form.dataset.cosign) || newest;
    const mark = marks.get(size);
    if (!mark) throw new Error(`no verified checkpoint of ${size} entries`);
    const time = Math.floor((await now()).getTime() / 1000);
    const text = `${mark.origin}\n${size}\n${base64(unhex(mark.root))}\n`;
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${text}`);
    const signature = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key.privateKey, message));
    put(form, "size", size);
    put(form, "root", mark.root);
    put(form, "time", time);
    put(form, "sig", base64(signature));
  };
  // Legal time, as the server has it: a demonstration's is not the wall clock's.
  const now = async () => {
    const answer = await fetch("/api/clock");
    return new Date((await answer.json()).now);
  };

  // Whether signatures made here would be accepted: the account may have its key in another browser.
  const isOurs = async (desk) => {
    if (!desk.dataset.knownKey) return true; // the first act enrols the key of this browser
    const own = await kept(await open(), desk.dataset.me);
    return Boolean(own) && (await publicOf(own)) === desk.dataset.knownKey;
  };

  const settle = async () => {
    for (const desk of document.querySelectorAll("[data-desk]")) {
      const canSign = await isOurs(desk);
      desk.querySelector("[data-other-key]")?.toggleAttribute("hidden", canSign);
      desk.querySelector("[data-waits]")?.toggleAttribute("hidden", newest > 0);
      for (const form of desk.querySelectorAll("form[data-key]")) form.querySelector("button").disabled = false;
      for (const form of desk.querySelectorAll("form[data-cosign]")) {
        const size = Number(form.dataset.cosign) || newest;
        const enrols = form.action.endsWith("/accept"); // with its own key
        form.querySelector("button").disabled = !marks.has(size) || !(canSign || enrols);
      }
    }
  };

  document.addEventListener("witness:verified", ({ detail }) => {
    for (const [size, root] of detail.roots) marks.set(size, { origin: detail.origin, root });
    newest = Math.max(newest, detail.size);
    settle();
  });
  document.addEventListener("witness:broken", () => {
    marks.clear();
    newest = 0;
    settle();
  });
  document.addEventListener("htmx:after:settle", settle);
  document.addEventListener("DOMContentLoaded", settle);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const desk = form.closest("[data-desk]");
    if (!desk || form.dataset.isSigned || !("cosign" in form.dataset || "key" in form.dataset)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.isSigning) return; // a second click
    form.dataset.isSigning = "1";
    sign(form, desk.dataset.me)
      .then(() => {
        form.dataset.isSigned = "1";
        // The list may have been read anew while the signature was made: this form is then no longer in
        // the page, and a form that stands nowhere is not sent.
        if (!form.isConnected) {
          form.hidden = true;
          document.body.append(form);
        }
        form.requestSubmit();
      })
      .catch((error) => {
        delete form.dataset.isSigning;
        console.warn(error.message);
      });
  }, true);
})();
