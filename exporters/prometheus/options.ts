// Options of `exporters.prometheus`: where the agent's HTTP server listens.

import {
  describe,
  fallback,
  object,
  optional,
  type Parsed,
  type Schema,
  string,
} from '../../agent/core/options.ts';

/** A TCP address, every address of the host when `host` is undefined, or the path of a Unix socket. */
export type Listen = { readonly host?: string; readonly port: number } | { readonly path: string };

/** `host:port`, `[::1]:port`, `:port` for all addresses, `unix:/path`; undefined when it is none. */
export function parseListen(text: string): Listen | undefined {
  if (text.startsWith('unix:')) return text[5] === '/' ? { path: text.slice(5) } : undefined;
  const [, v6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  const host = v6 ?? name;
  return host ? { host, port } : { port };
}

const listen: Schema<Listen> = {
  json: { type: 'string', pattern: '^(unix:/.+|(\\[[\\da-fA-F:.]+\\]|[\\w.-]*):\\d{1,5})$' },
  parse(input, path, checker) {
    const address = typeof input === 'string' ? parseListen(input) : undefined;
    if (!address)
      checker.problem(
        path,
        `${JSON.stringify(input)} is not an address such as "127.0.0.1:10764", "[::1]:10764", ":10764" or "unix:/run/eudaemon/http.sock"`,
      );
    return address;
  },
};

export const options = object({
  listen: describe(
    fallback(listen, { host: '127.0.0.1', port: 10_764 }),
    'Address of /metrics, the console and the API: host:port, [v6]:port, :port or unix:/path. Default: 127.0.0.1:10764.',
  ),
  web_config: optional(
    describe(
      string(),
      "File with TLS, users and headers in the format of exporter-toolkit's web-config.yml; relative to this file. Read again when it changes.",
    ),
  ),
});

export type PrometheusOptions = Parsed<typeof options>;
