// What an entry of a session's record is told by: the sentence of its action, with words for the codes in it. The other
// implementation is `api/pages/entry_words.py`. `[a|b]` in a sentence is the first part of which every field is there.
globalThis.telling = (() => {
  "use strict";
  const FIELD = /\{([a-z_0-9]+)\}/g;
  const OPTIONAL = /\[([^[\]]*)\]/g;
  const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });

  // `sentences` by action, `words` by code; `who` names an account, or gives undefined.
  return (entry, sentences, words, who = () => undefined) => {
    const sentence = sentences.get(entry.action);
    if (sentence === undefined) return entry.action;
    const kind = entry.action.split(":").at(-1);
    const said = (name) => {
      const value = entry.data[name];
      if (typeof value === "number") return String(value);
      if (typeof value !== "string" && typeof value !== "boolean") return "";
      const text = String(value);
      if (MOMENT.test(text)) return clock.format(new Date(text)).replace(/:00$/, "");
      return words.get(`${kind}.${text}`) ?? words.get(text) ?? who(text) ?? text;
    };
    const isWhole = (part) => [...part.matchAll(FIELD)].every(([, name]) => said(name) !== "");
    return sentence
      .replace(OPTIONAL, (_, parts) => parts.split("|").find(isWhole) ?? "")
      .replace(FIELD, (_, name) => said(name));
  };
})();
