// `node:http` without an import of it: that would read all it exports, with three of which comes undici, 5 MiB and 80 ms
// for each thread.

export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
