// The agent itself: its readiness, and where the records went.

import { at, el, fill, say, state, verdict } from './dom.js';
import { bytes, count, span } from './format.js';

export function showAgent(agent) {
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
    ['Dropped by processors', count(ledger.processed)],
    ['Dropped before the spool', count(ledger.dropped - ledger.processed), ledger.dropped > ledger.processed],
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
