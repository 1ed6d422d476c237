// The wall's dark mode: one button, the class `is-dark`, the whole screen where the browser gives it.
(() => {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("wall-mode");
    if (!button) return;
    button.addEventListener("click", () => {
      const isDark = document.body.classList.toggle("is-dark");
      button.setAttribute("aria-pressed", String(isDark));
      if (isDark) document.documentElement.requestFullscreen?.().catch(() => {});
      else if (document.fullscreenElement) document.exitFullscreen();
    });
    document.addEventListener("fullscreenchange", () => {
      if (document.fullscreenElement || !document.body.classList.contains("is-dark")) return;
      document.body.classList.remove("is-dark");
      button.setAttribute("aria-pressed", "false");
    });
  });
})();
