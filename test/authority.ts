// A certificate authority of one test: openssl makes it, a server and its clients.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly ca: string;
  /** A pair of files signed by it; `san` as openssl writes it: `DNS:localhost,IP:127.0.0.1`. */
  issue(name: string, san: string): Pair;
}

export function createAuthority(directory: string): Authority {
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = (name: string) =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at(`${name}.key`));
  key('ca');
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    at('ca.key'),
    '-subj',
    '/CN=test',
    '-days',
    '30',
    '-out',
    at('ca.pem'),
  );
  return {
    ca: at('ca.pem'),
    issue(name, san) {
      key(name);
      openssl('req', '-new', '-key', at(`${name}.key`), '-subj', `/CN=${name}`, '-out', at(`${name}.csr`));
      writeFileSync(at(`${name}.ext`), `subjectAltName=${san}\n`);
      openssl(
        ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key')],
        ...['-CAcreateserial', '-days', '30', '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`)],
      );
      return { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    },
  };
}
