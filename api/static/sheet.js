// A score sheet that saves itself, cell by cell.
//
// What is typed goes into a buffer of this browser first and leaves it when the server has said that it
// is saved: a cut line, a closed window, a lost answer lose nothing. Each cell is sent with the version
// that this window saw; where another window was quicker, both scores are shown and the writer chooses.
(() => {
  "use strict";
  const PAUSE_MS = 500;
  const AGAIN_MS = 2000;
  const MOVED_ON = "evaluation.score.cell_moved_on";

  let table, line, buffer, address;
  let needed = 0;
  let sending = false;
  let again = 0;
  const timers = new Map();

  const key = (cell) => `${buffer}.${cell.dataset.bidder}.${cell.dataset.item}`;
  const cells = () => [...table.querySelectorAll(".cell")];
  const waiting = () => cells().filter((cell) => localStorage.getItem(key(cell)) !== null);

  // Hundredths of a typed score; null for what is none, undefined for an empty field.
  const read = (cell) => {
    const typed = cell.value.trim().replace("。", ".");
    if (typed === "") return undefined;
    if (cell.dataset.kind === "raw") return Number(typed);
    if (!/^[0-9]{1,4}(\.[0-9]{1,2})?$/.test(typed)) return null;
    const [whole, part = ""] = typed.split(".");
    const value = Number(whole) * 100 + Number(part.padEnd(2, "0"));
    return value <= Number(cell.dataset.most) ? value : null;
  };
  const write = (cell, value) => {
    cell.value = cell.dataset.kind === "raw" ? String(value) : (value / 100).toFixed(2);
  };
  const shown = (cell, value) => {
    if (cell.dataset.kind !== "raw") return (value / 100).toFixed(2);
    return [...cell.options].find((option) => option.value === String(value))?.textContent ?? "";
  };

  const mark = (cell, state, text = "") => {
    cell.dataset.state = state;
    cell.toggleAttribute("aria-invalid", state === "wrong" || state === "moved");
    const said = cell.parentElement.querySelector(".cell-said");
    said.replaceChildren(text);
    said.hidden = text === "";
    return said;
  };

  const tell = (text) => {
    line.textContent = text;
    line.hidden = text === "";
  };

  const count = () => {
    const open = cells().filter((cell) => "open" in cell.dataset);
    const filled = open.filter((cell) => typeof read(cell) === "number").length;
    const state = document.getElementById("sheet-state");
    state.textContent = state.dataset.text
      .replace("{done}", filled)
      .replace("{all}", needed)
      .replace("{missing}", needed - filled);
    document.getElementById("sheet-progress").value = filled;
  };

  const take = (cell) => {
    const value = read(cell);
    if (value === undefined) {
      localStorage.removeItem(key(cell));
      return mark(cell, "");
    }
    if (value === null) {
      localStorage.removeItem(key(cell));
      const most = (Number(cell.dataset.most) / 100).toFixed(2);
      return mark(cell, "wrong", table.dataset.wrong.replace("{most}", most));
    }
    localStorage.setItem(key(cell), JSON.stringify({ value, version: Number(cell.dataset.version) }));
    mark(cell, "waiting");
  };

  const saved = (cell, sent, answer) => {
    cell.dataset.version = answer.version;
    const held = JSON.parse(localStorage.getItem(key(cell)));
    if (held?.value === sent.value) {
      localStorage.removeItem(key(cell));
      mark(cell, "saved");
    } else if (held) {
      localStorage.setItem(key(cell), JSON.stringify({ ...held, version: answer.version }));
    }
    for (const field of document.querySelectorAll("#sheet-acts input[name=digest]")) {
      field.value = answer.digest;
    }
    const digest = document.getElementById("sheet-digest");
    if (digest) {
      digest.textContent = answer.digest.slice(0, 12);
      digest.title = answer.digest;
    }
  };

  const button = (text, press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn btn-sm";
    made.textContent = text;
    made.addEventListener("click", press);
    return made;
  };

  const moved = async (cell, sent) => {
    const answer = await fetch(address);
    if (!answer.ok) return;
    const { cells: stored } = await answer.json();
    const theirs = stored.find(
      ([bidder, item]) => bidder === cell.dataset.bidder && item === cell.dataset.item,
    );
    const [value, version] = theirs ? theirs.slice(2) : [undefined, 0];
    cell.dataset.version = version;
    localStorage.removeItem(key(cell));
    if (value === sent.value) return mark(cell, "saved"); // ours arrived, its answer did not
    const said = mark(cell, "moved", table.dataset.moved.replace("{value}", shown(cell, value)));
    said.append(
      button(table.dataset.theirs, () => {
        write(cell, value);
        mark(cell, "saved");
        count();
      }),
      button(table.dataset.mine, () => {
        write(cell, sent.value);
        take(cell);
        send();
      }),
    );
  };

  const send = async () => {
    if (sending) return;
    sending = true;
    clearTimeout(again);
    try {
      for (;;) {
        const cell = waiting().find((one) => one.dataset.state !== "refused");
        if (!cell) break;
        const sent = JSON.parse(localStorage.getItem(key(cell)));
        const answer = await fetch(address, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            bidder: cell.dataset.bidder,
            item: cell.dataset.item,
            hundredths: sent.value,
            version: sent.version,
          }),
        });
        if (answer.ok) saved(cell, sent, await answer.json());
        else if (answer.status >= 500 || answer.status === 429) throw new Error("later");
        else {
          const problem = await answer.json();
          if (problem.code === MOVED_ON) await moved(cell, sent);
          else mark(cell, "refused", problem.detail);
        }
      }
      const refused = waiting().length;
      tell(refused ? line.dataset.refused.replace("{n}", refused) : "");
    } catch {
      // The line is cut or the server busy: what was typed stays here and is sent later.
      tell(line.dataset.kept.replace("{n}", waiting().length));
      again = setTimeout(send, AGAIN_MS);
    } finally {
      sending = false;
    }
  };

  const open = () => {
    const part = document.querySelector(".sheet-acts");
    const writable = part?.dataset.writable === "1";
    for (const cell of cells()) cell.disabled = !(writable && "open" in cell.dataset);
  };

  document.addEventListener("DOMContentLoaded", () => {
    table = document.getElementById("sheet");
    line = document.getElementById("sheet-line");
    if (!table) return;
    ({ buffer, cells: address } = table.dataset);
    needed = Number(table.dataset.needed);
    for (const cell of cells()) {
      const held = JSON.parse(localStorage.getItem(key(cell)));
      if (held && !cell.disabled) {
        write(cell, held.value);
        mark(cell, "waiting");
      }
    }
    count();
    table.addEventListener("input", ({ target: cell }) => {
      take(cell);
      count();
      clearTimeout(timers.get(cell));
      timers.set(cell, setTimeout(send, PAUSE_MS));
    });
    table.addEventListener("change", ({ target: cell }) => {
      clearTimeout(timers.get(cell));
      send();
    });
    document.addEventListener("htmx:after:swap", open);
    // Sealed for the night, or signed out: what stands here is not his to read any more.
    document.addEventListener("htmx:response:error", ({ detail }) => {
      if ([401, 403].includes(detail.ctx.response.status)) location.reload();
    });
    document.addEventListener("submit", (event) => {
      if (!event.target.closest?.("[data-needs-saved]")) return;
      if (!waiting().length && !cells().some((cell) => ["wrong", "moved"].includes(cell.dataset.state))) return;
      event.preventDefault();
      tell(line.dataset.first);
      send();
    });
    window.addEventListener("online", send);
    send();
  });
})();
