// Small help for forms; they work without it.
//
//   [data-amount]    shows the amount in words beside a field for yuan
//   [data-busy]      a button that was pressed says so and cannot be pressed twice
//   [data-page]      a refused form is shown where it was sent to; the browser stands on its page again
//   [data-focus]     what went wrong gets the focus, so that it is read out first, and names its fields
(() => {
  "use strict";
  const PAUSE_MS = 250;
  const timers = new WeakMap();

  const inWords = async (field) => {
    const output = document.getElementById(`${field.id}-words`);
    if (!output) return;
    const answer = await fetch(`${field.dataset.amount}?yuan=${encodeURIComponent(field.value)}`);
    if (answer.ok) output.textContent = await answer.text();
  };

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.matches?.("[data-amount]")) return;
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(() => inWords(field).catch(() => {}), PAUSE_MS));
  });

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy || event.defaultPrevented) return;
    // After the browser has gathered the fields, the button's own among them.
    setTimeout(() => {
      button.dataset.label = button.textContent;
      button.textContent = button.dataset.busy;
      button.disabled = true;
    });
  });

  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[data-label]")) {
      button.textContent = button.dataset.label;
      button.disabled = false;
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const { page } = document.body.dataset;
    if (page) history.replaceState(null, "", page);
    const wrong = document.querySelector("[data-focus]");
    if (!wrong) return;
    for (const link of wrong.querySelectorAll('a[href^="#"]')) {
      const id = link.hash.slice(1);
      const named = document.querySelector(`label[for="${id}"], #${id} > legend`);
      if (named) link.textContent = `${named.textContent.trim()}:${link.textContent}`;
    }
    // Whoever is already in a field stays there.
    if (document.activeElement === document.body) wrong.focus();
  });
})();
