// Why a daemon died last: its death certificate.

import { at, el, fill, say, verdict } from './dom.js';
import { ago, bytes, clock, count, date, exitText, percent, span } from './format.js';

const TONES = { emerg: 'bad', alert: 'bad', crit: 'bad', err: 'bad', warning: 'warn' };

/** One line of a log. */
export const line = ({ at: time, severity, body }) =>
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
  );

function factsOf({ at: died, startedAt, exit, corePattern, fds, memory, alsoDied, restart, repeats }, now) {
  const facts = [
    [
      'When',
      `${exit.lastSeenAt === undefined ? '' : `between ${date.format(exit.lastSeenAt)} and `}${date.format(died)}, ${ago(died, now)}`,
    ],
    ['Lived', startedAt === undefined ? undefined : span(died - startedAt)],
    ['Ended by', exitText(exit) + (exit.source ? `, seen by ${exit.source}` : '')],
    ['Core', exit.coreDumped ? `dumped${corePattern ? ` to ${corePattern}` : ''}` : undefined],
    ['systemd', exit.systemdResult],
    ['Memory', memory === undefined ? undefined : bytes(memory)],
    [
      'Open fds',
      fds &&
        `${count(fds.open)}${fds.usage === undefined ? '' : `, at most ${percent(fds.usage)} of the limit`}`,
    ],
    ...alsoDied.map(other => [
      'Also died',
      `${other.daemon}, ${exitText(other.exit)}, ${span(Math.abs(other.at - died))} ${other.at < died ? 'before' : 'after'}`,
    ]),
    ['Restart', restart ? `process ${restart.pid}, ${span(restart.at - died)} later` : 'none seen'],
    ['Then', repeats && `died ${count(repeats.count)} times more, last by ${exitText(repeats.lastExit)}`],
  ];
  return facts.filter(([, text]) => text !== undefined);
}

/** Hidden without one. */
export function showDeath(certificate, now) {
  at('death').hidden = certificate === undefined;
  if (!certificate) return;
  say(at('death-text'), certificate.text);
  const facts = factsOf(certificate, now);
  fill(at('death-facts'), facts, () =>
    facts.flatMap(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]),
  );
  const { checks, logs } = certificate;
  fill(at('death-checks'), checks, () =>
    checks.map(({ name, healthy, message }) =>
      el('li', {}, verdict(healthy, 'passing', 'failing'), el('b', {}, name), el('span', {}, message)),
    ),
  );
  at('death-records').hidden = logs.length === 0;
  say(
    at('death-count'),
    logs.length === 1 ? 'Its last log line' : `Its last ${count(logs.length)} log lines`,
  );
  fill(at('death-logs'), logs, () => logs.map(line));
}
