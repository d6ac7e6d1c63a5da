// Whether a receiver would be the agent itself, as far as the configuration tells. Pure.

import type { Beside } from '../../agent/core/exporter.ts';
import { DEFAULT_PATH, type SyslogOptions } from './options.ts';

interface Listens {
  readonly listen?: readonly { readonly path?: string; readonly udp?: string; readonly tcp?: string }[];
}

/** Host and port of an address; the host of an empty one is every address of the machine. */
const parts = (address: string): [host: string, port: string] => {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at).replace(/^\[|\]$/g, ''), address.slice(at + 1)];
};
const EVERY = ['', '0.0.0.0', '::', '*'];
const HERE = /^(localhost|127(\.\d+){3}|::1|0\.0\.0\.0|::)$/;

/** What is wrong, or undefined. */
export function conflictOf(
  { path, udp, tcp }: SyslogOptions,
  { collectors, runDir }: Beside,
): string | undefined {
  const collector = collectors['syslog'] as Listens | false | undefined;
  if (!collector) return undefined;
  const listens = collector.listen?.length ? collector.listen : [{ path: `${runDir}/syslog.sock` }];
  const loop = listens.some(each => {
    if (tcp !== undefined) return same(tcp, each.tcp);
    if (udp !== undefined) return same(udp, each.udp);
    return each.path === (path ?? DEFAULT_PATH);
  });
  const target = tcp ?? udp ?? path ?? DEFAULT_PATH;
  return loop ? `"${target}" is where collectors.syslog listens: every message would come back` : undefined;
}

function same(target: string, listening: string | undefined): boolean {
  if (listening === undefined) return false;
  const [host, port] = parts(target);
  const [own, ownPort] = parts(listening);
  if (port !== ownPort) return false;
  return host === own || (HERE.test(host) && (EVERY.includes(own) || HERE.test(own)));
}
