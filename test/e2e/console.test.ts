// The console in a real browser against a listener with made-up daemons: what it shows, and what it refuses to run.

import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createHttp, type Http } from '../../agent/control/http.ts';
import type { Log } from '../../agent/core/log.ts';
import type {
  AgentView,
  CertificatesView,
  DaemonsView,
  DaemonView,
  EndpointsView,
  LogsView,
  SamplesView,
} from '../../console/api.ts';
import { readPage } from '../../console/page.ts';
import { until } from './until.ts';

const quiet = () => {};
const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet, room: () => log };
const NOW = Date.UTC(2026, 10, 22, 12);
const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

const daemon = (name: string, more: Partial<DaemonView> = {}): DaemonView => ({
  name,
  labels: {},
  state: 'healthy',
  stateSince: NOW - 3_600_000,
  up: true,
  instances: [{ pid: 42, startedAt: NOW - 90_000 }],
  cpu: 0.254,
  memory: 3 * 2 ** 20,
  threads: 4,
  openFds: 12,
  fdUsage: 0.5,
  restarts: 0,
  checks: [],
  expectations: [],
  exhaustion: {},
  lastLogAt: NOW - 65_000,
  ...more,
});
const healthy: AgentView = {
  version: '1.2.3',
  host: 'node1',
  pid: 1,
  now: NOW,
  startedAt: NOW - 100_000_000,
  memory: 2 ** 26,
  faults: [],
  config: { loadedAt: NOW, problems: [] },
  collectors: [{ name: 'syslog', up: true }],
  exporters: [{ name: 'otlp', delivered: 12_345, dropped: 0, spooled: 6, failures: 0 }],
  ledger: { received: 12_351, dropped: 7, processed: 7, lost: 0, spoolBytes: 0 },
};
const DAEMONS = [
  daemon('cron', { labels: { team: 'ops' } }),
  daemon('absent one', {
    state: 'absent',
    up: false,
    instances: [],
    cpu: undefined,
    memory: undefined,
    openFds: undefined,
    lastLogAt: undefined,
  }),
  daemon('nginx', {
    state: 'unhealthy',
    lastExit: { reason: 'signal', code: 11, at: NOW - 5000 },
    checks: [
      { name: 'web', healthy: false, message: HOSTILE, since: NOW - 2000 },
      { name: 'port', healthy: true, message: 'connected', since: NOW - 3_700_000 },
    ],
    expectations: [{ name: 'fd_usage', condition: '< 40%', met: false }],
    exhaustion: { fds: 7260 },
    lastDeath: { at: NOW - 5000, text: `nginx[41] was killed by SIGSEGV; ${HOSTILE}` },
  }),
];

/** Figures that climb, with a gap. */
const climb = (top: number) => Array.from({ length: 40 }, (_, i) => (i % 9 === 4 ? null : (top * i) / 39));
const SAMPLES: SamplesView = {
  at: Array.from({ length: 40 }, (_, i) => NOW - (39 - i) * 15_000),
  daemons: {
    nginx: { cpu: climb(0.5), memory: climb(3 * 2 ** 20), fds: climb(950) },
    cron: { cpu: climb(0), memory: climb(2 ** 20), fds: climb(4) },
    'absent one': { cpu: Array(40).fill(null), memory: Array(40).fill(null), fds: Array(40).fill(null) },
  },
};
const DEATH: CertificatesView['certificates'][number] = {
  daemon: 'nginx',
  pid: 41,
  program: 'nginx',
  at: NOW - 5000,
  startedAt: NOW - 3_605_000,
  exit: { reason: 'signal', code: 11, signal: 'SIGSEGV', coreDumped: true, source: 'netlink' },
  corePattern: HOSTILE,
  fds: { open: 950, limit: 1024, usage: 0.93 },
  memory: 3 * 2 ** 20,
  checks: [{ name: 'web', healthy: false, message: HOSTILE, since: NOW - 9000 }],
  samples: { at: [], cpu: [], memory: [], fds: [], fdUsage: [] },
  logs: [{ at: NOW - 5100, severity: 'crit', body: HOSTILE }],
  alsoDied: [{ daemon: 'redis', pid: 7, at: NOW - 8000, exit: { reason: 'oom' } }],
  restart: { pid: 42, at: NOW - 3000 },
  text: `nginx[41] was killed by SIGSEGV; ${HOSTILE}`,
};
const ENDPOINTS: EndpointsView = {
  ports: [80, 443],
  udpPorts: [123],
  sockets: ['/run/nginx.sock'],
  fifos: [],
  sharedMemory: ['key 0x1'],
  messageQueues: [HOSTILE],
  logs: [],
};

let agent: AgentView;
let view: DaemonsView;
let logs: LogsView | undefined;
let http: Http;
let url: string;
let browser: Browser;
let page: Page;
let complaints: string[];
let requests: string[];

const serve = async (port: number) => {
  http = createHttp({
    listen: { host: '127.0.0.1', port },
    log,
    metrics: async () => ({ status: 200, headers: {}, body: new Uint8Array() }),
    health: () => ({ ready: [] }),
    reload: async () => undefined,
    api: {
      '/api/agent': () => agent,
      '/api/daemons': () => view,
      '/api/samples': () => SAMPLES,
      '/api/endpoints': () => ENDPOINTS,
      '/api/certificates': query => ({
        now: NOW,
        certificates: query.get('daemon') === 'nginx' ? [DEATH] : [],
      }),
      '/api/logs': query => (query.get('daemon') === 'nginx' ? logs : { lines: [] }),
    },
    page: readPage(),
  });
  url = await http.open();
};

beforeAll(async () => {
  await serve(0);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});
afterAll(async () => {
  await browser.close();
  await http.close();
});

beforeEach(async () => {
  agent = healthy;
  view = { now: NOW, daemons: DAEMONS };
  logs = {
    lines: [
      { at: NOW - 2000, severity: 'info', body: 'first' },
      { at: NOW - 1000, severity: 'crit', body: HOSTILE },
    ],
  };
  complaints = [];
  requests = [];
  page = await browser.newPage();
  // A page that is hidden asks nothing.
  await page.bringToFront();
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(error.message));
  page.on('request', request => requests.push(request.url()));
});
afterEach(() => page.close());

const names = () => page.locator('#rows th a').allTextContents();
const cells = (name: string) =>
  page
    .locator('#rows tr', { has: page.getByRole('link', { name, exact: true }) })
    .locator('td')
    .allTextContents();
const shown = (locator: string, text: string) =>
  until(`${locator} reads "${text}"`, async () => {
    const found = await page.locator(locator).innerText();
    if (!found.includes(text)) throw new Error(`it reads "${found}"`);
    return true;
  });

test('daemons, worst first, and the agent; nothing from elsewhere, nothing to complain about', async () => {
  await page.goto(url);
  await shown('#health', 'ready');
  expect(await names()).toEqual(['absent one', 'nginx', 'cron']);
  expect(await cells('nginx')).toEqual([
    'unhealthy',
    '1',
    '25 %',
    '3.0 MiB',
    '12 (50 %)',
    '0',
    '1 of 2 failing',
    '1m ago',
  ]);
  expect(await cells('absent one')).toEqual(['absent', '0', '–', '–', '–', '0', '–', '–']);
  expect(await page.locator('#agent').innerText()).toBe(
    'node1 · version 1.2.3 · up 1d 3h · 64.0 MiB · embedded configuration',
  );
  expect(await page.locator('#exporters').innerText()).toMatch(/otlp\s+not yet\s+12,345\s+0\s+6\s+0/);
  expect(await page.title()).toBe('(2) eudaemon');
  expect(requests.filter(each => !each.startsWith(`${url}/`) && !each.startsWith('data:'))).toEqual([]);
  expect(complaints).toEqual([]);
});

test('the detail of a daemon, by keyboard, and back', async () => {
  await page.goto(url);
  await page.getByRole('link', { name: 'nginx' }).press('Enter');
  await shown('#detail', 'signal 11, 5s ago');
  expect(await page.locator('#detail-state').innerText()).toBe('unhealthy for 1h 0m');
  expect(await page.locator('#checks').innerText()).toMatch(
    /failing\s+web\s.*for 2s\s+passing\s+port\s+connected\s+for 1h 1m/s,
  );
  expect(await page.locator('#expectations').innerText()).toMatch(/not met\s+fd usage\s+< 40%/);
  await shown('#logs', 'first');
  expect(new URL(page.url()).hash).toBe('#nginx');
  await page.keyboard.press('Escape');
  expect(await page.locator('#detail').isVisible()).toBe(false);
  expect(await page.evaluate('document.activeElement.textContent')).toBe('nginx');
  await page.goBack();
  expect(await page.locator('#detail').isVisible()).toBe(true);
  expect(complaints).toEqual([]);
});

test('the last death, what runs out, the last ten minutes and the endpoints', async () => {
  await page.goto(`${url}/#nginx`);
  await shown('#death-text', 'nginx[41] was killed by SIGSEGV');
  const facts = await page.locator('#death-facts').innerText();
  expect(facts).toMatch(/Lived\s+1h 0m/);
  expect(facts).toMatch(/Ended by\s+SIGSEGV, seen by netlink/);
  expect(facts).toMatch(/Open fds\s+950, at most 93 % of the limit/);
  expect(facts).toMatch(/Also died\s+redis, killed for memory, 3s before/);
  expect(facts).toMatch(/Restart\s+process 42, 2s later/);
  expect(await page.locator('#death-logs').isVisible()).toBe(false);
  await page.locator('#death-count').focus();
  await page.keyboard.press('Enter');
  await shown('#death-logs', HOSTILE);
  expect(await page.locator('#detail-facts').innerText()).toMatch(/Out of fds\s+in 2h 1m if it goes on/);
  expect(await page.locator('#figures').innerText()).toMatch(/Memory\s+at most 3\.0 MiB/);
  expect(await page.locator('#figures polyline').first().getAttribute('points')).toMatch(/ 64\.0,1\.0$/);
  await page.getByText('How it runs').click();
  await shown('#endpoints', '80, 443');
  expect(await page.locator('main img, main script').count()).toBe(0);

  await page.getByRole('link', { name: 'cron' }).click();
  // What nginx listens on reads the same.
  await shown('#detail-title', 'cron');
  await shown('#endpoints', '80, 443');
  expect(await page.locator('#death').isVisible()).toBe(false);
  await page.getByRole('link', { name: 'absent one' }).click();
  await shown('#detail-title', 'absent one');
  expect(await page.locator('#figures').isVisible()).toBe(false);
  expect(complaints).toEqual([]);
});

test('why one is down, and when it starts next', async () => {
  view = {
    now: NOW,
    daemons: [
      daemon('postgres', {
        state: 'stopped',
        expectedDown: { since: NOW - 9000, until: NOW + 2_700_000, reason: HOSTILE },
        manager: 'systemd: inactive (dead)',
      }),
      daemon('crashy', { state: 'crash_looping', nextStartAt: NOW + 30_000 }),
    ],
  };
  await page.goto(`${url}/#postgres`);
  await shown('#detail-facts', `down for 45m 0s more: ${HOSTILE}`);
  await shown('#detail-facts', 'systemd: inactive (dead)');
  await page.getByRole('link', { name: 'crashy' }).click();
  await shown('#detail-facts', 'in 30s, by its last restarts');
  await page.getByText('How it runs').click();
  await shown('#endpoints', 'UDP ports');
  expect(complaints).toEqual([]);
});

test.each([400, 1440])(
  'a long name and long labels leave the state in sight, %i pixels wide',
  async width => {
    view = { now: NOW, daemons: [daemon('x'.repeat(150), { labels: { note: 'v'.repeat(150) } })] };
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${url}/#${'x'.repeat(150)}`);
    await shown('#detail-title', 'xxx');
    const right = async (locator: string) => {
      const box = await page.locator(locator).boundingBox();
      return box!.x + box!.width;
    };
    const card = await right('#daemons');
    expect(await right('#rows .state')).toBeLessThan(card);
    expect(await right('#rows td:nth-child(5)')).toBeLessThanOrEqual(card);
    expect(await right('#detail-title')).toBeLessThanOrEqual(await right('#detail'));
  },
);

test('markup in a log line and in a check is text', async () => {
  await page.goto(`${url}/#nginx`);
  await shown('#logs', HOSTILE);
  await shown('#checks', HOSTILE);
  expect(await page.locator('main img, main script').count()).toBe(0);
  expect(await page.title()).toBe('(2) eudaemon');
});

test('inline code that is not the page’s own does not run', async () => {
  await page.goto(url);
  await page.evaluate(
    'document.body.append(Object.assign(document.createElement("script"), { textContent: "document.title = \'owned\'" }))',
  );
  expect(await page.title()).not.toBe('owned');
  expect(complaints.join()).toContain('Content Security Policy');
});

test.each([
  ['%', 'a mangled address'],
  ['nobody', 'an unknown daemon'],
  ['constructor', 'a name that objects have'],
])('#%s: %s opens nothing', async hash => {
  await page.goto(`${url}/#${hash}`);
  await until('a second round', () => requests.filter(each => each.endsWith('/api/agent')).length > 1);
  expect(await page.locator('#health').innerText()).toBe('ready');
  expect(await page.locator('#offline').isVisible()).toBe(false);
  expect(await page.locator('#detail').isVisible()).toBe(false);
  expect(complaints).toEqual([]);
});

test('sorts by any column, both ways, what is unknown last', async () => {
  await page.goto(url);
  await shown('#health', 'ready');
  await page.getByRole('button', { name: 'Daemon' }).click();
  expect(await names()).toEqual(['absent one', 'cron', 'nginx']);
  await page.getByRole('button', { name: 'Memory' }).click();
  expect(await names()).toEqual(['cron', 'nginx', 'absent one']);
  expect(await page.getByRole('columnheader', { name: 'Memory' }).getAttribute('aria-sort')).toBe(
    'descending',
  );
  await page.getByRole('button', { name: 'Memory' }).click();
  expect(await names()).toEqual(['cron', 'nginx', 'absent one']);
});

test.each([
  ['NGI', ['nginx']],
  ['absent', ['absent one']],
  ['team=ops', ['cron']],
  ['zzz', []],
])('the filter %s leaves %j', async (text, left) => {
  await page.goto(url);
  await shown('#health', 'ready');
  await page.getByLabel('Filter daemons').fill(text);
  expect(await names()).toEqual(left);
  expect(await page.locator('#nothing').isVisible()).toBe(left.length === 0);
});

test('news arrive by themselves: a fault, a recovery, a new daemon', async () => {
  await page.goto(url);
  await shown('#health', 'ready');
  agent = { ...healthy, faults: ['collector files: cannot open "/var/log/x"'] };
  view = { now: NOW + 3000, daemons: [daemon('redis'), ...DAEMONS.slice(0, 2)] };
  await shown('#health', 'not ready');
  await shown('#faults', 'cannot open "/var/log/x"');
  await until('the new table', async () => (await names()).join() === 'absent one,cron,redis');
});

test('without a local store it says so', async () => {
  logs = undefined;
  await page.goto(`${url}/#nginx`);
  await shown('#logs', 'the local store is off');
});

test('an agent that goes away and comes back', async () => {
  await page.goto(url);
  await shown('#health', 'ready');
  const port = Number(new URL(url).port);
  await http.close();
  await shown('#offline', 'Cannot reach the agent: there is no connection. What you see is from ');
  expect(await names()).toHaveLength(3);
  await serve(port);
  await shown('#health', 'ready');
  expect(await page.locator('#offline').isVisible()).toBe(false);
});
