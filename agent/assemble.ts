// The main thread's meeting place: names every actor, in start order. Stop is the same list backwards, to a deadline.

import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { collectors } from '../collectors/index.ts';
import { readPage } from '../console/page.ts';
import { exporters } from '../exporters/index.ts';
import { createRegistry } from '../exporters/prometheus/registry.ts';
import { createScrape } from '../exporters/prometheus/scrape.ts';
import { createApi, storeDirectory } from './api.ts';
import { createFinder } from './cli/find.ts';
import { type Config, createPatterns, refuseChanges } from './config/index.ts';
import { createAlerting } from './control/alerting.ts';
import { createDataThread } from './control/data.ts';
import { makeDirectories } from './control/directories.ts';
import { createDiscovery, discovering } from './control/discovery.ts';
import { every } from './control/every.ts';
import { type Actor, createGroup } from './control/group.ts';
import { createHttp } from './control/http.ts';
import { type Lock, lockDirectory } from './control/lock.ts';
import { createAgentLog } from './control/log.ts';
import { CONTROL_SOCKET } from './control/messages.ts';
import { createNotifier } from './control/notify.ts';
import { createPushes } from './control/pushes.ts';
import { createReload } from './control/reload.ts';
import { createSampling } from './control/sampling.ts';
import { createScheduler } from './control/scheduler.ts';
import { untilSignal } from './control/signals.ts';
import { sweeping } from './control/sweeping.ts';
import { createTurns } from './control/turns.ts';
import { BEGUN_BYTES } from './core/begun.ts';
import { systemClock as clock } from './core/clock.ts';
import { causeOf } from './core/errors.ts';
import { hostNameOf } from './core/host-name.ts';
import { createLatest } from './core/meter.ts';
import type { Family } from './core/metric.ts';
import { BUILD_INFO, VERSION } from './core/version.ts';
import { createAlerts } from './identity/alerts.ts';
import { certificatesDirectory, createCertificateStore } from './identity/certificate-store.ts';
import { createCertificates } from './identity/certificates.ts';
import type { Discovered } from './identity/discover.ts';
import { createHoldings } from './identity/holdings.ts';
import { identifyHost, readCorePattern } from './identity/host.ts';
import { createLookup } from './identity/lookup.ts';
import { remember } from './identity/memory.ts';
import { createRecorder } from './identity/recorder.ts';
import { createTable } from './identity/table.ts';
import { loadNative } from './native/index.ts';
import { prepareDrop } from './rights.ts';
import { createWeb } from './web.ts';

export interface Assembly {
  readonly config: Config;
  /** Reads the configuration again; throws ConfigError. */
  readonly load: () => Promise<Config>;
  readonly env: NodeJS.ProcessEnv;
  /** Opens the agent's output again. */
  readonly reopen: () => void;
  /** Called once when everything has started; `url` is empty while Prometheus is off, `faults` tell what does not flow. */
  readonly ready: (url: string, faults: readonly string[]) => void;
}

/** Runs the agent until a signal or a death ends it; resolves with the exit code. Throws when it cannot start. */
export async function runAgent({ config: first, load, env, reopen, ready }: Assembly): Promise<number> {
  const startedAt = clock.now();
  const { now, elapsed } = clock;
  makeDirectories(first.agent); // Before anything is looked for in them.
  const { log, configure: configureLog, answer } = createAgentLog(first.agent);
  const { meter, families: ownFamilies } = createRegistry(now);
  meter.instrument(BUILD_INFO).with(VERSION, process.version).set(1);
  const native = loadNative(log.debug);
  const patterns = createPatterns();
  const host = identifyHost(first.agent.host_root, env);
  const identityLog = log.room('identity');
  const memory = remember(first.agent, identityLog, elapsed);
  const finder = createFinder({ patterns, ...clock });
  const discovery = createDiscovery<Config, Discovered>({ ...finder, ...memory, log: identityLog });
  /** As the files say it; `config` has the discovered daemons as well. */
  let written = first;
  let config = discovery.extend(written);

  let die: (error: Error) => void = () => {};
  const death = new Promise<Error>(resolve => {
    die = resolve;
  });
  const begun = new SharedArrayBuffer(BEGUN_BYTES);
  const data = createDataThread(workerModule(), { config, host, begun }, die);

  const daemons = createLookup({
    declared: config.daemons,
    root: config.agent.host_root,
    patterns,
    ...clock,
    log: identityLog,
  });
  const recorder = createRecorder(config.daemons, () => now() - elapsed());
  const certificates = createCertificates({
    events: data,
    clock,
    recorder,
    store: createCertificateStore(certificatesDirectory(config.agent.state_dir), identityLog),
    lastWords: data.lastWords,
    corePattern: () => readCorePattern(config.agent.host_root),
  });
  certificates.declare(config.daemons.map(({ name }) => name));
  const identity = { events: data, witness: certificates, ...memory, startedAt, elapsed };
  const table = createTable({ ...identity, declared: config.daemons });
  const daemonFigures = createLatest(now);
  const sampled = (given: Iterable<Family>) => recorder.take(elapsed(), given);
  const scheduler = createScheduler({ clock, log, meter, sampled });
  const room = { ...clock, log, meter, patterns, begun, events: data, reports: table.reports, daemons };
  const sampling = createSampling({ collectors, scheduler, clock, room });

  const families = async (): Promise<Family[]> => {
    daemonFigures.begin();
    table.sample(daemonFigures, now());
    recorder.sample(daemonFigures);
    memory.voices.sample(daemonFigures, config.daemons);
    daemonFigures.end();
    return [
      ...(await ownFamilies()),
      ...daemonFigures.families(),
      ...scheduler.families(),
      ...data.families(),
    ];
  };
  const pushes = createPushes({ exporters, families, clock, log, meter, host });
  const alerting = createAlerting({
    exporters,
    stateDir: config.agent.state_dir,
    watch: firing => createAlerts({ table, events: data, clock, firing }),
    ...{ clock, log, meter, host },
  });
  const listen = () => {
    memory.rolls.take(table.settle(memory.voices.take(now(), data.families())), discovery.found);
    alerting.look();
  };
  const group = createGroup(log);
  let started = false;
  const faults = () => [
    ...(started ? [] : [`starting${group.starting ? `: ${group.starting}` : ''}`]),
    ...data.faults(),
    ...sampling.faults(),
    ...pushes.faults(),
    ...alerting.faults(),
  ];

  const bring = async (next: Config) => {
    config = next;
    table.declare(next.daemons);
    recorder.declare(next.daemons);
    certificates.declare(next.daemons.map(({ name }) => name));
    daemons.declare(next.daemons);
    await data.apply(next);
    await sampling.apply(next);
    await pushes.apply(next);
    await alerting.apply(next);
  };
  const turns = createTurns();
  const apply = (next: Config) =>
    turns.take(async () => {
      refuseChanges(config, next);
      await web.apply(next);
      configureLog(next.agent);
      written = next;
      await bring(discovery.extend(written));
    });
  const discoverAgain = () =>
    turns.take(async () => {
      const next = discovery.extend(written);
      if (JSON.stringify(next.daemons) !== JSON.stringify(config.daemons)) await bring(next);
    });
  let problems: readonly string[] = [];
  let loadedAt = startedAt;
  const notifier = createNotifier(env, (path, text) => void native?.sendDatagram(path, Buffer.from(text)));
  const reloadOnce = createReload({ load, apply, log, answer, meter, now });
  const reload = async () => {
    notifier.reloading();
    const found = await reloadOnce();
    problems = found ?? [];
    if (!found) loadedAt = now();
    notifier.ready(status());
    return found;
  };
  const status = () => `watching ${config.daemons.length} daemons`;

  const routes = {
    log: log.room('http'),
    metrics: createScrape({ families, log: log.room('exporter/prometheus'), meter }),
    health: () => ({ ready: faults() }),
    reload,
    api: createApi({
      host: hostNameOf(host) ?? '',
      startedAt,
      now,
      families,
      table,
      certificates,
      recorder,
      endpoints: pids => createHoldings(config.agent.host_root).of(pids),
      faults,
      config: () => ({ ...(config.file ? { file: config.file } : {}), loadedAt, problems }),
      store: () => storeDirectory(config),
    }),
    page: readPage(),
  };
  const commands = { ...table.commands(now), '/-/test-alert': alerting.test };
  const controlPath = join(config.agent.run_dir, CONTROL_SOCKET);
  const control = createHttp({ ...routes, commands, listen: { path: controlPath } });
  const web = createWeb(routes, elapsed);
  let url = '';
  let lock: Lock | undefined;

  const actors: Actor[] = [
    {
      name: 'lock',
      async start() {
        lock = lockDirectory(config.agent.state_dir, native?.libc.flock, log.warn);
      },
      stop: async () => lock?.release(),
    },
    {
      name: 'http',
      async start() {
        url = await web.apply(config);
      },
      stop: () => web.close(),
    },
    {
      name: 'control socket',
      async start() {
        await control.open();
        chmodSync(controlPath, 0o600);
      },
      async stop() {
        await control.close();
        rmSync(controlPath, { force: true });
      },
    },
    {
      name: 'data worker',
      start: () => data.start(),
      async stop(leftMs) {
        if (!(await data.stop(leftMs * 0.8))) throw new Error('it was cut short');
      },
    },
    { name: 'certificates', start: async () => certificates.recover(), stop: () => certificates.flush() },
    { name: 'samplers', start: () => sampling.apply(config), stop: () => sampling.stop() },
    every('daemons', 1000, listen, memory.save),
    { name: 'alerts', start: () => alerting.apply(config), stop: alerting.stop },
    sweeping(native?.libc),
    { name: 'metric exporters', start: () => pushes.apply(config), stop: pushes.stop },
    turns,
    discovering(discoverAgain, log),
  ];

  const stopped = untilSignal(process, {
    reload: () => void reload(),
    reopen: () => {
      reopen();
      data.reopen();
    },
  });
  const drop = prepareDrop(config, log);
  await group.start(actors);
  try {
    drop();
  } catch (error) {
    await group.stop(config.agent.shutdown_timeout);
    throw error;
  }
  started = true;
  const unwatch = notifier.watch();
  notifier.ready(status());
  ready(url, faults());
  log.info('ready', {
    version: VERSION,
    pid: process.pid,
    daemons: config.daemons.length,
    url,
    control: controlPath,
  });

  const end = await Promise.race([stopped, death]);
  unwatch();
  notifier.stopping();
  if (end instanceof Error) log.error(`cannot go on: ${causeOf(end)}`);
  else log.info('stopping', { signal: end });
  const clean = await group.stop(config.agent.shutdown_timeout);
  log.info('stopped', { clean });
  return end instanceof Error || !clean ? 1 : 0;
}

/** The worker beside this module, which is a source file in a checkout and a part of the bundle when installed. */
const workerModule = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
