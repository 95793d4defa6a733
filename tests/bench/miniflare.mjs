// Runs two workers in one workerd: the gateway's, as it is deployed, and one in plain JavaScript that only
// says hello.
//
// A line of JSON on standard input gives `{port, script, bindings, folder}`: where to listen, the gateway's
// script, its variables, and the folder of its storage. This program ends when standard input ends.

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
  // A log line costs here what it costs where logs are collected: the writing of a line. Errors go to the
  // reader.
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
