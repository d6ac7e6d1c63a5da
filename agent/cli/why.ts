// `eudaemon why`: what daemons died of, from the running agent, or from what it kept when it does not run.

import type { CertificatesView } from '../../console/api.ts';
import type { Certificate } from '../core/certificate.ts';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';
import { certificatesDirectory, readAll } from '../identity/certificate-store.ts';
import { sentence } from '../identity/sentence.ts';
import { CONFIG, readDaemon } from './args.ts';
import { certificateText } from './certificate.ts';
import { readAgent } from './config.ts';
import { ask } from './control.ts';
import { age, columns, paint } from './format.ts';
import type { Command } from './index.ts';
import { visible } from './record.ts';

export const why: Command = {
  summary: 'why a daemon died: its death certificates',
  usage: `eudaemon why [DAEMON] [--json] [--config FILE]

      --json         certificates as they are kept
  -c, --config FILE  whose agent is asked

Without a name, the latest death of each daemon. It asks the running agent, else reads what it kept in
agent.state_dir. Exits 1 when no death is known.`,
  async run(argv) {
    const { values, daemon } = readDaemon('why', argv, { json: { type: 'boolean' }, ...CONFIG });
    const agent = readAgent(values.config, process.env);
    const certificates = await find(agent, daemon);
    if (values.json) process.stdout.write(`${JSON.stringify(certificates, null, 2)}\n`);
    else process.stdout.write(whyText(certificates, daemon, Date.now(), paint(process.stdout)));
    return certificates.length === 0 ? 1 : 0;
  },
};

async function find(
  { run_dir, state_dir }: { run_dir: string; state_dir: string },
  daemon: string | undefined,
): Promise<readonly Certificate[]> {
  const query = daemon === undefined ? '' : `?daemon=${encodeURIComponent(daemon)}`;
  try {
    return (await ask<CertificatesView>(run_dir, `/api/certificates${query}`))?.certificates ?? [];
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return kept(certificatesDirectory(state_dir), daemon);
  }
}

/** Throws SetupError for a directory that cannot be read; one that is not there holds nothing. */
function kept(directory: string, daemon: string | undefined): Certificate[] {
  try {
    const all = readAll(directory);
    if (daemon !== undefined) return all.filter(certificate => certificate.daemon === daemon);
    return all.filter((each, i) => all.findIndex(other => other.daemon === each.daemon) === i);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new SetupError(`cannot read certificates "${directory}": ${causeOf(error)}`, { cause: error });
  }
}

const LINES = 50;

function whyText(
  certificates: readonly Certificate[],
  daemon: string | undefined,
  now: number,
  color: ReturnType<typeof paint>,
): string {
  const [newest, ...older] = certificates;
  if (!newest) return `no death${daemon === undefined ? '' : ` of ${daemon}`} is known\n`;
  if (daemon === undefined)
    return columns(
      certificates.map(each => [color('dim', `${age(now - each.at)} ago`), visible(sentence(each))]),
    );
  const before = older.map(each => `before that, ${age(now - each.at)} ago: ${visible(sentence(each))}\n`);
  return certificateText(newest, now, color, LINES) + before.join('');
}
