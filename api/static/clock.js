// The legal clock of the page's head, and countdowns to a legal moment.
//
//   <time data-clock="2026-10-21T09:00:00+08:00">   runs on; put right by every reading of the server
//   <span data-until="2026-10-21T10:00:00+08:00">   "13天 00:59:58", then data-over's text
//
// Legal time may run at another speed than this machine's (a demonstration), so the speed is measured
// from readings: those of the socket (`legal-clock`), else one asked for now and then.
(() => {
  "use strict";
  const ASK_MS = 20000;
  const zone = "Asia/Shanghai";
  const form = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const days = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "day", unitDisplay: "long" });
  let legal = 0;
  let at = 0;
  let rate = 1;
  let heard = 0;

  const now = () => legal + (performance.now() - at) * rate;

  const take = (text) => {
    const moment = Date.parse(text);
    if (Number.isNaN(moment)) return;
    const here = performance.now();
    const passed = here - at;
    if (heard && passed > 900) {
      const measured = (moment - legal) / passed;
      // A jump of the clock is no speed.
      rate = measured < 0 || measured > 5000 ? 1 : Math.abs(measured - 1) < 0.05 ? 1 : measured;
    }
    legal = moment;
    at = here;
    heard = here;
  };

  const two = (n) => String(n).padStart(2, "0");
  const span = (ms) => {
    const s = Math.max(0, Math.ceil(ms / 1000));
    const d = Math.floor(s / 86400);
    const clock = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
    return d ? `${days.format(d)} ${clock}` : clock;
  };

  const show = () => {
    if (!at) return;
    const moment = now();
    for (const element of document.querySelectorAll("[data-clock]")) {
      const text = form.format(moment);
      if (element.textContent !== text) element.textContent = text;
    }
    for (const element of document.querySelectorAll("[data-until]")) {
      const left = Date.parse(element.dataset.until) - moment;
      element.textContent = left > 0 ? span(left) : element.dataset.over || span(0);
      element.classList.toggle("is-over", left <= 0);
    }
  };

  const ask = async () => {
    if (document.hidden || performance.now() - heard < ASK_MS / 2) return;
    try {
      const answer = await fetch("/api/clock");
      if (answer.ok) take((await answer.json()).now);
    } catch {
      // The line is cut; the page says so elsewhere.
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const first = document.querySelector("[data-clock]");
    if (!first) return;
    take(first.dataset.clock);
    heard = 0;
    setTimeout(ask, 2000);
    setInterval(ask, ASK_MS);
    setInterval(show, 250);
  });
  document.addEventListener("legal-clock", (event) => take(event.detail));
})();
