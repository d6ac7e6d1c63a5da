// The console as one static file: style and script are put into the page, so that it needs no second request.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads index.html, style.css and main.js of a folder. Throws when one is missing. */
export function readPage(folder: string = import.meta.dirname): Uint8Array {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const page = read('index.html')
    .replace('<link rel="stylesheet" href="style.css">', () => `<style>${read('style.css')}</style>`)
    .replace(
      '<script type="module" src="main.js"></script>',
      () => `<script type="module">${read('main.js')}</script>`,
    );
  return new TextEncoder().encode(page);
}
