// The console: asks /api every few seconds and shows it. What comes from a daemon is text, never markup.

const EVERY_MS = 3000;
const HISTORY = 40;
const LINES = 200;

/** Severity of a look at each state, worst first; the order of the table when nobody sorted it. */
const STATES = {
  crash_looping: 'bad',
  hung: 'bad',
  absent: 'bad',
  unhealthy: 'warn',
  starting: 'busy',
  healthy: 'good',
  stopped: 'idle',
};
const WORST_FIRST = Object.keys(STATES);
const TONES = { emerg: 'bad', alert: 'bad', crit: 'bad', err: 'bad', warning: 'warn' };

const at = id => document.getElementById(id);
const words = state => state.replaceAll('_', ' ');

/** An element; attributes that are undefined are left out, children are nodes or text. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Changes text only where it differs, so that a selection and a screen reader keep their place. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Rebuilds a list only when what it shows has changed. */
const shown = new WeakMap();
function fill(node, data, build) {
  const key = JSON.stringify(data);
  if (shown.get(node) === key) return false;
  shown.set(node, key);
  node.replaceChildren(...build());
  return true;
}

const NONE = '–';
const whole = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium', hourCycle: 'h23' });
const date = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const count = n => (n === undefined ? NONE : whole.format(n));
const percent = share => (share === undefined ? NONE : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`);

function bytes(n) {
  if (n === undefined) return NONE;
  const power = n < 1 ? 0 : Math.min(4, Math.floor(Math.log2(n) / 10));
  const scaled = n / 1024 ** power;
  return `${scaled.toFixed(power === 0 || scaled >= 99.5 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

/** Two units at most: `3d 4h`. */
function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}
const ago = (time, now) => (time === undefined ? NONE : `${span(now - time).split(' ')[0]} ago`);

function exitText({ reason, code }) {
  if (reason === 'exit') return `exit status ${code ?? 'unknown'}`;
  if (reason === 'signal') return `signal ${code ?? 'unknown'}`;
  return reason === 'oom' ? 'killed for memory' : 'reason unknown';
}

const state = (tone, text) => el('span', { class: 'state', 'data-tone': tone }, text);
const verdict = (good, yes, no) =>
  good === undefined ? state('idle', 'not yet') : state(good ? 'good' : 'bad', good ? yes : no);

/** Polyline of the last figures, the newest at the right edge, from zero to their maximum. */
function draw(svg, figures) {
  const top = Math.max(...figures, Number.MIN_VALUE);
  const step = 64 / (HISTORY - 1);
  const points = figures.map((figure, i) => {
    const x = 64 - (figures.length - 1 - i) * step;
    return `${x.toFixed(1)},${(17 - (figure / top) * 16).toFixed(1)}`;
  });
  svg.firstChild.setAttribute('points', points.join(' '));
}
function spark() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(svg.namespaceURI, 'polyline'));
  return svg;
}

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
  const sparks = { cpu: spark(), memory: spark() };
  const before = [undefined, sparks.cpu, sparks.memory];
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
  return { row, labels, stateText, cells, sparks, history: { cpu: [], memory: [] } };
}

function remember(daemon, { history, sparks }) {
  for (const figure of ['cpu', 'memory']) {
    const seen = history[figure];
    if (daemon[figure] === undefined) seen.length = 0;
    else seen.push(daemon[figure]);
    if (seen.length > HISTORY) seen.shift();
    draw(sparks[figure], seen);
  }
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
  for (const daemon of view.daemons) {
    if (!rows.has(daemon.name)) rows.set(daemon.name, createRow(daemon.name));
    remember(daemon, rows.get(daemon.name));
  }
  showDaemons();
  showDetail();
}

/** The daemon named by the address; a mangled one names none. */
function opened() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function showDetail() {
  const { now } = daemons;
  const daemon = daemons.daemons.find(({ name }) => name === opened());
  at('detail').hidden = daemon === undefined;
  if (!daemon) return;
  say(at('detail-title'), daemon.name);
  at('detail-state').dataset.tone = STATES[daemon.state] ?? 'idle';
  say(at('detail-state'), `${words(daemon.state)} for ${span(now - daemon.stateSince)}`);
  const { instances, lastExit } = daemon;
  const facts = [
    [
      'Processes',
      instances.map(({ pid, startedAt }) => `${pid} (up ${span(now - startedAt)})`).join(', ') || 'none',
    ],
    ['CPU', percent(daemon.cpu)],
    ['Memory', bytes(daemon.memory)],
    ['Threads', count(daemon.threads)],
    [
      'Open fds',
      daemon.fdUsage === undefined
        ? count(daemon.openFds)
        : `${count(daemon.openFds)}, at most ${percent(daemon.fdUsage)} of the limit`,
    ],
    ['Restarts', count(daemon.restarts)],
    ['Last exit', lastExit ? `${exitText(lastExit)}, ${ago(lastExit.at, now)}` : 'none seen'],
  ];
  fill(at('detail-facts'), facts, () =>
    facts.flatMap(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]),
  );
  const nothing = text => [el('li', { class: 'dim' }, text)];
  fill(at('checks'), [now, daemon.checks], () =>
    daemon.checks.length === 0
      ? nothing('No check is configured.')
      : daemon.checks.map(({ name, healthy, message, at: time }) =>
          el(
            'li',
            {},
            verdict(healthy, 'passing', 'failing'),
            el('b', {}, name),
            el('span', {}, message),
            el('span', { class: 'dim' }, ago(time, now)),
          ),
        ),
  );
  fill(at('expectations'), daemon.expectations, () =>
    daemon.expectations.length === 0
      ? nothing('No expectation is configured.')
      : daemon.expectations.map(({ name, condition, met }) =>
          el('li', {}, verdict(met, 'met', 'not met'), el('b', {}, words(name)), el('span', {}, condition)),
        ),
  );
}

function showLogs(lines, note) {
  const list = at('logs');
  const following = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
  const changed = fill(list, [lines, note], () =>
    note
      ? [el('li', { class: 'dim' }, note)]
      : lines.map(({ at: time, severity, body }) =>
          el(
            'li',
            { 'data-tone': TONES[severity] },
            el(
              'time',
              { class: 'dim', datetime: new Date(time).toISOString(), title: date.format(time) },
              clock.format(time),
            ),
            el('span', {}, severity),
            el('span', {}, body),
          ),
        ),
  );
  if (changed && following) list.scrollTop = list.scrollHeight;
}

function showAgent(agent) {
  const { ledger, exporters, collectors, faults, config } = agent;
  say(
    at('agent'),
    `${agent.host} · version ${agent.version} · up ${span(agent.now - agent.startedAt)} · ${bytes(agent.memory)} · ${config.file ?? 'embedded configuration'}`,
  );
  at('health').dataset.tone = faults.length === 0 ? 'good' : 'bad';
  say(at('health'), faults.length === 0 ? 'ready' : 'not ready');
  const troubles = [...faults, ...config.problems.map(problem => `configuration not reloaded: ${problem}`)];
  at('faults').hidden = troubles.length === 0;
  fill(at('faults'), troubles, () => troubles.map(trouble => el('li', {}, trouble)));

  const tiles = [
    ['Received', count(ledger.received)],
    ['Dropped before the spool', count(ledger.dropped), ledger.dropped > 0],
    ['Lost outside, estimated', count(ledger.lost), ledger.lost > 0],
    ['Spool', bytes(ledger.spoolBytes)],
  ];
  fill(at('ledger'), tiles, () =>
    tiles.map(([name, figure, bad]) =>
      el('div', {}, el('dt', {}, name), el('dd', { 'data-tone': bad ? 'bad' : undefined }, figure)),
    ),
  );
  fill(at('exporters'), exporters, () =>
    exporters.map(each =>
      el(
        'tr',
        {},
        el('th', { scope: 'row' }, each.name),
        el('td', {}, verdict(each.up, 'up', 'failing')),
        ...[each.delivered, each.dropped, each.spooled, each.failures].map(n => el('td', {}, count(n))),
      ),
    ),
  );
  fill(at('collectors'), collectors, () =>
    collectors.map(({ name, up }) => state(up ? 'good' : 'bad', up ? name : `${name} failing`)),
  );
}

/** The JSON of a path, undefined for 404. */
async function ask(path) {
  const answer = await fetch(path, {
    signal: AbortSignal.timeout(10_000),
    headers: { accept: 'application/json' },
  });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`the agent answered ${answer.status}`);
  return answer.json();
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
    await refreshLogs();
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
  showDetail();
  showLogs([], 'Asking the local store…');
  if (at('detail').hidden) return;
  at('detail').focus();
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
