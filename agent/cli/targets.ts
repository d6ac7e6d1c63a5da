// Whether the places that records, metrics and alerts go to would take them now. What they do not take waits.

import { lookup } from 'node:dns/promises';
import { accessSync, constants, statSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { dirname } from 'node:path';
import type { AlertOptions } from '../../exporters/alert/options.ts';
import { SENDMAIL } from '../../exporters/alert/run.ts';
import { type FileOptions, STDOUT } from '../../exporters/file/options.ts';
import type { OtlpOptions } from '../../exporters/otlp/options.ts';
import { resolve } from '../../exporters/otlp/settings.ts';
import { DEFAULT_PATH, type SyslogOptions } from '../../exporters/syslog/options.ts';
import { hostAndPort } from '../../exporters/syslog/stream.ts';
import type { Config } from '../config/index.ts';
import { causeOf, codeOf } from '../core/errors.ts';
import type { Env, Finding } from './finding.ts';

const CONNECT_MS = 2000;
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'smtp:': 587, 'smtps:': 465 };
const MEANWHILE = 'until then records wait in the spool';

export async function targets({ exporters }: Config, env: Env): Promise<Finding[]> {
  const on = <T>(name: string) => exporters[name] as T | false | undefined;
  const [otlp, syslog, file, alert] = [
    on<OtlpOptions>('otlp'),
    on<SyslogOptions>('syslog'),
    on<FileOptions>('file'),
    on<AlertOptions>('alert'),
  ];
  const found = await Promise.all([
    otlp ? receivers(otlp, env) : [],
    syslog ? syslogReceiver(syslog) : [],
    file ? outputFile(file) : [],
    alert ? alertTargets(alert) : [],
  ]);
  return found.flat();
}

async function receivers(otlp: OtlpOptions, env: Env): Promise<Finding[]> {
  const urls = (['logs', 'metrics'] as const)
    .filter(signal => otlp[signal])
    .map(signal => resolve(otlp, env, signal).url);
  const hosts = [...new Map(urls.map(url => [url.host, url])).values()];
  const found = await Promise.all(hosts.map(url => server(url, 'exporters.otlp.endpoint', MEANWHILE)));
  return found.flat();
}

async function server(url: URL, key: string, meanwhile: string): Promise<Finding[]> {
  const port = Number(url.port) || PORTS[url.protocol]!;
  const error = await attempt({ host: url.hostname.replace(/^\[|\]$/g, ''), port });
  // A path or a user may be a secret.
  return error ? [unreachable(`${url.protocol}//${url.host}`, error, key, meanwhile)] : [];
}

async function alertTargets(alert: AlertOptions): Promise<Finding[]> {
  const { mail, smtp, exec, webhook, alertmanager } = alert;
  const meanwhile = 'until then alerts wait';
  const program = (path: string, fix: string): Finding[] => {
    try {
      if (path.includes('/')) accessSync(path, constants.X_OK);
      return [];
    } catch (error) {
      return [{ what: `cannot run "${path}": ${causeOf(error)}`, fix: `${fix}; ${meanwhile}` }];
    }
  };
  const isLocal = mail !== undefined && smtp === undefined;
  const isMissed = isLocal && (await attempt({ host: 'localhost', port: 25 })) !== undefined;
  const urls = Object.entries({ smtp: mail && smtp, webhook, alertmanager }).filter(
    ([, url]) => url !== undefined,
  );
  const servers = urls.map(([key, url]) => server(new URL(url!), `exporters.alert.${key}`, meanwhile));
  return [
    ...(isMissed ? program(SENDMAIL, 'set exporters.alert.smtp, or install a mailer such as postfix') : []),
    ...(exec ? program(exec[0]!, 'make it executable, or set exporters.alert.exec') : []),
    ...(await Promise.all(servers)).flat(),
  ];
}

async function syslogReceiver({ path = DEFAULT_PATH, type, udp, tcp }: SyslogOptions): Promise<Finding[]> {
  if (tcp !== undefined) {
    const error = await attempt(hostAndPort(tcp));
    return error ? [unreachable(tcp, error, 'exporters.syslog.tcp')] : [];
  }
  if (udp !== undefined) {
    // Whether anybody listens there only a message would tell.
    const error = await lookup(hostAndPort(udp).host).then(() => undefined, asError);
    return error ? [unreachable(udp, error, 'exporters.syslog.udp')] : [];
  }
  const error = await attempt({ path });
  // The kernel looks for a socket first, and at its kind then.
  const kind = error === undefined ? 'stream' : codeOf(error) === 'EPROTOTYPE' ? 'dgram' : undefined;
  if (kind === type) return [];
  if (kind === undefined) return [unreachable(path, error!, 'exporters.syslog.path')];
  return [
    {
      what: `"${path}" is no socket of type ${type}`,
      fix: `set exporters.syslog.type to ${kind}; ${MEANWHILE}`,
    },
  ];
}

function outputFile({ path }: FileOptions): Finding[] {
  if (path === STDOUT) return [];
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw new Error('it is a directory');
    accessSync(there ? path : `${dirname(path)}/`, there ? constants.W_OK : constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    return [
      {
        what: `cannot write file "${path}": ${causeOf(error)}`,
        fix: `make it and its directory the agent's user's, or set exporters.file.path; ${MEANWHILE}`,
      },
    ];
  }
}

const unreachable = (target: string, error: Error, key: string, meanwhile = MEANWHILE): Finding => ({
  what: `cannot reach "${target}": ${causeOf(error)}`,
  fix: `start the receiver there, or set ${key}; ${meanwhile}`,
});

const asError = (error: unknown): Error => error as Error;

/** Why no connection comes about, or undefined when one does. */
function attempt(to: NetConnectOpts): Promise<Error | undefined> {
  return new Promise(done => {
    const socket = connect({ ...to, timeout: CONNECT_MS });
    const end = (error: Error | undefined) => {
      socket.destroy();
      done(error);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end(new Error(`no answer within ${CONNECT_MS}ms`)));
    socket.once('error', end);
  });
}
