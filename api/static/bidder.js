// The bidder's side: seals, sends, keeps halves and receipts, hands halves in, raises objections.
//
// What was lodged stands in this browser's storage and nowhere else: a request carries the lot and a
// sealed cell. The half is stored before anything is sent, so that no cell can be lodged whose half
// is lost. Forms have the method "dialog": without this file they send nothing at all.
//
//   bigloop.lodgings.<party>     {lot: {name, half, next, sent: [{kind, version, …, state}]}};
//                                a payment also {slip, account, secret}
//   bigloop.orders.<party>       {lot: {order, secret, salt, state, …}}: a guarantee that is bought;
//                                `change` is an amendment that was asked for
//   bigloop.objections.<party>   {objection: secret}
(() => {
  "use strict";
  const PERIOD_DAYS_MAX = 36600;
  const ASK_MS = 3000;
  const ASK_AGAIN_MS = 30000;
  const TEXT_MAX = 200;
  const BID = "bid";
  const WITHDRAWAL = "withdrawal";
  const GUARANTEE = "guarantee";
  const PAYMENT = "payment";
  const SENDING = "sending";
  const LODGED = "lodged";
  const REFUSED = "refused";

  const box = bigloopSeal;
  const { fenOf, inWords, yuan } = bigloopAmounts;
  const root = () => document.getElementById("bidder");
  const word = (code) => root().getAttribute(`data-say-${code.replaceAll("_", "-")}`);
  const lot = () => root().dataset.lot;
  const byId = (id) => document.getElementById(id);

  // A sentence for whoever uses the page.
  class Told extends Error {}

  const say = (text) => {
    byId("failed").hidden = true;
    byId("said").textContent = text;
  };

  const fail = (error) => {
    byId("said").textContent = "";
    const line = byId("failed");
    line.textContent = error instanceof Told ? error.message : word("cut");
    line.hidden = false;
    line.scrollIntoView({ block: "nearest" });
  };

  // --- What this browser remembers ---

  const read = (name) => {
    try {
      return JSON.parse(localStorage.getItem(`bigloop.${name}.${root().dataset.party}`)) ?? {};
    } catch {
      return {};
    }
  };

  const write = (name, change) => {
    const all = read(name);
    const result = change(all);
    try {
      localStorage.setItem(`bigloop.${name}.${root().dataset.party}`, JSON.stringify(all));
    } catch {
      throw new Told(word("storage"));
    }
    return result;
  };

  // The next version and the half of a lot, kept before anything is sent.
  const prepare = (item) =>
    write("lodgings", (all) => {
      const { lot: id, name } = root().dataset;
      all[id] ??= { name, half: box.hex(box.newHalf()), next: 1, sent: [] };
      const entry = { ...item, version: all[id].next, state: SENDING };
      all[id].next += 1;
      all[id].sent.push(entry);
      return { half: box.unhex(all[id].half), version: entry.version };
    });

  const settle = (version, changes) =>
    write("lodgings", (all) => {
      Object.assign(all[lot()].sent.find((entry) => entry.version === version), changes);
    });

  // --- The server ---

  const post = async (path, body) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (answer.ok) return said;
    const faults = (said.faults ?? []).map((fault) => fault.detail);
    throw new Told([said.detail, ...faults].join(" "));
  };

  const contentOf = async (input) => {
    const [file] = input.files;
    if (!file) throw new Told(word("file_missing"));
    return [file.name, new Uint8Array(await file.arrayBuffer())];
  };

  const lodge = async (kind, content, shown, done, more = {}) => {
    if (!window.crypto?.subtle) throw new Told(word("no_crypto"));
    if (content.length > box.CONTENT_BYTES_MAX) throw new Told(word("file_large"));
    say(word("sealing"));
    const key = await post("/api/lots/key", { lot: lot() });
    const { half, version } = prepare({ kind, shown, ...more });
    const what = { subject: key.subject, kind, sender: root().dataset.party, version };
    const cell = await box.seal(box.unhex(key.public_key), what, content, half);
    settle(version, { cell_sha256: box.hex(await box.sha256(cell)) });
    try {
      const receipt = await post("/api/lodgings", { lot: lot(), cell: box.base64(cell) });
      settle(version, { state: LODGED, tick: receipt.tick, receipt: receipt.receipt });
    } catch (error) {
      // Cut off, it may have arrived: it stays "sending", and the half with it.
      if (error instanceof Told) settle(version, { state: REFUSED });
      throw error;
    } finally {
      list();
    }
    say(word(done));
  };

  // --- The bid ---

  const sendBid = (form) => {
    const priceFen = fenOf(form.elements.price.value);
    if (priceFen === null) throw new Told(word("price_wrong"));
    const days = form.elements.period.value.trim();
    if (!/^\d{1,5}$/.test(days) || Number(days) < 1 || Number(days) > PERIOD_DAYS_MAX) {
      throw new Told(word("period_wrong"));
    }
    const quality = form.elements.quality.value.trim();
    if (!quality || quality.length > TEXT_MAX) throw new Told(word("quality_missing"));
    const content = box.encode({
      attachments: [],
      bidder: root().dataset.party,
      format: "bigloop.bid.v1",
      lot: lot(),
      period_days: Number(days),
      price_fen: priceFen,
      quality,
    });
    const shown = `${yuan(priceFen)} · ${word("days").replace("#", days)} · ${quality}`;
    return lodge(BID, content, shown, LODGED);
  };

  // --- A guarantee that is bought ---

  // The issuer is told a commitment instead of lot and beneficiary. Order, secret and salt are kept
  // here alone, before anything is paid; the slip that opens the guarantee is sealed like a bid.
  const order = () => read("orders")[lot()];
  const keepOrder = (changes) =>
    write("orders", (all) => void (all[lot()] = { ...all[lot()], ...changes }));

  const told = (salt) => ({
    beneficiary: root().dataset.beneficiary,
    bidder: root().dataset.party,
    format: "bigloop.guarantee-commitment.v1",
    lot: lot(),
    salt,
  });

  const buyGuarantee = async (form) => {
    const salt = box.hex(box.newHalf());
    const commitment = box.hex(await box.sha256(box.encode(told(salt))));
    const issuer = form.elements.issuer.value;
    const given = await post("/api/guarantees/applications", { lot: lot(), issuer, commitment });
    keepOrder({ ...given, salt, issuer, state: "APPLIED", shown: "", change: null });
    showOrder();
  };

  const askOrder = (path) =>
    taking(() => {
      const { order: id, secret } = order();
      return post(`/api/guarantees/${path}`, { order: id, secret });
    });

  // Cut off anywhere between payment and lodging, the guarantee is still asked for and lodged.
  const taking = async (ask) => {
    try {
      await takeOrder(await ask());
    } catch (error) {
      showOrder(true);
      throw error;
    }
  };

  const takeOrder = async (answer) => {
    const { salt, change, state } = order();
    if (state === "LODGED" && (!change || answer.is_amending)) {
      showOrder();
      return;
    }
    if (change && answer.reason) {
      keepOrder({ change: null });
      showOrder();
      throw new Told(word("order_change_declined"));
    }
    if (!change) keepOrder({ state: answer.state });
    showOrder();
    if (!answer.document) return;
    const cipher = JSON.parse(answer.document);
    const slip = box.encode({ ...told(salt), format: "bigloop.guarantee-slip.v1", cipher });
    await lodge(GUARANTEE, slip, `${cipher.body.number} · ${yuan(cipher.body.amount_fen)}`, "order_lodged");
    const { amount_fen, valid_to } = cipher.body;
    keepOrder({ state: "LODGED", change: null, amount_fen, valid_to });
    showOrder();
  };

  // An issued guarantee for more, or for longer: issued and lodged anew, like the first.
  const amend = async (form) => {
    const amountFen = fenOf(form.elements.amount.value);
    const until = form.elements.until.value;
    if (amountFen === null || !until) throw new Told(word("order_change_wrong"));
    const { order: id, secret } = order();
    const asked = { lot: lot(), order: id, secret, amount_fen: amountFen, until };
    const change = await post("/api/guarantees/amendments", asked);
    say("");
    keepOrder({ change });
    if (change.premium_fen) showOrder();
    else await askOrder("collections");
  };

  const payForChange = () =>
    taking(async () => {
      const { order: id, secret, change } = order();
      const answer = await post("/api/guarantees/payments", { order: id, secret });
      keepOrder({ change: { ...change, premium_fen: 0 } });
      return answer;
    });

  const surrender = async () => {
    const { order: id, secret } = order();
    const back = await post("/api/guarantees/surrenders", { order: id, secret });
    keepOrder({ state: "SURRENDERED" });
    showOrder();
    say(`${word("order_surrendered")} ${yuan(back.fen)}`);
  };

  const trying = (act) => async () => {
    try {
      await act();
    } catch (error) {
      fail(error);
    }
  };

  const BOUGHT = ["PAID", "ISSUED", "LODGED"];
  const ORDER_WORDS = { APPLIED: "order_due", PAID: "order_wait", ISSUED: "order_issued", CLOSED: "order_declined" };
  let asking = 0;

  const showOrder = (isCut = false) => {
    const place = byId("order");
    const known = place && order();
    if (!known) return;
    clearTimeout(asking);
    const parts = [];
    if (ORDER_WORDS[known.state]) parts.push(word(ORDER_WORDS[known.state]));
    const toPay = (of, act) => {
      parts.push(` ${yuan(of.premium_fen)} · ${word("order_amount")} ${yuan(of.amount_fen)} · ${of.valid_to} · `);
      parts.push(`${word("order_account")} ${of.account_tail} `, button("order_pay", trying(act)));
    };
    const isLodged = known.state === "LODGED";
    if (known.state === "APPLIED") toPay(known, () => askOrder("payments"));
    if (isLodged) parts.push(word("order_lodged"), " ", button("order_surrender", trying(surrender)));
    if (isLodged && known.change) {
      parts.push(document.createElement("br"), word(known.change.premium_fen ? "order_change_due" : "order_change_wait"));
      if (known.change.premium_fen) toPay(known.change, payForChange);
    }
    const isWaiting = known.state === "PAID" || (isLodged && known.change?.premium_fen === 0);
    const isLeft = isCut && (isWaiting || known.state === "ISSUED");
    if (isLeft) parts.push(" ", button("order_again", trying(() => askOrder("collections"))));
    place.replaceChildren(...parts);
    // A second purchase would overwrite the first one's secret.
    const buy = byId("order-form");
    if (buy) buy.hidden = BOUGHT.includes(known.state);
    const form = byId("amend-form");
    form.hidden = !isLodged || known.change?.premium_fen === 0; // other terms count until one pays
    if (!form.hidden && !form.elements.until.value) {
      form.elements.amount.value = (known.amount_fen / 100).toFixed(2);
      form.elements.until.value = known.valid_to;
    }
    if (isWaiting || isLeft) asking = setTimeout(trying(() => askOrder("collections")), isLeft ? ASK_AGAIN_MS : ASK_MS);
  };

  const sendGuarantee = async (form) => {
    const [name, content] = await contentOf(form.elements.guarantee);
    return lodge(GUARANTEE, content, name, LODGED);
  };

  // The bank is told a commitment instead of the lot; the slip that opens it is sealed like a bid and
  // kept here besides, for money whose bid is never opened.
  const sendPayment = async () => {
    const told = {
      bidder: root().dataset.party,
      format: "bigloop.payment.v1",
      lot: lot(),
      salt: box.hex(box.newHalf()),
    };
    const commitment = box.hex(await box.sha256(box.encode(told)));
    const given = await post("/api/payments/accounts", { lot: lot(), commitment });
    const slip = new TextDecoder().decode(box.encode({ ...told, account: given.account }));
    const shown = `${given.bank_name} ${given.account} · ${yuan(given.due_fen)}`;
    const more = { slip, account: given.account, secret: given.secret };
    await lodge(PAYMENT, new TextEncoder().encode(slip), shown, LODGED, more);
    byId("pay-to").textContent = `${word("pay_to")} ${shown}`;
  };

  const payBack = async (entry) => {
    try {
      const back = await post("/api/payments/returns", {
        account: entry.account,
        secret: entry.secret,
      });
      say(`${word("paid_back")} ${yuan(back.fen)}`);
    } catch (error) {
      fail(error);
    }
  };

  const sendWithdrawal = () => {
    const sent = read("lodgings")[lot()]?.sent ?? [];
    if (!sent.some((entry) => entry.kind === BID)) throw new Told(word("nothing"));
    return lodge(WITHDRAWAL, new Uint8Array(0), "", "withdrawn");
  };

  // --- The list of what was lodged ---

  const make = (tag, text = "", className = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const keep = (name, type, text) => {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  const button = (code, act) => {
    const made = make("button", word(code), "btn align-middle");
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  const saveHalf = (id, kept) => {
    const party = root().dataset.party;
    const value = { format: "bigloop.half.v1", lot: id, bidder: party, half: kept.half, name: kept.name };
    keep(`bigloop-half-${id}.json`, "application/json", `${JSON.stringify(value, null, 2)}\n`);
  };

  const row = (id, entry) => {
    const made = make("tr");
    const what = make("th", word(`kind_${entry.kind}`));
    what.scope = "row";
    const digest = make("code", (entry.cell_sha256 ?? "").slice(0, 12));
    digest.title = entry.cell_sha256 ?? "";
    const state = make("td");
    state.append(make("span", word(`state_${entry.state}`), `badge align-middle ${entry.state === LODGED ? "is-good" : "is-warning"}`));
    if (entry.receipt) {
      const name = `bigloop-receipt-${id}-${entry.version}.txt`;
      state.append(" ", button("save_receipt", () => keep(name, "text/plain", entry.receipt)));
    }
    if (entry.slip) {
      const name = `bigloop-slip-${id}-${entry.version}.json`;
      state.append(" ", button("save_slip", () => keep(name, "application/json", entry.slip)));
      state.append(" ", button("pay_back", () => payBack(entry)));
    }
    const tick = entry.tick
      ? new Date(entry.tick).toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" })
      : "—";
    made.append(what, make("td", String(entry.version), "number"), make("td", entry.shown || "—"));
    made.append(make("td", tick, "number"), make("td"), state);
    made.children[4].append(digest);
    return made;
  };

  const section = (id, kept, withTitle) => {
    const made = make("section");
    made.dataset.lot = id;
    if (withTitle) {
      const title = make("h2");
      const link = make("a", kept.name);
      link.href = `/bidder/tenders/${id}`;
      title.append(link);
      made.append(title);
    }
    const frame = make("div", "", "table-responsive");
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", kept.name);
    const table = make("table", "", "table table-vcenter");
    const head = make("tr");
    for (const code of ["what", "version", "content", "tick", "digest", "state"]) {
      const cell = make("th", word(`col_${code}`));
      cell.scope = "col";
      head.append(cell);
    }
    const body = make("tbody");
    for (const entry of [...kept.sent].reverse()) body.append(row(id, entry));
    table.append(make("thead"), body);
    table.tHead.append(head);
    frame.append(table);
    const buttons = make("p", "", "form-buttons");
    const opening = make("a", word("to_opening"), "btn");
    opening.href = `/bidder/tenders/${id}/opening`;
    buttons.append(button("save_half", () => saveHalf(id, kept)), opening);
    made.append(frame, buttons);
    return made;
  };

  const list = () => {
    const place = byId("lodgings");
    if (!place) return;
    const only = place.dataset.only;
    const all = Object.entries(read("lodgings")).filter(([id]) => !only || id === only);
    place.replaceChildren(...all.map(([id, kept]) => section(id, kept, !only)));
    if (!all.length) place.append(make("p", word("nothing"), "empty-state"));
  };

  // --- The opening ---

  const giveHalf = async (half) => {
    await post(`/api/lots/${lot()}/halves`, { half });
    say(word("half_given"));
  };

  const giveOwn = () => {
    const half = read("lodgings")[lot()]?.half;
    if (!half) throw new Told(word("half_none"));
    return giveHalf(half);
  };

  const giveFile = async (form) => {
    const [, content] = await contentOf(form.elements.half);
    let value = null;
    try {
      value = JSON.parse(new TextDecoder().decode(content));
    } catch {
      throw new Told(word("half_file"));
    }
    const fits = value?.format === "bigloop.half.v1" && value.lot === lot();
    if (!fits || !/^[0-9a-f]{64}$/.test(value.half)) throw new Told(word("half_file"));
    return giveHalf(value.half);
  };

  // The form stands there while halves are taken; what went wrong with it goes with it.
  const showGive = () => {
    const give = byId("give");
    if (!give) return;
    give.hidden = document.querySelector("[data-room]")?.dataset.room !== "RUNNING";
    if (give.hidden) say("");
  };

  // --- Objections ---

  const raise = async (form) => {
    const [, content] = await contentOf(form.elements.document);
    const raised = await post("/api/objections", {
      lot: lot(),
      stage: form.elements.stage.value,
      document: box.base64(content),
      interest: form.elements.interest.value.trim(),
    });
    form.reset();
    const secret = raised.stage === "FILE" ? raised.withdrawal_secret : "";
    if (secret) write("objections", (all) => void (all[raised.id] = secret));
    fillSecrets();
    say(word("raised") + (secret ? ` ${word("secret")} ${secret}` : ""));
  };

  const takeBack = async (form) => {
    const secret = form.elements.secret?.value.trim() ?? "";
    await post(`/api/objections/${form.dataset.id}/withdrawal`, { secret });
    say(word("taken_back"));
  };

  const fillSecrets = () => {
    const known = read("objections");
    for (const form of document.querySelectorAll("form.take-back")) {
      const field = form.elements.secret;
      if (field && !field.value) field.value = known[form.dataset.id] ?? "";
    }
  };

  // --- The page ---

  const ACTS = {
    "bid-form": sendBid,
    "guarantee-form": sendGuarantee,
    "order-form": buyGuarantee,
    "amend-form": amend,
    "payment-form": sendPayment,
    "withdrawal-form": sendWithdrawal,
    "half-form": giveOwn,
    "half-file-form": giveFile,
    "objection-form": raise,
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const act = ACTS[form.id] ?? (form.matches(".take-back") ? takeBack : null);
    if (!act) return;
    event.preventDefault();
    if (event.submitter) event.submitter.disabled = true;
    try {
      await act(form);
    } catch (error) {
      fail(error);
    } finally {
      if (event.submitter) event.submitter.disabled = false;
    }
  });

  document.addEventListener("input", (event) => {
    const output = byId("price-words");
    if (!output || event.target.name !== "price") return;
    const fen = fenOf(event.target.value);
    output.textContent = fen === null ? "" : inWords(fen);
  });

  const show = () => {
    list();
    showGive();
    showOrder(order()?.state === "ISSUED");
    fillSecrets();
  };
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("htmx:after:swap", () => {
    showGive();
    fillSecrets();
  });
  window.addEventListener("storage", list);
})();
