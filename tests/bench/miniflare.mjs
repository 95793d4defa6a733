// Two workers in one workerd: the gateway's, as it is deployed, and one in plain JavaScript that only says hello.
//
// A line of JSON on standard input says `{port, script, bindings, folder}`: where to listen, where the gateway's script
// and its variables are, and where it keeps its storage. When standard input ends, this does.

import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compatibilityDate, deployed } from '../clients/harness/targets/deployed.js';

// Miniflare is installed once, for the tests.
const { Log, LogLevel, Miniflare } = createRequire(new URL('../clients/package.json', import.meta.url))('miniflare');

const HELLO = "export default { fetch() { return new Response('hello'); } };";

const input = createInterface({ input: process.stdin });
const ended = once(input, 'close');
const [line] = await once(input, 'line');
const { port, script, bindings, folder } = JSON.parse(line);

const runtime = new Miniflare({
  host: '127.0.0.1',
  port,
  cf: false,
  log: new Log(LogLevel.NONE),
  logRequests: false,
  kvPersist: join(folder, 'kv'),
  durableObjectsPersist: join(folder, 'do'),
  // What is only noted costs here what it costs where it is collected: a line written. Complaints are for whoever reads.
  handleRuntimeStdio: (stdout, stderr) => {
    stdout.resume();
    stderr.pipe(process.stderr);
  },
  workers: [
    { name: 'coinop', ...deployed(script, bindings) },
    { name: 'hello', compatibilityDate, modules: true, script: HELLO, routes: ['*/hello'] },
  ],
});
await runtime.ready;
await ended;
await runtime.dispose();
