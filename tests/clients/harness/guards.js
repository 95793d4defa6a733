// Guards: assertions of the Lighthouse program (L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95) that wallets add to a
// transaction before they sign it. If one does not hold, the whole transaction fails.

import { AccountRole, getAddressEncoder } from '@solana/kit';
import { keccak_256 } from '@noble/hashes/sha3';

export const LIGHTHOUSE = 'L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95';

/** The instructions of the program, by their first byte. */
export const KIND = {
  memoryWrite: 0,
  memoryClose: 1,
  accountData: 2,
  accountDataMulti: 3,
  accountDelta: 4,
  accountInfo: 5,
  accountInfoMulti: 6,
  mint: 7,
  mintMulti: 8,
  tokenAccount: 9,
  tokenAccountMulti: 10,
  stake: 11,
  stakeMulti: 12,
  loader: 13,
  loaderMulti: 14,
  clock: 15,
  merkleTree: 16,
  bubblegumTree: 17,
};

/** What is logged, and when: the second byte. The Noop forms call another program. */
export const LEVEL = {
  silent: 0,
  plaintext: 1,
  encoded: 2,
  encodedNoop: 3,
  failedPlaintext: 4,
  failedEncoded: 5,
  failedEncodedNoop: 6,
};

/** Operators on numbers. Operators on anything else are 0 (equal) and 1 (not equal). */
export const OP = { '==': 0, '!=': 1, '>': 2, '<': 3, '>=': 4, '<=': 5, contains: 6, lacks: 7 };

/** Programs that KnownOwner names by a number. */
export const PROGRAM = { system: 0, token: 1, token2022: 2 };

const byte = (n) => Buffer.from([n]);
const u64 = (n) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const key = (address) => Buffer.from(getAddressEncoder().encode(address));
const number = (form) => (n, op) => Buffer.concat([byte(form), u64(n), byte(OP[op])]);
const small = (form) => (n, op = '==') => Buffer.concat([byte(form), byte(Number(n)), byte(OP[op])]);
const address = (form) => (it, op = '==') => Buffer.concat([byte(form), key(it), byte(OP[op])]);
const optional = (form, encoded = key) => (it, op = '==') =>
  Buffer.concat([byte(form), ...(it === null ? [byte(0)] : [byte(1), encoded(it)]), byte(OP[op])]);

/** Returns a number in unsigned LEB128. */
export function leb128(n) {
  const bytes = [];
  let rest = BigInt(n);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** Returns the Keccak-256 hash with which VerifyDatahash compares. */
export const keccak = (bytes) => Buffer.from(keccak_256(bytes));

/** The assertions about any account. */
export const info = {
  lamports: number(0),
  dataLength: number(1),
  owner: address(2),
  knownOwner: small(3),
  rentEpoch: number(4),
  isSigner: small(5),
  isWritable: small(6),
  executable: small(7),
  hash: (of, start = 0, length = of.length) =>
    Buffer.concat([byte(8), keccak(of.subarray(start, start + length)), leb128(start), leb128(length)]),
};

/** The assertions about a token account. */
export const token = {
  mint: address(0),
  owner: address(1),
  amount: number(2),
  delegate: optional(3),
  state: small(4),
  isNative: optional(5, u64),
  delegatedAmount: number(6),
  closeAuthority: optional(7),
  derived: () => byte(8),
};

/** The assertions about the clock. */
export const clock = { slot: number(0), unixTimestamp: number(4) };

/**
 * Returns an instruction of the program: any bytes about any accounts. It only reads an account unless a role is given.
 */
export const lighthouse = (accounts, ...data) => ({
  programAddress: LIGHTHOUSE,
  accounts: accounts.map((it) => (typeof it === 'string' ? { address: it, role: AccountRole.READONLY } : it)),
  data: Buffer.concat(data.map((part) => (Buffer.isBuffer(part) ? part : byte(part)))),
});

const one = (kind) => (account, assertion, level = LEVEL.failedPlaintext) => lighthouse([account], kind, level, assertion);
const multi = (kind) => (account, assertions, level = LEVEL.failedPlaintext) =>
  lighthouse([account], kind, level, leb128(assertions.length), ...assertions);

/** Guards about one account: with one assertion, or with several (`all`). */
export const guard = {
  info: one(KIND.accountInfo),
  infoAll: multi(KIND.accountInfoMulti),
  token: one(KIND.tokenAccount),
  tokenAll: multi(KIND.tokenAccountMulti),
};
