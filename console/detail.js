// One daemon in full: its facts, checks, expectations and latest log lines.

import { at, el, fill, say, verdict } from './dom.js';
import { ago, bytes, clock, count, date, exitText, percent, STATES, span, words } from './format.js';

const TONES = { emerg: 'bad', alert: 'bad', crit: 'bad', err: 'bad', warning: 'warn' };

/** Opens for a daemon, closes for undefined. */
export function showDetail(daemon, now) {
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
    ...Object.entries(daemon.posture ?? {}).map(([what, how]) => [words(what), how]),
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

/** `note` stands in the place of lines; the list stays at its end when it was there. */
export function showLogs(lines, note) {
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
