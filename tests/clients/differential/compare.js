// Gives the same commands to the native core, the component in wasmtime and the worker in workerd, and expects the same
// answers, the same calls to the chain and the same journal. What one platform says and keeps is compared with the
// recording as JSON values, and with the other platforms byte for byte (inv. 7).

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Component, HOOKS, SHIPPED, STUB, Worker } from './hosted.js';
import { Native } from './native.js';
import { read, rowsOf } from './recording.js';
import { Playing } from './rpc.js';
import { same, written } from './values.js';

/** How many differences of one platform are shown. */
const SHOWN = 5;

const { recorded, rows } = read();

/** Gives a platform all commands. Resolves to what it said, and to its differences from the recording. */
async function differences(platform, tape) {
  const [said, found] = [[], []];
  for (const { command, rpc, answer } of recorded) {
    if (platform.keepsAnswerTo(command)) {
      said.push(undefined);
      continue;
    }
    tape.begin(rpc);
    const given = await platform.ask(command).catch((error) => ({ failed: String(error) }));
    const seen = { answer: given, asked: tape.asked };
    const expected = { answer, asked: rpc.map(([question]) => question) };
    said.push(JSON.stringify(seen));
    if (!same(seen, expected)) found.push({ command, expected, seen });
  }
  return { said, found };
}

/** Fails if these tables do not have the rows of the recording. */
function assertRows(tables, names, what) {
  const texts = (some) => some.map(written);
  const expected = texts(rows.filter(({ table }) => !names || names.includes(table)));
  const seen = texts(rowsOf(tables, names));
  const only = (some, others) => some.filter((row) => !others.includes(row));
  assert.deepEqual({ missing: only(expected, seen), more: only(seen, expected) }, { missing: [], more: [] }, what);
  assert.equal(seen.length, expected.length, what);
}

/** Runs `body` with a platform and the RPC that it reaches. */
async function running(platform, body) {
  const tape = await new Playing().listen();
  try {
    await platform.start(tape.url);
    await body(tape);
  } catch (error) {
    console.error(`--- log of ${platform.name}\n${platform.log}---`);
    throw error;
  } finally {
    await platform.dispose();
    tape.stop();
  }
}

/** What each platform said and kept, to the byte. */
const seen = new Map();

test('another order of members is no difference, another value is one', () => {
  const base64 = (text) => Buffer.from(text).toString('base64');
  for (const written of [(text) => text, base64, (text) => JSON.stringify({ body: text })]) {
    assert.ok(same(written('{"a":1,"b":[2,{"c":3}]}'), written('{"b":[2,{"c":3}],"a":1}')));
    assert.ok(!same(written('{"a":1,"b":[2,{"c":3}]}'), written('{"a":1,"b":[2,{"c":4}]}')));
    assert.ok(!same(written('{"a":[1,2]}'), written('{"a":[2,1]}')));
  }
  assert.ok(!same('{"a":1}', { a: 1 }), 'text is no object');
});

for (const platform of [new Native(), new Component(HOOKS.component), new Worker(HOOKS.worker)]) {
  const name = `${platform.name}: ${recorded.length} commands have the answers, calls of the chain and journal that were recorded (inv. 7)`;
  test(name, { timeout: 120_000 }, () =>
    running(platform, async (tape) => {
      const { said, found } = await differences(platform, tape);
      await platform.stop();
      for (const { command, ...difference } of found.slice(0, SHOWN)) {
        console.error(`--- ${platform.name}: ${command.name}: ${command.method} ${command.path}\n${JSON.stringify(difference, null, 2)}`);
      }
      assert.equal(found.length, 0, `so many commands differ from the recording. If they do on every platform, and should: \`cargo xtask record\``);
      const { tables, copies } = platform.kept();
      seen.set(platform.name, { said, rows: rowsOf(tables).map((row) => JSON.stringify(row)) });
      assertRows(tables, undefined, 'what is kept');
      for (const [kind, copied] of Object.entries(copies)) {
        assertRows(copied, Object.keys(copied), `what the objects of kind ${kind} have of it`);
      }
    }),
  );
}

test('all platforms have answered, asked and kept the same, byte for byte (inv. 7)', () => {
  assert.equal(seen.size, 3, 'each platform has come to its end');
  const [[first, expected], ...others] = seen;
  for (const [name, { said, rows: kept }] of others) {
    const at = said.findIndex((text, n) => text !== undefined && text !== expected.said[n]);
    assert.equal(at, -1, `${name} and ${first} differ at ${recorded[at]?.command.name}:\n${said[at]}\n${expected.said[at]}`);
    assert.deepEqual(kept, expected.rows, `what ${name} and ${first} have kept`);
  }
});

for (const platform of [new Component(SHIPPED.component), new Worker(SHIPPED.worker)]) {
  test(`${platform.name}: what is shipped goes by its own clock and randomness, whatever a request tells (inv. 7)`, { timeout: 60_000 }, () =>
    running(platform, async () => {
      const { command, answer } = recorded.find((each) => each.answer.status === 402 && each.command.method === 'GET');
      const [first, second] = [await platform.ask(command), await platform.ask(command)];
      assert.deepEqual([first.status, second.status, first.body, second.body], [402, 402, answer.body, answer.body]);
      const headers = [answer, first, second].map((each) => JSON.stringify(each.headers));
      assert.equal(new Set(headers).size, 3, 'three tickets');
    }),
  );
}

/** Tells whether what was built contains these words. */
function stands(words, path) {
  const isCode = (name) => /\.(js|wasm)$/.test(name);
  const files = statSync(path).isFile() ? [path] : readdirSync(path).filter(isCode).map((name) => join(path, name));
  return files.some((file) => readFileSync(file).includes(words));
}

test('no build that is shipped has the test hooks: their headers stand in those alone that are tested with (inv. 7)', () => {
  const has = ({ component, worker }) => [component, worker].map((path) => stands('coinop-test-now', path));
  assert.deepEqual([has(HOOKS), has(SHIPPED)], [[true, true], [false, false]]);
});

test('no build that is shipped has the stubbed settlement: its words stand in the component of the benchmarks alone (inv. 1)', () => {
  const has = (path) => stands('settlement is a stub', path);
  assert.equal(has(STUB), true);
  assert.deepEqual([HOOKS, SHIPPED].flatMap(({ component, worker }) => [component, worker]).filter(has), []);
});
