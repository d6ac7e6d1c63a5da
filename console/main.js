// The console: asks /api every few seconds and shows it. What comes from a daemon is text, never markup.

import { showAgent } from './agent.js';
import { showDeath } from './death.js';
import { showDetail, showEndpoints, showFigures, showLogs } from './detail.js';
import { at, draw, el, fill, say, spark, state } from './dom.js';
import { ago, bytes, clock, count, date, NONE, percent, STATES, WORST_FIRST, words } from './format.js';

const EVERY_MS = 3000;
const LINES = 200;
/** Samples and endpoints are asked for in every so many rounds. */
const SLOW = 4;

const failing = daemon => daemon.checks.filter(({ healthy }) => healthy === false).length;
const COLUMNS = [
  { title: 'Daemon', by: daemon => daemon.name },
  { title: 'State', by: daemon => WORST_FIRST.indexOf(daemon.state) },
  { title: 'Instances', by: daemon => daemon.instances.length },
  { title: 'CPU', by: daemon => daemon.cpu },
  { title: 'Memory', by: daemon => daemon.memory },
  { title: 'Open fds', by: daemon => daemon.openFds },
  { title: 'Restarts', by: daemon => daemon.restarts },
  { title: 'Checks', by: failing },
  { title: 'Last log', by: daemon => daemon.lastLogAt },
];
let sorted = { column: 1, down: false };
let daemons = { now: 0, daemons: [] };
/** Of the last ten minutes, by daemon. */
let samples = new Map();
let round = 0;
const rows = new Map();

/** Undefined last, whichever way; equals by name. */
function compare(a, b) {
  const { by } = COLUMNS[sorted.column];
  const [x, y] = [by(a), by(b)];
  if (x !== y && (x === undefined || y === undefined)) return x === undefined ? 1 : -1;
  if (x !== y) return (x < y ? -1 : 1) * (sorted.down ? -1 : 1);
  return a.name < b.name ? -1 : 1;
}

function createRow(name) {
  const link = el('a', { href: `#${encodeURIComponent(name)}` }, name);
  const labels = el('span', { class: 'labels' });
  const stateText = state('idle', '');
  const cells = COLUMNS.slice(2).map(() => document.createTextNode(''));
  const sparks = { cpu: spark(), memory: spark(), fds: spark() };
  const before = [undefined, sparks.cpu, sparks.memory, sparks.fds];
  const row = el(
    'tr',
    {},
    el('th', { scope: 'row' }, link, labels),
    el('td', {}, stateText),
    ...cells.map((cell, i) => el('td', {}, ...(before[i] ? [before[i]] : []), cell)),
  );
  row.addEventListener('click', event => {
    if (event.target !== link && getSelection().isCollapsed) location.hash = link.hash;
  });
  return { row, labels, stateText, cells, sparks };
}

function showSamples() {
  for (const [name, { sparks }] of rows)
    for (const figure of Object.keys(sparks)) draw(sparks[figure], samples.get(name)?.[figure] ?? []);
  showFigures(samples.get(opened()));
}

function showRow(daemon, now, { row, labels, stateText, cells }) {
  const { state, checks } = daemon;
  say(
    labels,
    Object.entries(daemon.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  );
  stateText.dataset.tone = STATES[state] ?? 'idle';
  say(stateText, words(state));
  stateText.title = `since ${date.format(daemon.stateSince)}`;
  const bad = failing(daemon);
  const texts = [
    count(daemon.instances.length),
    percent(daemon.cpu),
    bytes(daemon.memory),
    daemon.openFds === undefined
      ? NONE
      : `${count(daemon.openFds)}${daemon.fdUsage === undefined ? '' : ` (${percent(daemon.fdUsage)})`}`,
    count(daemon.restarts),
    checks.length === 0 ? NONE : bad > 0 ? `${bad} of ${checks.length} failing` : `${checks.length} passing`,
    ago(daemon.lastLogAt, now),
  ];
  texts.forEach((text, i) => {
    say(cells[i], text);
  });
  row.toggleAttribute('data-open', daemon.name === opened());
}

function showDaemons() {
  const { now } = daemons;
  const needle = at('filter').value.trim().toLowerCase();
  const fits = daemon =>
    [daemon.name, words(daemon.state), ...Object.entries(daemon.labels).map(pair => pair.join('='))].some(
      text => text.toLowerCase().includes(needle),
    );
  const visible = daemons.daemons.filter(fits).sort(compare);
  for (const daemon of visible) showRow(daemon, now, rows.get(daemon.name));
  const order = visible.map(({ name }) => rows.get(name).row);
  const body = at('rows');
  if (order.length !== body.children.length || order.some((row, i) => row !== body.children[i]))
    reorder(body, order);
  at('nothing').hidden = visible.length > 0;
  say(at('nothing'), needle === '' ? 'No daemon is known yet.' : 'No daemon fits the filter.');

  const tally = WORST_FIRST.map(each => [each, daemons.daemons.filter(({ state }) => state === each).length]);
  fill(at('counts'), tally, () =>
    tally
      .filter(([, n]) => n > 0)
      .map(([each, n]) => el('li', {}, state(STATES[each], `${n} ${words(each)}`))),
  );
  const troubled = daemons.daemons.filter(each => ['bad', 'warn'].includes(STATES[each.state])).length;
  document.title = troubled > 0 ? `(${troubled}) eudaemon` : 'eudaemon';
}

/** Moving a row takes the focus off it. */
function reorder(body, order) {
  const focused = document.activeElement;
  body.replaceChildren(...order);
  if (focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
}

function takeDaemons(view) {
  daemons = view;
  const names = new Set(view.daemons.map(({ name }) => name));
  for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
  for (const { name } of view.daemons) if (!rows.has(name)) rows.set(name, createRow(name));
  showDaemons();
  showDetail(openDaemon(), daemons.now);
}

const openDaemon = () => daemons.daemons.find(({ name }) => name === opened());

/** The name in the address; a mangled one names none. */
function opened() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

/** The JSON of a path, undefined for 404. */
async function ask(path) {
  const answer = await fetch(path, {
    signal: AbortSignal.timeout(10_000),
    headers: { accept: 'application/json' },
  }).catch(error => {
    // Each browser has its own words for these.
    throw new Error(error.name === 'TimeoutError' ? 'it does not answer' : 'there is no connection');
  });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`the agent answered ${answer.status}`);
  return answer.json();
}

/** What of the open daemon changes seldom: how it died, and by what it is reached. */
const known = { name: undefined, death: undefined, certificate: undefined };
async function refreshKnown() {
  const daemon = openDaemon();
  const death = daemon?.lastDeath?.text;
  const other = known.name !== daemon?.name;
  if (daemon && (other || round % SLOW === 0)) {
    const held = await ask(`/api/endpoints?daemon=${encodeURIComponent(daemon.name)}`);
    if (daemon.name === opened()) showEndpoints(held);
  }
  if (other || known.death !== death) {
    const view =
      death === undefined
        ? undefined
        : await ask(`/api/certificates?daemon=${encodeURIComponent(daemon.name)}`);
    Object.assign(known, { name: daemon?.name, death, certificate: view?.certificates[0] });
  }
  if (known.name === opened() || !daemon) showDeath(known.certificate, daemons.now);
}

async function refreshLogs() {
  const name = opened();
  if (!rows.has(name)) return;
  const view = await ask(`/api/logs?daemon=${encodeURIComponent(name)}&limit=${LINES}`);
  if (name !== opened()) return;
  if (!view) showLogs([], 'No log lines are kept: the local store is off.');
  else showLogs(view.lines, view.lines.length === 0 ? 'No log lines in the local store.' : '');
}

async function refresh() {
  try {
    const [agent, view] = await Promise.all([ask('/api/agent'), ask('/api/daemons')]);
    if (agent) showAgent(agent);
    if (view) takeDaemons(view);
    if (round % SLOW === 0) samples = new Map(Object.entries((await ask('/api/samples'))?.daemons ?? {}));
    showSamples();
    await Promise.all([refreshLogs(), refreshKnown()]);
    round++;
    at('offline').hidden = true;
  } catch (error) {
    at('offline').hidden = false;
    at('health').dataset.tone = 'bad';
    say(at('health'), 'out of reach');
    say(
      at('offline'),
      `Cannot reach the agent: ${error.message}. What you see is from ${daemons.now ? clock.format(daemons.now) : 'nowhere'}; trying again.`,
    );
  }
}

COLUMNS.forEach(({ title }, column) => {
  const button = el('button', { type: 'button' }, title);
  const head = el('th', { scope: 'col' }, button);
  button.addEventListener('click', () => {
    sorted = { column, down: sorted.column === column ? !sorted.down : column > 1 };
    showOrder();
    showDaemons();
  });
  at('columns').append(head);
});
function showOrder() {
  [...at('columns').children].forEach((head, column) => {
    if (column === sorted.column) head.setAttribute('aria-sort', sorted.down ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  });
}
showOrder();

function close() {
  const link = rows.get(opened())?.row.querySelector('a');
  history.pushState(null, '', location.pathname);
  open();
  link?.focus();
}
function open() {
  showDaemons();
  showDetail(openDaemon(), daemons.now);
  showLogs([], 'Asking the local store…');
  showFigures(samples.get(opened()));
  showDeath(undefined, 0);
  showEndpoints();
  known.name = undefined;
  if (at('detail').hidden) return;
  at('detail').focus();
  refreshKnown().catch(() => {});
  refreshLogs().catch(() => showLogs([], 'Cannot read the local store.'));
}
addEventListener('hashchange', open);
addEventListener('keydown', event => {
  if (event.key === 'Escape' && !at('detail').hidden) close();
});
at('close').addEventListener('click', close);
at('filter').addEventListener('input', showDaemons);

/** One round after the other; a page nobody sees asks nothing. */
for (;;) {
  if (!document.hidden) await refresh();
  await new Promise(resolve => setTimeout(resolve, EVERY_MS));
}
