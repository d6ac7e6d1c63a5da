// What `processors:` may say, and where a finding about it points.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test

import { expect, test } from 'vitest';
import { loadConfig } from '../../../agent/config/index.ts';
import { ConfigError } from '../../../agent/core/errors.ts';
import { collectors } from '../../../collectors/index.ts';
import { exporters } from '../../../exporters/index.ts';

const load = (steps: string) =>
  loadConfig({
    collectors,
    exporters,
    file: 'e.yaml',
    env: { SECRET: 'hunter2' },
    readFile: () => Buffer.from(`processors:\n${steps.replace(/^/gm, '  ')}\n`),
  }).then(({ processors }) => processors);

const rest = { patterns: [], attributes: [], with: '[redacted]' };
test.each<[string, object]>([
  ['- drop: { daemon: nginx }', { drop: [{ daemon: ['nginx'] }] }],
  ['- drop: [{ daemon: a }, { body: b }]', { drop: [{ daemon: ['a'] }, { body: 'b' }] }],
  ['- keep: { severity: ">= warn" }', { keep: [{ severity: [13, 24] }] }],
  ['- keep: { severity: "<info" }', { keep: [{ severity: [1, 8] }] }],
  ['- keep: { severity: "== error" }', { keep: [{ severity: [17, 17] }] }],
  ['- keep: { severity: "> emergency" }', { keep: [{ severity: [25, 24] }] }],
  [
    '- drop: { source: events, not: { daemon: a } }',
    { drop: [{ source: ['events'], not: { daemon: ['a'] } }] },
  ],
  ['- redact: email', { redact: { builtin: ['email'], ...rest } }],
  ['- redact: all', { redact: { builtin: ['token', 'key', 'password', 'card', 'email'], ...rest } }],
  [
    '- redact: { patterns: "\\\\d{6}", with: "#" }',
    { redact: { builtin: [], attributes: [], patterns: ['\\d{6}'], with: '#' } },
  ],
  ['- redact: { patterns: ["x"], attributes: ["${SECRET}"] }', { redact: { attributes: ['hunter2'] } }],
  ['- parse: json', { parse: 'json' }],
  ['- parse: { regex: "(?P<a>.)" }', { parse: { regex: '(?P<a>.)' } }],
  ['- sample: 10%', { sample: { ratio: 0.1 } }],
  ['- sample: 0.25', { sample: { ratio: 0.25 } }],
  ['- sample: { ratio: 1/4, by: trace_id }', { sample: { ratio: 0.25, by: 'trace_id' } }],
  ['- rate_limit: 90/m', { rate_limit: { rate: '90/m', perSecond: 1.5, burst: 90 } }],
  ['- rate_limit: { rate: 5/s, burst: 50 }', { rate_limit: { rate: '5/s', perSecond: 5, burst: 50 } }],
  ['- add: { env: prod, n: 1, ok: true }', { add: { env: 'prod', n: 1, ok: true } }],
  ['- rename: { a: b }', { rename: { a: 'b' } }],
  ['- remove: a', { remove: ['a'] }],
  ['- severity: body', { severity: { first: true, values: {} } }],
  ['- severity: { set: err }', { severity: { set: 17, values: {} } }],
  ['- severity: { attribute: l, values: { W: warning } }', { severity: { values: { w: 13 } } }],
  ['- metric: { name: n }', { metric: { name: 'n', type: 'counter', labels: {}, max_series: 100 } }],
])('%s', async (steps, expected) => {
  const given = await load(steps);
  expect(given).toMatchObject([expected]);
  expect(structuredClone(given)).toEqual(given);
});

test.each<[string, string]>([
  ['- dorp: { daemon: a }', '2:5: processors[0].dorp: unknown key "dorp"; did you mean "drop"?'],
  ['- when: { daemon: a }', '2:5: processors[0]: exactly one of drop, keep, redact,'],
  ['- drop: { daemon: a }\n  sample: 1%', 'must be given, not drop and sample'],
  ['- drop:', '2:5: processors[0].drop: null is not a list'],
  ['- drop: []', 'processors[0].drop: it is empty'],
  ['- drop: { deamon: a }', '2:13: processors[0].drop.deamon: unknown key "deamon"; did you mean "daemon"?'],
  [
    '- drop: { source: sylog }',
    '"sylog" is not one of syslog, files, journald, kmsg, events; did you mean "syslog"?',
  ],
  [
    '- drop: { severity: debug }',
    '"debug" is not a comparison of severities; write "== debug" or ">= debug"',
  ],
  ['- drop: { severity: ">= wanring" }', 'did you mean "warning"?'],
  ['- drop: { severity: 4 }', '"4" is not a comparison of severities; write ">= warning"'],
  ['- drop: { body: "(" }', '2:19: processors[0].drop.body: "(" is not a valid regex: missing closing )'],
  ['- drop: { body: "(?=x)" }', 'is not a valid regex'],
  ['- drop: { attributes: { a: "[" } }', 'is not a valid regex'],
  ['- drop: { not: {} }', 'at least one of daemon, source'],
  [
    '- redact: emails',
    '"emails" is not one of all, token, key, password, card, email; did you mean "email"?',
  ],
  ['- redact: []', 'it names none of token, key'],
  ['- redact: {}', 'at least one of builtin, patterns, attributes must be given'],
  ['- redact: { patterns: ["a(${SECRET}"] }', '"a(${SECRET}" is not a valid regex'],
  ['- parse: cri', '"cri" is not one of json, logfmt, csv, nginx, apache, syslog'],
  ['- parse: { regex: "(" }', 'is not a valid regex'],
  ['- sample: 110%', '"110%" is not a share such as 10%, 1/10 or 0.1'],
  ['- sample: 1/0', '"1/0" is not a share'],
  ['- sample: -1', '"-1" is not a share'],
  ['- sample: { by: id }', 'the key "ratio" is missing'],
  ['- rate_limit: 100', '100 is not a rate such as 100/s, 600/m or 1000/h'],
  ['- rate_limit: 0/s', '"0/s" is not a rate'],
  ['- rate_limit: { rate: 1/s, burst: 0 }', '0 is not a whole number from 1'],
  ['- add: {}', 'processors[0].add: it is empty'],
  ['- add: { a: [1] }', '[1] is not text, a number, true or false'],
  ['- rename: { a: "" }', 'the new name is empty'],
  ['- rename: { a: log.record.uid }', 'processors[0].rename.a: log.record.uid is given by the agent'],
  ['- add: { b: 1, log.record.uid: x }', 'processors[0].add: log.record.uid is given by the agent'],
  ['- remove: []', 'processors[0].remove: it is empty'],
  ['- severity: { set: loud }', '"loud" is not one of trace, debug'],
  ['- severity: { set: info, body: x }', 'exactly one of set, attribute, body must be given'],
  ['- severity: text', '"text" is not one of body'],
  ['- metric: { name: eudaemon_x }', `"eudaemon_x" begins like the agent's own metrics`],
  ['- metric: { name: "9x" }', '"9x" is not a metric name'],
  ['- metric: { name: n, labels: { daemon: a } }', 'the label "daemon" has a meaning of its own'],
  ['- metric: { name: n, type: histogram }', 'a histogram observes an attribute: give `value`'],
  ['- metric: { name: n, buckets: [1] }', 'a counter has no buckets'],
  ['- metric: { name: n, type: histogram, value: a, buckets: [2, 1] }', 'bounds ascend'],
  [
    '- metric: { name: n }\n- metric: { name: n }',
    '3:21: processors[1].metric.name: processors[0] already counts "n"',
  ],
  ['drop: { daemon: a }', 'is not a list'],
  ['- drop', 'is not a map with drop, keep'],
])('%s: %s', async (steps, expected) => {
  const error = await load(steps).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).message).toContain(expected);
});
