// Amounts in the browser, for those that go to nobody: a bid's price before the opening.
//
//   bigloopAmounts.fenOf("4,512,345.67")   451234567; null where it is no amount above zero
//   bigloopAmounts.yuan(451234567)         "¥4,512,345.67"
//   bigloopAmounts.inWords(451234567)      大写, as trading/money.py says it
(() => {
  "use strict";
  const FEN_MAX = 10n ** 15n;

  const fenOf = (typed) => {
    const plain = typed.replace(/[,，¥￥元\s]/g, "");
    const parts = /^(\d{1,15})(?:\.(\d{1,2}))?$/.exec(plain);
    if (!parts) return null;
    const fen = BigInt(parts[1]) * 100n + BigInt((parts[2] ?? "").padEnd(2, "0"));
    return fen > 0n && fen <= FEN_MAX ? Number(fen) : null;
  };

  const DIGITS = "零壹贰叁肆伍陆柒捌玖";
  const PLACES = ["", "拾", "佰", "仟"];
  const GROUPS = ["", "万", "亿", "万"];

  const groupInWords = (group) => {
    let text = "";
    for (let place = 3; place >= 0; place--) {
      const digit = Math.floor(group / 10 ** place) % 10;
      if (digit) text += DIGITS[digit] + PLACES[place];
      else if (text && !text.endsWith("零") && group % 10 ** place) text += "零";
    }
    return text;
  };

  const wholeInWords = (number) => {
    const groups = [];
    for (let rest = number; rest; rest = Math.floor(rest / 10000)) groups.push(rest % 10000);
    let text = "";
    let skipped = false;
    for (let index = groups.length - 1; index >= 0; index--) {
      const group = groups[index];
      if (!group) {
        skipped = text !== "";
        if (index === 2 && groups.length > 3 && text.endsWith("万")) text += "亿";
        continue;
      }
      if (text && (skipped || group < 1000)) text += "零";
      text += groupInWords(group) + GROUPS[index];
      skipped = false;
    }
    return text;
  };

  const inWords = (fen) => {
    const whole = Math.floor(fen / 100);
    const [jiao, last] = [Math.floor(fen / 10) % 10, fen % 10];
    let text = whole ? `${wholeInWords(whole)}元` : "";
    if (jiao) text += `${DIGITS[jiao]}角`;
    else if (last && whole) text += "零";
    return text + (last ? `${DIGITS[last]}分` : "") + (last || jiao ? "" : "整");
  };

  const yuan = (fen) => {
    const [whole, rest] = [Math.floor(fen / 100), String(fen % 100).padStart(2, "0")];
    return `¥${String(whole).replace(/\B(?=(\d{3})+$)/g, ",")}.${rest}`;
  };

  window.bigloopAmounts = { fenOf, inWords, yuan };
})();
