// One daemon in full: its figures, facts, checks, expectations and latest log lines.

import { line } from './death.js';
import { at, draw, el, fill, say, spark, verdict } from './dom.js';
import { ago, bytes, count, exitText, percent, STATES, span, words } from './format.js';

const downText = ({ until, reason }, now) =>
  `down ${until === undefined ? 'until it has come up again' : `for ${span(until - now)} more`}${reason ? `: ${reason}` : ''}`;

/** Opens for a daemon, closes for undefined. */
export function showDetail(daemon, now) {
  at('detail').hidden = daemon === undefined;
  if (!daemon) return;
  say(at('detail-title'), daemon.name);
  at('detail-state').dataset.tone = STATES[daemon.state] ?? 'idle';
  say(at('detail-state'), `${words(daemon.state)} for ${span(now - daemon.stateSince)}`);
  const { instances, lastExit, hangs, nextStartAt, expectedDown, manager } = daemon;
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
    ['Next start', nextStartAt && `in ${span(nextStartAt - now)}, by its last restarts`],
    ['Hangs', hangs],
    ['Expected', expectedDown && downText(expectedDown, now)],
    ['Manager', manager],
    ['Last exit', lastExit ? `${exitText(lastExit)}, ${ago(lastExit.at, now)}` : 'none seen'],
    ...Object.entries(daemon.exhaustion).map(([resource, seconds]) => [
      `Out of ${resource}`,
      `in ${span(seconds * 1000)} if it goes on as it does`,
    ]),
  ].filter(([, text]) => text !== undefined);
  fill(at('detail-facts'), facts, () =>
    facts.flatMap(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]),
  );
  const posture = Object.entries(daemon.posture ?? {});
  fill(at('posture'), posture, () =>
    posture.flatMap(([what, how]) => [el('dt', {}, words(what)), el('dd', {}, how)]),
  );
  const nothing = text => [el('li', { class: 'dim' }, text)];
  fill(at('checks'), [now, daemon.checks], () =>
    daemon.checks.length === 0
      ? nothing('No check is configured.')
      : daemon.checks.map(({ name, healthy, message, since }) =>
          el(
            'li',
            {},
            verdict(healthy, 'passing', 'failing'),
            el('b', {}, name),
            el('span', {}, message),
            el('span', { class: 'dim' }, `for ${span(now - since)}`),
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

const FIGURES = [
  ['cpu', 'CPU', percent],
  ['memory', 'Memory', bytes],
  ['fds', 'Open fds', count],
];

/** The last ten minutes; hidden where nothing was sampled. */
export function showFigures(samples) {
  const list = at('figures');
  const known =
    samples !== undefined && FIGURES.some(([key]) => samples[key].some(figure => figure !== null));
  list.hidden = !known;
  if (!known) return;
  if (list.children.length === 0)
    list.append(
      ...FIGURES.map(([, name]) => el('div', {}, el('dt', {}, name), el('dd', {}, spark(), el('span')))),
    );
  FIGURES.forEach(([key, , text], i) => {
    const [svg, most] = list.children[i].lastChild.children;
    draw(svg, samples[key]);
    const figures = samples[key].filter(figure => figure !== null);
    say(most, figures.length === 0 ? '' : `at most ${text(Math.max(...figures))}`);
  });
}

const ENDPOINTS = [
  ['ports', 'Ports'],
  ['udpPorts', 'UDP ports'],
  ['sockets', 'Sockets'],
  ['fifos', 'FIFOs'],
  ['sharedMemory', 'Shared memory'],
  ['messageQueues', 'Message queues'],
  ['logs', 'Log files'],
];

/** By what others reach it. */
export function showEndpoints(held = {}) {
  const known = ENDPOINTS.filter(([key]) => held[key]?.length > 0);
  fill(at('endpoints'), held, () =>
    known.flatMap(([key, name]) => [el('dt', {}, name), el('dd', {}, held[key].join(', '))]),
  );
}

/** `note` stands in the place of lines; the list stays at its end when it was there. */
export function showLogs(lines, note) {
  const list = at('logs');
  const following = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
  const changed = fill(list, [lines, note], () =>
    note ? [el('li', { class: 'dim' }, note)] : lines.map(line),
  );
  if (changed && following) list.scrollTop = list.scrollHeight;
}
