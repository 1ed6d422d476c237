// Live parts of a page: notice by socket, state by pull.
//
//   <div data-topic="lot/…" data-seq="12" hx-get="/fragments/…" hx-trigger="notice" …>
//
// A notice {topic, seq} makes every element of that topic read itself again. While the socket is
// cut a calm bar says so and the elements read every few seconds; after its return whatever moved
// meanwhile is read once. Nothing is swapped under the hands of somebody who types or presses a button.
(() => {
  "use strict";
  const POLL_MS = 5000;
  const CALM_MS = 1500; // shorter cuts are nobody's business
  const GATHER_MS = 1000; // one element reads at most once in this time
  const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15000];
  const AGAIN_LATER = 1013;

  const seen = new Map(); // topic -> seq
  const refused = new Set();
  const waiting = new Map(); // element -> timer
  const read = new WeakMap(); // element -> when it last read
  let socket = null;
  let tries = 0;
  let isOpen = false;
  let bar = null;
  let calm = 0;
  let polling = 0;
  let left = false;

  const elements = () => [...document.querySelectorAll("[data-topic]")];
  const topicsOf = (element) => element.dataset.topic.split(/\s+/).filter(Boolean);
  const topics = () => [...new Set(elements().flatMap(topicsOf))].filter((t) => !refused.has(t));

  const isTyping = (element) => {
    const active = document.activeElement;
    return active && element.contains(active) && active.matches("input, textarea, select");
  };
  // Between press and release: the click belongs to what was pressed.
  let pressed = null;
  document.addEventListener("pointerdown", (event) => (pressed = event.target), true);
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => setTimeout(() => (pressed = null)), true);
  }
  const isInHand = (element) => isTyping(element) || (pressed && element.contains(pressed));

  const readAgain = (element) => {
    if (waiting.has(element)) return;
    const since = performance.now() - (read.get(element) ?? -GATHER_MS);
    const timer = setTimeout(() => {
      waiting.delete(element);
      if (!element.isConnected) return;
      if (isInHand(element)) return readAgain(element);
      read.set(element, performance.now());
      window.htmx.trigger(element, "notice");
    }, Math.max(isInHand(element) ? GATHER_MS : 0, GATHER_MS - since));
    waiting.set(element, timer);
  };

  // A reading that was under way when the hand came is thrown away, and done again afterwards.
  document.addEventListener("htmx:before:swap", (event) => {
    const element = event.target;
    if (!("topic" in element.dataset) || !isInHand(element)) return;
    event.preventDefault();
    readAgain(element);
  });

  // The first number may come from a look that is older than the page, which shows its own act already:
  // reading again would wipe what the page says of it.
  const move = (topic, seq) => {
    const known = seen.get(topic) ?? -1;
    seen.set(topic, Math.max(known, seq));
    for (const element of elements()) {
      if (!topicsOf(element).includes(topic)) continue;
      if (seq > Math.max(known, Number(element.dataset.seq ?? -1))) readAgain(element);
    }
  };

  const say = (text) => {
    bar.textContent = text;
    bar.hidden = false;
  };

  const cut = () => {
    if (!calm) calm = setTimeout(() => say(bar.dataset.cut), CALM_MS);
    if (!polling) polling = setInterval(() => elements().forEach(readAgain), POLL_MS);
  };

  const whole = () => {
    clearTimeout(calm);
    clearInterval(polling);
    calm = polling = 0;
    bar.hidden = true;
  };

  const connect = () => {
    const wanted = topics();
    if (!wanted.length || left) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/live/notices`);
    socket.onopen = () => socket.send(JSON.stringify({ watch: wanted }));
    socket.onmessage = (message) => {
      const said = JSON.parse(message.data);
      if (!isOpen) {
        isOpen = true;
        tries = 0;
        whole();
      }
      if (said.clock) document.dispatchEvent(new CustomEvent("legal-clock", { detail: said.clock }));
      else if (said.refused) refused.add(said.topic);
      else move(said.topic, said.seq);
    };
    socket.onclose = (event) => {
      isOpen = false;
      if (left) return;
      cut();
      if (event.code === AGAIN_LATER) {
        clearTimeout(calm);
        say(bar.dataset.polling);
      }
      const pause = BACK_OFF_MS[Math.min(tries++, BACK_OFF_MS.length - 1)];
      setTimeout(connect, pause + Math.random() * pause);
    };
  };

  document.addEventListener("DOMContentLoaded", () => {
    bar = document.getElementById("line");
    if (!bar) return;
    for (const element of elements()) {
      const [first, ...others] = topicsOf(element);
      if (element.dataset.seq && !others.length) seen.set(first, Number(element.dataset.seq));
    }
    connect();
  });
  window.addEventListener("online", () => socket?.readyState === WebSocket.CLOSED && connect());
  window.addEventListener("pagehide", () => {
    left = true;
    socket?.close();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      left = false;
      connect();
    }
  });
})();
