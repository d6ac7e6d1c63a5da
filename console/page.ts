// The console as one static file: style and script are put into the page, so that it needs no second request.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the order they need each other. */
const SCRIPTS = ['format.js', 'dom.js', 'death.js', 'detail.js', 'agent.js', 'main.js'];

/** Beside this file in a checkout, beside `dist/` in the bundle. */
const packaged = (): string =>
  [import.meta.dirname, join(import.meta.dirname, '..', 'console')].find(folder =>
    existsSync(join(folder, 'index.html')),
  ) ?? import.meta.dirname;

/** Joins index.html, style.css and the scripts of a folder. Throws when one is missing. */
export function readPage(folder: string = packaged()): Uint8Array {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const page = read('index.html');
  // Modules of one inline script see each other without their imports and exports.
  const script = SCRIPTS.map(read)
    .join('\n')
    .replace(/^import [^;]*;\n/gm, '')
    .replace(/^export /gm, '');
  const whole = page
    .replace('<link rel="stylesheet" href="style.css">', () => `<style>${read('style.css')}</style>`)
    .replace(/(<script type="module") src="main.js">/, (_, tag) => `${tag}>${script}`);
  return new TextEncoder().encode(whole);
}
