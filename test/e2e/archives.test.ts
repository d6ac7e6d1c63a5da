// Rotation with compression while no agent runs: what logrotate has put into .gz files by then comes all the same, once.
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { find, have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

if (have('logrotate', 'root'))
  it.each([['app.log'], ['app.log*']])(
    'of %s nothing is lost or repeated that was compressed while no agent ran',
    async glob => {
      const directory = tempDir('archives');
      const file = join(directory, 'app.log');
      const config = join(directory, 'rotate.conf');
      writeFileSync(config, `${file} {\nrotate 9\ncreate\ncompress\n}\n`, { mode: 0o600 });
      let written = 0;
      const write = (lines = 1000) =>
        appendFileSync(file, Array.from({ length: lines }, () => `line ${written++}\n`).join(''));
      const rotate = () => execFileSync(find('logrotate')!, ['-f', '-s', join(directory, 'state'), config]);
      const backend = await startBackend();
      const home = await createHome({
        collectors: {
          files: [{ include: [join(directory, glob)], start_at: 'beginning', compressed: 'read' }],
        },
        exporters: { otlp: backend.exporter },
      });
      const all = () => until('all lines arrive', () => backend.bodies().length >= written);
      write();
      for (let life = 0; life < 2; life++) {
        const program = await startProgram(home);
        await all();
        await program.stop();
        write();
        rotate();
        write();
        rotate();
        write();
      }
      await startProgram(home);
      await all();
      expect(readdirSync(directory).filter(name => name.endsWith('.gz'))).toHaveLength(4);
      expect(backend.bodies()).toEqual(Array.from({ length: written }, (_, i) => `line ${i}`));
    },
  );
