// What is wrong with a page on a phone, a line for each fault. One pass over a page that is there already.
//
// Sideways    the page is wider than the window; tables and charts scroll within themselves
// Cut         text that a box hides
// Taps        a target under 24 px whose 24 px circle meets another target (WCAG 2.2, 2.5.8)
// Text        under 12 px (9 px in a drawing), or a column so narrow that words stand upright
// Chinese     a character that is there before its font is
async () => {
  await document.fonts.ready;
  const TARGET = 24, TEXT = 12, DRAWN_TEXT = 9, FEW = 3;
  const width = document.documentElement.clientWidth;
  const faults = [];
  const name = each => {
    const own = each.tagName.toLowerCase() + (each.id ? '#' + each.id : '');
    const kinds = typeof each.className === 'string' && each.className.trim();
    return own + (kinds ? '.' + kinds.split(/\s+/).join('.') : '') + ` “${each.textContent.trim().slice(0, 20)}”`;
  };
  const tell = (what, found) => {
    if (found.length) faults.push(`${what}: ${found.slice(0, FEW).join('; ')}${found.length > FEW ? ` and ${found.length - FEW} more` : ''}`);
  };
  const isShown = each => each.checkVisibility({visibilityProperty: true}) && !each.closest('.visually-hidden, .visually-hidden-focusable, [hidden]');
  const within = (each, does) => {
    for (let up = each.parentElement; up && up !== document.body; up = up.parentElement) if (does(getComputedStyle(up).overflowX)) return up;
    return null;
  };
  const scrolls = way => way === 'auto' || way === 'scroll';
  const hides = way => way === 'hidden' || way === 'clip';

  const every = [...document.body.querySelectorAll('*')].filter(each => !each.closest('svg') || each.tagName === 'svg');
  if (document.documentElement.scrollWidth > width) {
    const out = every.filter(each => each.getBoundingClientRect().right > width + 1 && isShown(each) && !within(each, way => way !== 'visible'));
    tell(`${document.documentElement.scrollWidth - width} px wider than the window`, out.length ? out.slice(-FEW).map(name) : ['?']);
  }
  tell('begins left of the window', every.filter(each => each.getBoundingClientRect().left < -1 && isShown(each) && !within(each, scrolls)).map(name));
  tell('cut', every.filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 1 && hides(getComputedStyle(each).overflowX) && each.textContent.trim() && isShown(each)).map(name));

  const targets = [...document.querySelectorAll('a[href], button, summary, select, textarea, input:not([type=hidden]), [role=button]')]
    .filter(isShown)
    .map(each => {
      const box = (each.closest('label') || each).getBoundingClientRect();
      const isSentence = getComputedStyle(each).display === 'inline' && each.parentElement.textContent.trim() !== each.textContent.trim();
      return {each, box, x: box.x + box.width / 2, y: box.y + box.height / 2, isSmall: Math.min(box.width, box.height) < TARGET - 0.5, isSentence};
    })
    .filter(one => one.box.width > 0);
  const apart = (one, other) => {
    const dx = other.isSmall ? Math.abs(one.x - other.x) : Math.max(other.box.left - one.x, 0, one.x - other.box.right);
    const dy = other.isSmall ? Math.abs(one.y - other.y) : Math.max(other.box.top - one.y, 0, one.y - other.box.bottom);
    return Math.hypot(dx, dy) >= (other.isSmall ? TARGET : TARGET / 2) - 0.5;
  };
  tell('too small to tap', targets.filter(one => one.isSmall && !one.isSentence && !targets.every(other => other === one || other.each.contains(one.each) || one.each.contains(other.each) || apart(one, other)))
    .map(one => `${name(one.each)} ${Math.round(one.box.width)}×${Math.round(one.box.height)}`));

  const small = new Set(), upright = new Set(), han = new Set();
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const text = node.data.trim(), parent = node.parentElement;
    if (!text || parent.closest('script, style, noscript, option') || !isShown(parent)) continue;
    for (const character of text.match(/\p{Script=Han}/gu) ?? []) han.add(character);
    const style = getComputedStyle(parent), drawing = parent.closest('svg');
    const scale = drawing ? Math.abs(parent.getScreenCTM?.()?.a ?? 1) : 1;
    const size = parseFloat(style.fontSize) * scale;
    if (size < (drawing ? DRAWN_TEXT : TEXT) - 0.05) small.add(`${name(parent)} ${size.toFixed(1)} px`);
    if (text.length < 4 || drawing) continue;
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].map(line => Math.round(line.top))).size;
    if (lines >= 4 && text.length / lines < 2.5) upright.add(name(parent));
  }
  tell('text too small', [...small]);
  tell('words stand upright', [...upright]);

  const ours = [...document.fonts].some(face => face.family.includes('Noto Sans SC'));
  if (ours && !document.fonts.check('16px "Noto Sans SC"', [...han].join(''))) faults.push('Chinese characters without their font');
  return faults;
}
