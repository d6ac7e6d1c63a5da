// Where the listener of exporters.prometheus, which serves, meets its web configuration, which is a file of its own.

import type { PrometheusOptions } from '../exporters/prometheus/options.ts';
import type { Config } from './config/index.ts';
import { loadWeb, webFile } from './config/web.ts';
import { createHttp, type Http } from './control/http.ts';
import type { HttpRoutes } from './control/http-server.ts';
import { type WebFiles, watchWeb } from './control/web.ts';

export interface Web {
  /** Opens, moves or closes the listener as the configuration asks; resolves with its URL, empty for none. */
  apply(config: WebPart): Promise<string>;
  close(): Promise<void>;
}

type WebPart = Pick<Config, 'file' | 'exporters'>;

const optionsOf = ({ exporters }: WebPart) => exporters['prometheus'] as PrometheusOptions | false;

export function createWeb(routes: HttpRoutes, elapsed: () => number): Web {
  let http: Http | undefined;
  let watched: { readonly file: string; readonly files: WebFiles } | undefined;

  /** Throws before anything is changed. */
  const sourceOf = (config: WebPart) => {
    const file = webFile(config);
    if (file === undefined) return undefined;
    const loaded = loadWeb(file);
    if (watched?.file !== file) {
      const files = watchWeb({ first: loaded, load: () => loadWeb(file), log: routes.log, elapsed });
      return { file, files };
    }
    watched.files.take(loaded);
    return watched;
  };

  return {
    async apply(config) {
      const options = optionsOf(config);
      const source = sourceOf(config);
      let url = '';
      if (!options) {
        await http?.close();
        http = undefined;
      } else if (http) {
        url = await http.change(options.listen, source?.files);
      } else {
        const opening = createHttp({
          ...routes,
          listen: options.listen,
          ...(source && { web: source.files }),
        });
        url = await opening.open();
        http = opening;
      }
      watched = source;
      return url;
    },
    close: async () => http?.close(),
  };
}
