// The few elements the console is made of. Text goes in as text, never as markup.

export const at = id => document.getElementById(id);

/** An element; attributes that are undefined are left out, children are nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Changes text only where it differs, so that a selection and a screen reader keep their place. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Rebuilds a list only when what it shows has changed. */
const shown = new WeakMap();
export function fill(node, data, build) {
  const key = JSON.stringify(data);
  if (shown.get(node) === key) return false;
  shown.set(node, key);
  node.replaceChildren(...build());
  return true;
}

export const state = (tone, text) => el('span', { class: 'state', 'data-tone': tone }, text);
export const verdict = (good, yes, no) =>
  good === undefined ? state('idle', 'not yet') : state(good ? 'good' : 'bad', good ? yes : no);

/** Polyline of figures at equal distances, from zero to their maximum; null where there is none. */
export function draw(svg, figures) {
  const top = Math.max(...figures, Number.MIN_VALUE);
  const step = 64 / (figures.length - 1);
  const points = figures.flatMap((figure, i) =>
    figure === null ? [] : [`${(i * step).toFixed(1)},${(17 - (figure / top) * 16).toFixed(1)}`],
  );
  svg.firstChild.setAttribute('points', points.join(' '));
}
export function spark() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('viewBox', '0 0 64 18');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(svg.namespaceURI, 'polyline'));
  return svg;
}
