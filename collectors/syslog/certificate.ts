// The certificate of a TLS listener, as its files have it now: whoever renews it need not tell the agent.

import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { causeOf } from '../../agent/core/errors.ts';
import type { ListenOptions } from './options.ts';

export interface Certificate {
  readonly options: SecureContextOptions;
  /** What the files hold when that is something else than before, to be asked with each connection. */
  renewed(): SecureContextOptions | undefined;
}

/** Throws for what cannot be read or does not fit together; later that goes to `warn`, and what was read before stays. */
export function openCertificate(
  { cert_file, key_file, client_ca_file }: NonNullable<ListenOptions['tls']>,
  warn: (message: string) => void,
): Certificate {
  const paths = [cert_file, key_file, client_ca_file].filter(path => path !== undefined);
  const look = () => paths.map(signature).join();
  const read = (): SecureContextOptions => {
    const options = {
      cert: readFileSync(cert_file),
      key: readFileSync(key_file),
      ...(client_ca_file === undefined ? {} : { ca: readFileSync(client_ca_file) }),
    };
    createSecureContext(options);
    return options;
  };
  let seen = look();
  let told = '';
  return {
    options: read(),
    renewed() {
      const now = look();
      if (now === seen) return undefined;
      try {
        const options = read();
        seen = now;
        return options;
      } catch (error) {
        // Half a change, such as a certificate whose key is still to come, is looked at again.
        if (now !== told)
          warn(
            `cannot read certificate "${cert_file}" again: ${causeOf(error)}; the one before stays in use`,
          );
        told = now;
        return undefined;
      }
    },
  };
}

function signature(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.ino}/${stat.size}/${stat.mtimeMs}` : '';
}
