// The guards that these tests write are, byte for byte, those that Phantom has put on mainnet.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { getAddressDecoder } from '@solana/kit';
import { LIGHTHOUSE, PROGRAM, guard, info, keccak, leb128, token } from '../harness/guards.js';

const { wires } = JSON.parse(readFileSync(new URL('../../../core/tests/vectors/phantom_guards.json', import.meta.url)));
const data = wires.flatMap(({ instructions }) => instructions.filter(({ program }) => program === 'lighthouse').map((it) => it.data));

const someone = LIGHTHOUSE;
const addressAt = (text, at) => getAddressDecoder().decode(Buffer.from(text, 'hex').subarray(at, at + 32));
const numberAt = (text, at) => Buffer.from(text, 'hex').readBigUInt64LE(at);
const hex = (instruction) => instruction.data.toString('hex');
const nobody = [token.delegate(null), token.delegatedAmount(0, '<=')];
const wallet = [info.knownOwner(PROGRAM.system), info.dataLength(0, '==')];

/**
 * Writes the guard of this length again. Values that only its wallet knew are read from it, and the hash is left out.
 */
const written = {
  13: () => guard.infoAll(someone, [info.lamports(0, '==')]),
  16: () => guard.infoAll(someone, wallet),
  26: (text) => guard.infoAll(someone, [info.lamports(numberAt(text, 4), '>='), ...wallet]),
  27: (text) => guard.tokenAll(someone, [token.amount(numberAt(text, 4), '>='), ...nobody, token.derived()]),
  37: (text) => guard.infoAll(someone, [info.owner(addressAt(text, 4))]),
  52: () => guard.infoAll(someone, [info.knownOwner(PROGRAM.token), info.dataLength(165, '=='), info.hash(Buffer.alloc(165))]),
  84: (text) => guard.tokenAll(someone, [...nobody, token.owner(addressAt(text, 17)), token.mint(addressAt(text, 51))]),
};
const HASH = [17 * 2, 49 * 2]; // where it is among the 52 bytes, in hexadecimal
const withoutHash = (text) => (text.length === 104 ? text.slice(0, HASH[0]) + text.slice(HASH[1]) : text);

for (const length of Object.keys(written).map(Number)) {
  const real = data.filter((text) => text.length === 2 * length);
  test(`a guard of ${length} bytes is written as Phantom writes it`, () => {
    assert.ok(real.length > 0, 'there is one to compare with');
    for (const text of real) assert.equal(withoutHash(hex(written[length](text))), withoutHash(text));
  });
}

test('every guard of the recorded transactions is compared with', () => {
  const lengths = new Set(data.map((text) => text.length / 2));
  assert.deepEqual([...lengths].filter((length) => !(length in written)), []);
});

test('the guard on a destination is the one on the payer’s account, without its amount: 17 bytes', () => {
  const [longer] = data.filter((text) => text.length === 2 * 27);
  const without = `${longer.slice(0, 4)}03${longer.slice(6 + 20)}`;
  assert.equal(hex(guard.tokenAll(someone, [...nobody, token.derived()])), without);
});

test('hashes are Keccak-256, and numbers of more than seven bits take more bytes', () => {
  assert.equal(keccak(Buffer.alloc(0)).toString('hex'), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
  assert.deepEqual([0, 127, 128, 165, 300].map((n) => leb128(n).toString('hex')), ['00', '7f', '8001', 'a501', 'ac02']);
});
