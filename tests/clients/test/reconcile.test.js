// After a lost journal everything that landed is found again, and the books are held against the chain.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { perMinute, PRICE } from '../harness/config.js';
import { granted, problem } from '../harness/expect.js';
import { Program } from '../harness/process.js';
import { spoiled as how } from '../harness/relay.js';
import { world } from '../harness/spoiled.js';
import { BINARY } from '../harness/targets/serve.js';
import { until } from '../harness/wait.js';

const spoiled = world([perMinute('gate'), perMinute('hatch')], 2);

/** Runs a command beside the gateway. Returns its exit code and what it says. */
async function run(it, ...args) {
  const program = new Program(args[0], BINARY, args, { cwd: it.gateway.folder });
  const { code } = await program.exited;
  return { code, log: program.log };
}

/** Returns what `coinop reconcile --json` lists. */
async function lines(it, ...args) {
  const { code, log } = await run(it, 'reconcile', '--json', ...args);
  return { code, log, lines: log.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)) };
}

/** Returns the amounts that are unexplained. The exit code says whether there are any. */
async function unexplained(it) {
  const { code, log, lines: found } = await lines(it);
  assert.equal(code, found.length > 0 ? 1 : 0, log);
  return found.map(({ amount }) => BigInt(amount));
}

/** Waits until blocks are final that have as many payments. */
const final = (it, count) =>
  until(`${count} payments are final`, async () => {
    const { lines: all } = await lines(it, '--all');
    return all.filter((line) => line.class === 'known').length === count;
  }, { within: 60_000, every: 1_000 });

/** Changes the journal by hand. */
const alter = (it, sql) => execFileSync('sqlite3', [join(it.gateway.folder, 'coinop-data', 'coinop.db'), sql]);

/** Deletes the journal's files in the middle of the day, and starts with a new fee payer as the message says. */
async function lose(it) {
  await it.gateway.kill();
  const folder = join(it.gateway.folder, 'coinop-data');
  for (const name of (await readdir(folder)).filter((name) => name.startsWith('coinop.db'))) {
    await rename(join(folder, name), join(folder, `lost-${name}`));
  }
  const payer = await it.rig.chain.newFeePayer();
  await writeFile(join(it.gateway.folder, 'fee-payer.json'), JSON.stringify([...payer.secret]), { mode: 0o600 });
  await it.start();
}

spoiled('the journal is lost: each landed payment is named, none is owed, and a buyer with the ticket gets the record back (inv. 1, 2)', async (it) => {
  const first = await it.bought('gate', 60);
  const second = await it.bought('hatch', 30);
  await final(it, 2);
  assert.deepEqual(await unexplained(it), [], 'nothing is unexplained');

  await lose(it);
  const found = await lines(it);
  assert.equal(found.code, 1, found.log);
  assert.equal(found.lines.length, 2, found.log);
  assert.deepEqual(found.lines.map(({ amount }) => BigInt(amount)).sort(), [30n * PRICE.minute, 60n * PRICE.minute].sort());
  for (const line of found.lines) assert.deepEqual([line.class, line.payer, line.paidBack], ['unexplained', it.rig.buyer.address, '0']);

  // Whoever copies the transaction from the chain has no ticket.
  const stolen = { ...first.paid.init, headers: { ...first.paid.init.headers } };
  const [name] = Object.keys(stolen.headers).filter((key) => /payment-signature/i.test(key));
  const sent = JSON.parse(Buffer.from(stolen.headers[name], 'base64').toString());
  delete sent.accepted.extra.ticket;
  stolen.headers[name] = Buffer.from(JSON.stringify(sent)).toString('base64');
  assert.notEqual((await fetch(first.paid.url, stolen)).status, 200);

  const again = await granted(await fetch(first.paid.url, first.paid.init));
  assert.equal(again.sessionId, first.sessionId);
  await until('the door is open again', () => it.gateway.isOpen('gate.open'), { within: 5_000 });
  const repeat = await granted(await fetch(first.paid.url, first.paid.init));
  assert.deepEqual([repeat.sessionId, repeat.endsAt], [again.sessionId, again.endsAt]);
  assert.equal(alter(it, 'SELECT count(*) FROM owed').toString().trim(), '0', 'none is owed by itself');
  const left = await lines(it);
  assert.deepEqual([left.code, left.lines.length], [1, 1]);
  assert.equal(BigInt(left.lines[0].amount), 30n * PRICE.minute);
  assert.equal(await it.gained(), 90n * PRICE.minute, 'everybody has paid once');

  // The owner's word, beside the running gateway.
  const [{ transaction: id }] = left.lines;
  const said = await run(it, 'reconcile', '--accept', id, '--as', 'earned', 'the buyer was seen inside');
  assert.equal(said.code, 0, said.log);
  assert.deepEqual(await unexplained(it), []);
  assert.equal((await run(it, 'reconcile', '--accept', id, '--as', 'owed', 'again')).code, 1, 'a word is given once');
  const known = (await lines(it, '--all')).lines.find((line) => line.class === 'known');
  assert.equal((await run(it, 'reconcile', '--accept', known.transaction, '--as', 'owed', 'no')).code, 1);
  assert.equal((await run(it, 'verify', '--ledger')).code, 0);
  assert.ok(second.sessionId);
});

spoiled('the ledger of sales with faults is right, and an altered row is found (inv. 5)', async (it) => {
  await it.bought('gate', 2);
  // The answer to sending is lost, and the payment lands all the same.
  it.rig.relay.spoil = (method) => (method === 'sendTransaction' ? how.answerIsLost : null);
  await it.bought('hatch', 3);
  it.rig.relay.mend();
  await it.gateway.kill();
  await it.start();
  await final(it, 2);
  const right = await run(it, 'verify', '--ledger');
  assert.equal(right.code, 0, right.log);
  assert.match(right.log, / 2 payments on the chain, 0 not final yet\nthe ledger is right/);

  const paid = `from_book = 'paid' AND stream LIKE '%/gate'`;
  alter(it, `UPDATE entry SET amount = '1' WHERE ${paid}`);
  const wrong = await run(it, 'verify', '--ledger');
  assert.equal(wrong.code, 1);
  assert.match(wrong.log, /wrong: gate, revision \d+, entry 0: the events say 20000 of \w+ .* and the ledger has 1 of/);
  alter(it, `UPDATE entry SET amount = '20000' WHERE ${paid}`);
  assert.equal((await run(it, 'verify', '--ledger')).code, 0);

  // What the events say is held against the chain too.
  alter(it, `UPDATE journal SET events = replace(events, '"amount":"20000"', '"amount":"20001"') WHERE stream LIKE '%/gate'`);
  const chain = await run(it, 'verify', '--ledger');
  assert.equal(chain.code, 1);
  assert.match(chain.log, /has paid 20000, and the books have 20001/);
});
