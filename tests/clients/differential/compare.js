// The same commands to the native core, the component in wasmtime and the worker in workerd: the same answers, the
// same calls to the chain and the same journal, byte for byte (inv. 7).

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMPONENT, Component, WORKER, Worker } from './hosted.js';
import { Native } from './native.js';
import { read, rowsOf } from './recording.js';
import { Playing } from './rpc.js';

/** Differences that are shown of one platform. */
const SHOWN = 50;

const { recorded, rows } = read();
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Gives a platform all commands, and answers in what it differs from the recording. */
async function differences(platform, tape) {
  const found = [];
  for (const { command, rpc, answer } of recorded) {
    tape.begin(rpc);
    const got = await platform.ask(command).catch((e) => { throw new Error(`${command.name} ${command.method} ${command.path}: ${e}`); });
    const seen = { answer: got, asked: tape.asked };
    const expected = { answer, asked: rpc.map(([question]) => question) };
    if (!same(seen, expected)) found.push({ command, expected, seen });
  }
  return found;
}

/** Fails if these rows are not those of the recording. */
function assertRows(kept, names, what) {
  const expected = rows.filter(({ table }) => !names || names.includes(table));
  const seen = rowsOf(kept, names);
  const only = (some, others) => {
    const known = new Set(others.map((row) => JSON.stringify(row)));
    return some.filter((row) => !known.has(JSON.stringify(row)));
  };
  const [missing, more] = [only(expected, seen), only(seen, expected)];
  assert.deepEqual({ missing, more }, { missing: [], more: [] }, what);
  assert.equal(seen.length, expected.length, what);
}

for (const platform of [new Native(), new Component(), new Worker()]) {
  test(`${platform.name} answers ${recorded.length} commands, calls the chain and keeps its journal as recorded (inv. 7)`, { timeout: 120_000 }, async () => {
    const tape = await new Playing().listen();
    try {
      await platform.start(tape.url);
      const found = await differences(platform, tape);
      await platform.stop();
      for (const { command, expected, seen } of found.slice(0, SHOWN)) {
        console.error(`--- ${platform.name}: ${command.name}: ${command.method} ${command.path}`);
        console.error(JSON.stringify({ expected, seen }, null, 2));
      }
      if (found.length > 0) console.error(`--- log of ${platform.name}\n${platform.log}---`);
      assert.equal(found.length, 0, `${platform.name} differs from the recording in ${found.length} commands; if all platforms do, and should: \`cargo xtask record\``);
      const { tables, copies } = platform.kept();
      assertRows(tables, undefined, 'what is kept');
      assertRows(copies, Object.keys(copies), 'what is kept of it elsewhere');
    } finally {
      await platform.dispose();
      tape.stop();
    }
  });
}

test('no build that is shipped has the seam: its headers stand in none, and in those that are tested (inv. 7)', () => {
  const built = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
  const component = process.env.COINOP_COMPONENT ?? built('target/release/coinop.wasm');
  const worker = process.env.COINOP_WORKER ?? built('worker/build');
  const files = (folder) => readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name)).map((name) => join(folder, name));
  const has = (paths) => paths.some((path) => readFileSync(path).includes('coinop-seam'));
  assert.deepEqual([has([COMPONENT]), has(files(WORKER))], [true, true]);
  assert.deepEqual([has([component]), has(files(worker))], [false, false]);
});
