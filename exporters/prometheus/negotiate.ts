// Which page a scraper wants: format by Accept, gzip by Accept-Encoding, both with q-values (RFC 9110, 12.5). Pure.

import type { Format } from './exposition.ts';

export const CONTENT_TYPE: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** One element of a list header: lower-case value, parameters, weight from 0 to 1. */
interface Choice {
  readonly value: string;
  readonly params: Readonly<Record<string, string>>;
  readonly q: number;
}

/** The format of highest weight, the earlier of two equals; text when none fits, since a page beats a refusal. */
export function formatOf(accept: string | undefined): Format {
  let best: Format = 'text';
  let bestQ = 0;
  for (const { value, params, q } of choices(accept)) {
    const format = formatFor(value, params['version']);
    if (format !== undefined && q > bestQ) [best, bestQ] = [format, q];
  }
  return best;
}

function formatFor(type: string, version: string | undefined): Format | undefined {
  switch (type) {
    case 'application/openmetrics-text':
      return version === undefined || version === '1.0.0' ? 'openmetrics' : undefined;
    case 'text/plain':
      return version === undefined || version === '0.0.4' ? 'text' : undefined;
    case 'text/*':
    case '*/*':
      return 'text';
    default:
      return undefined;
  }
}

/** Whether the body may be gzip and the client does not like it plain better. */
export function gzipWanted(acceptEncoding: string | undefined): boolean {
  const weights = new Map(choices(acceptEncoding).map(({ value, q }) => [value, q]));
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0;
  return gzip > 0 && gzip >= (weights.get('identity') ?? 0);
}

function choices(header = ''): Choice[] {
  return header
    .split(',')
    .map(element => {
      const [value = '', ...rest] = element.split(';').map(part => part.trim());
      const params = Object.fromEntries(rest.map(parameter));
      return { value: value.toLowerCase(), params, q: weight(params['q']) };
    })
    .filter(({ value }) => value !== '');
}

function parameter(part: string): [string, string] {
  const equals = part.indexOf('=');
  if (equals < 0) return [part.toLowerCase(), ''];
  const value = part.slice(equals + 1).trim();
  return [part.slice(0, equals).trim().toLowerCase(), /^".*"$/.test(value) ? value.slice(1, -1) : value];
}

/** A missing or unreadable weight is 1. */
function weight(text: string | undefined): number {
  return text !== undefined && /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : 1;
}
