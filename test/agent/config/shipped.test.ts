// What is shipped as data holds: the embedded default, the recipes, and the JSON Schema, which is made from the code.
// UPDATE=1 writes the schema anew.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { createPatterns, jsonSchema, loadConfig } from '../../../agent/config/index.ts';
import { createRecipes } from '../../../agent/config/recipes.ts';
import { collectors } from '../../../collectors/index.ts';
import { exporters } from '../../../exporters/index.ts';
import { load } from './tables.ts';

const tables = { collectors, exporters };

describe('the embedded default', () => {
  test('runs what a host without configuration should have', async () => {
    const config = await loadConfig({ file: undefined, env: {}, uid: 0, ...tables });
    expect(config).toMatchObject({
      file: undefined,
      agent: { discover: true, state_dir: '/var/lib/eudaemon', run_dir: '/run/eudaemon' },
      daemons: [],
    });
    const on = [...Object.entries(config.collectors), ...Object.entries(config.exporters)].filter(
      ([, options]) => options !== false,
    );
    expect(on.map(([name]) => name).sort()).toEqual([
      'files',
      'gpu',
      'health',
      'host',
      'processes',
      'prometheus',
      'store',
      'syslog',
    ]);
    expect(structuredClone(config)).toEqual(config);
  });

  test('its commented example is good, too', async () => {
    const text = readFileSync('config/eudaemon.yaml', 'utf8');
    const commented = text
      .replace('daemons: {}', 'daemons:')
      .replace('processors: []', 'processors:')
      .replace(/^#(?= {2})/gm, '');
    const config = await load(commented.replace(/^collectors:.*/ms, ''));
    expect(config.daemons.map(each => each.name)).toEqual(['sshd', 'nginx', 'billing']);
    const whole = await loadConfig({ file: 'x', env: {}, ...tables, readFile: () => Buffer.from(commented) });
    expect(whole.processors).toHaveLength(2);
    expect(whole.exporters['otlp']).toMatchObject({ endpoint: 'http://127.0.0.1:4318' });
  });
});

test.each([...collectors, ...exporters].map(({ name, options }) => [name, options] as const))(
  '%s takes an empty section',
  (_, options) => {
    const found: string[] = [];
    const checker = {
      problem: (_: unknown, message: string) => found.push(message),
      formats: { regex: () => undefined, glob: () => undefined },
    };
    expect(options.parse(null, [], checker)).toBeDefined();
    expect(found).toEqual([]);
  },
);

describe('recipes', () => {
  const recipes = createRecipes();

  test('are all there', () =>
    expect(recipes.names).toEqual(
      'apache2 chrony containerd cron cupsd dbus-daemon dockerd eudaemon haproxy kubelet memcached mosquitto mysql named nginx node_exporter ntpd php-fpm pm2 postfix postgres prometheus rabbitmq redis rsyslog sshd supervisord systemd-journald tensorflow-serving torchserve triton vllm'.split(
        ' ',
      ),
    ));

  test.each(recipes.names)('%s says which processes and which lines', async name => {
    const { daemons } = await load(`daemons: { ${name}: }`);
    expect(daemons).toHaveLength(1);
    const [{ match, logs }] = daemons as [(typeof daemons)[0]];
    expect(Object.keys(match).filter(key => !['comm', 'cmdline'].includes(key))).toEqual([]);
    expect(logs.identifiers.length).toBeGreaterThan(0);
    expect(new Set(logs.identifiers).size).toBe(logs.identifiers.length);
  });

  test('no two claim the same tag or file', async () => {
    const { daemons } = await load(`daemons: { ${recipes.names.map(name => `${name}: `).join(', ')} }`);
    for (const words of [
      daemons.flatMap(each => each.logs.identifiers),
      daemons.flatMap(each => each.logs.files),
    ])
      expect(words.filter((word, i) => words.indexOf(word) !== i)).toEqual([]);
  });

  // Titles as the daemons show them in /proc/PID/cmdline, arguments joined by spaces.
  test.each<[string, string[], string[]]>([
    [
      'cron',
      ['/usr/sbin/cron -f', 'cron', '/usr/sbin/crond -n'],
      ['vi /etc/crontab', '/usr/sbin/cronyd', 'x /usr/sbin/cron'],
    ],
    [
      'apache2',
      ['/usr/sbin/apache2 -k start', '/usr/sbin/httpd -DFOREGROUND'],
      ['vi /etc/apache2/apache2.conf', 'busybox httpd'],
    ],
    [
      'mysql',
      ['/usr/sbin/mariadbd', '/usr/sbin/mysqld --user=mysql'],
      ['/bin/sh /usr/bin/mysqld_safe', 'mysqldump all'],
    ],
    [
      'postfix',
      ['/usr/lib/postfix/sbin/master -w', '/usr/libexec/postfix/master'],
      ['postmaster', 'nginx: master process'],
    ],
    [
      'php-fpm',
      [
        'php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)',
        '/usr/sbin/php-fpm8.2 --nodaemonize',
        'php-fpm8.2',
      ],
      ['php index.php'],
    ],
    [
      'node_exporter',
      ['/usr/bin/prometheus-node-exporter', '/usr/local/bin/node_exporter --web.x'],
      ['node exporter.js', '/opt/mynode_exporter'],
    ],
    [
      'dbus-daemon',
      ['/usr/bin/dbus-daemon --system --address=systemd: --nofork'],
      ['/usr/bin/dbus-daemon --session'],
    ],
  ])('%s knows its own title', async (name, own, others) => {
    const { daemons } = await load(`daemons: { ${name}: }`);
    const { test: fits } = createPatterns().regex(daemons[0]!.match.cmdline!);
    expect(own.filter(title => !fits(title))).toEqual([]);
    expect(others.filter(fits)).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  const file = 'config/eudaemon.schema.json';
  const fresh = `${JSON.stringify(jsonSchema(tables), null, 2)}\n`;

  test('is the one the code makes; UPDATE=1 writes it', () => {
    if (process.env['UPDATE'] === '1') writeFileSync(file, fresh);
    expect(readFileSync(file, 'utf8')).toBe(fresh);
  });

  test.each([
    'config/eudaemon.yaml',
    ...readdirSync('config/examples').map(name => `config/examples/${name}`),
  ])('%s fits it', name =>
    expect(misfits(JSON.parse(fresh), parseDocument(readFileSync(name, 'utf8')).toJS(), '')).toEqual([]),
  );

  test.each([
    [{ daemon: {} }, ['/daemon']],
    [{ agent: { log_level: 'loud' } }, ['/agent/log_level']],
    [{ daemons: { x: { match: { port: 0 } } } }, ['/daemons/x/match/port']],
    [{ daemons: { x: { health: [{ tcp: 'a:1', http: 'http://a' }] } } }, ['/daemons/x/health/0']],
    [{ spool: { max_size: '1Gb' } }, ['/spool/max_size']],
    [{ collectors: { processes: 3 } }, ['/collectors/processes']],
  ])('%j does not', (value, expected) => expect(misfits(JSON.parse(fresh), value, '')).toEqual(expected));
});

type Node = Record<string, unknown>;

/** Where a value does not fit, judged by the words of JSON Schema that are in use here; an unknown word throws. */
function misfits(schema: Node, value: unknown, at: string): string[] {
  const fits = (each: unknown) => misfits(each as Node, value, at).length === 0;
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  const type =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'array'
        : Number.isInteger(value)
          ? 'integer'
          : typeof value;
  const found: string[] = [];
  for (const [word, rule] of Object.entries(schema)) {
    const holds: Record<string, () => boolean> = {
      type: () => [rule].flat().some(each => each === type || (each === 'number' && type === 'integer')),
      enum: () => (rule as unknown[]).includes(value),
      $ref: () => /\$\{.+\}/.test(String(value)),
      anyOf: () => (rule as unknown[]).some(fits),
      oneOf: () => (rule as unknown[]).filter(fits).length === 1,
      pattern: () => typeof value !== 'string' || new RegExp(rule as string).test(value),
      minimum: () => typeof value !== 'number' || value >= (rule as number),
      maximum: () => typeof value !== 'number' || value <= (rule as number),
      maxItems: () => !Array.isArray(value) || value.length <= (rule as number),
      required: () => !isMap || (rule as string[]).every(name => Object.hasOwn(value, name)),
      propertyNames: () =>
        !isMap || Object.keys(value).every(name => misfits(rule as Node, name, at).length === 0),
    };
    if (holds[word]) {
      if (!holds[word]()) found.push(at);
    } else if (word === 'items') {
      if (Array.isArray(value))
        for (const [i, item] of value.entries()) found.push(...misfits(rule as Node, item, `${at}/${i}`));
    } else if (word === 'properties' || word === 'additionalProperties') {
      const named = (schema['properties'] ?? {}) as Record<string, Node>;
      for (const [name, element] of isMap ? Object.entries(value) : []) {
        if (word === 'properties' && Object.hasOwn(named, name))
          found.push(...misfits(named[name]!, element, `${at}/${name}`));
        if (word === 'additionalProperties' && !Object.hasOwn(named, name))
          found.push(
            ...(rule === false ? [`${at}/${name}`] : misfits(rule as Node, element, `${at}/${name}`)),
          );
      }
    } else if (!['$schema', '$defs', 'title', 'description', 'format'].includes(word))
      throw new Error(`unknown word ${word}`);
  }
  return [...new Set(found)];
}
