// Guards that a fee payer must not sign for. Most of them hold when they are simulated. Each could make a payment fail
// later, at the fee payer's cost, or call another program.

import { AccountRole } from '@solana/kit';
import { TOKEN_PROGRAM } from './chain.js';
import { KIND, LEVEL, LIGHTHOUSE, OP, PROGRAM, clock, guard, info, keccak, leb128, lighthouse, token } from './guards.js';
import { COMPUTE_BUDGET, MEMO, SYSTEM_PROGRAM } from './transactions.js';

const u64 = (n) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const level = LEVEL.failedPlaintext;

/** Whole instructions, by their first byte. It does not matter whether their bodies are plausible. */
const kinds = {
  'writes to memory': (it) =>
    lighthouse([LIGHTHOUSE, SYSTEM_PROGRAM, { address: it.payer, role: AccountRole.WRITABLE_SIGNER }, it.source, it.source], KIND.memoryWrite, 0, 255, 0, 0, leb128(0), leb128(165)),
  'writes to memory, and names one account': (it) => lighthouse([it.payer], KIND.memoryWrite, 0, 255, 0, 0, leb128(0), leb128(165)),
  'closes memory': (it) => lighthouse([it.payer], KIND.memoryClose, 0, 255),
  'looks at bytes of an account': (it) => lighthouse([it.source], KIND.accountData, level, leb128(64), 7, u64(it.left), OP['>=']),
  'looks at several places of an account': (it) => lighthouse([it.source], KIND.accountDataMulti, level, 1, leb128(64), 7, u64(it.left), OP['>=']),
  'looks at a difference': (it) => lighthouse([it.source], KIND.accountDelta, level, 0, leb128(0), u64(0), OP['==']),
  'looks at the supply of a mint': (it) => lighthouse([it.mint], KIND.mint, level, 1, u64(0), OP['>=']),
  'looks at a mint in several ways': (it) => lighthouse([it.mint], KIND.mintMulti, level, 1, 1, u64(0), OP['>=']),
  'looks at a stake': (it) => lighthouse([it.payer], KIND.stake, level, 0, 0, OP['==']),
  'looks at a stake in several ways': (it) => lighthouse([it.payer], KIND.stakeMulti, level, 1, 0, 0, OP['==']),
  'looks at a program’s loader': (it) => lighthouse([it.payer], KIND.loader, level, 0, 0, OP['==']),
  'looks at a loader in several ways': (it) => lighthouse([it.payer], KIND.loaderMulti, level, 1, 0, 0, OP['==']),
  'holds up to a slot': (it) => lighthouse([], KIND.clock, level, clock.slot(it.slot + 20, '<')),
  'holds up to a slot, and names the payer': (it) => lighthouse([it.payer], KIND.clock, level, clock.slot(it.slot + 20, '<')),
  'holds from a slot on': (it) => lighthouse([it.payer], KIND.clock, level, clock.slot(0, '>=')),
  'holds up to a time': (it) => lighthouse([it.payer], KIND.clock, level, clock.unixTimestamp(2 ** 40, '<')),
  'looks at a Merkle tree': (it) => lighthouse([it.payer], KIND.merkleTree, level, 0),
  'looks at a tree’s configuration': (it) => lighthouse([it.payer], KIND.bubblegumTree, level, 0),
  'is of the first kind that there is not': (it) => lighthouse([it.payer], 18, level, info.dataLength(0, '==')),
  'is of the last kind that can be written': (it) => lighthouse([it.payer], 255, level, info.dataLength(0, '==')),
};

/** Bytes that a lax reader takes for something else, or for more. */
const bytes = {
  'has no bytes': (it) => lighthouse([it.payer]),
  'has a kind and no more': (it) => lighthouse([it.payer], KIND.accountInfo),
  'has a log level and no more': (it) => lighthouse([it.payer], KIND.accountInfo, level),
  'logs by the Noop program': (it) => guard.info(it.payer, info.dataLength(0, '=='), LEVEL.encodedNoop),
  'logs a failure by the Noop program': (it) => guard.info(it.payer, info.dataLength(0, '=='), LEVEL.failedEncodedNoop),
  'has a log level that there is not': (it) => guard.info(it.payer, info.dataLength(0, '=='), 7),
  'has the last log level': (it) => guard.infoAll(it.payer, [info.dataLength(0, '==')], 255),
  'has a form of account that there is not': (it) => guard.info(it.payer, Buffer.from([9, 0, 0])),
  'has a form of token account that there is not': (it) => guard.token(it.source, Buffer.from([9, 0, 0])),
  'has bytes behind it': (it) => guard.info(it.payer, Buffer.concat([info.dataLength(0, '=='), Buffer.from([0])])),
  'has bytes behind its list': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, 1, info.dataLength(0, '=='), 0),
  'has an assertion behind its list': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, 1, info.dataLength(0, '=='), info.lamports(0, '>=')),
  'counts one more than it has': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, 2, info.dataLength(0, '==')),
  'counts more than there can be': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, leb128(2 ** 31 - 1), info.dataLength(0, '==')),
  'counts none': (it) => guard.infoAll(it.payer, []),
  'counts in more bytes than it needs': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, Buffer.from([0x81, 0]), info.dataLength(0, '==')),
  'counts without an end': (it) => lighthouse([it.payer], KIND.accountInfoMulti, level, Buffer.alloc(12, 0x81)),
  'is cut short in a number': (it) => guard.info(it.payer, info.dataLength(0, '==').subarray(0, 5)),
  'is cut short before its operator': (it) => guard.token(it.source, token.delegate(null).subarray(0, 2)),
  'is cut short in a hash': (it) => guard.info(it.source, info.hash(it.account.data).subarray(0, 30)),
  'has an option that is neither there nor not': (it) => guard.token(it.source, Buffer.from([3, 2, 0])),
  'has an operator that there is not': (it) => guard.info(it.payer, Buffer.concat([info.dataLength(0, '==').subarray(0, 9), Buffer.from([8])])),
  'compares an address by more than equality': (it) => guard.token(it.source, Buffer.concat([token.delegate(null).subarray(0, 2), Buffer.from([2])])),
};

/** Accounts that a guard may not name, or not in this way. */
const accounts = {
  'names no account': () => lighthouse([], KIND.accountInfo, level, info.dataLength(0, '==')),
  'names two accounts': (it) => lighthouse([it.payer, it.source], KIND.accountInfo, level, info.dataLength(0, '==')),
  'names the fee payer beside the payer': (it) => lighthouse([it.payer, it.feePayer], KIND.accountInfo, level, info.dataLength(0, '==')),
  'names the same account twice': (it) => lighthouse([it.payer, it.payer], KIND.accountInfo, level, info.dataLength(0, '==')),
  'names the mint': (it) => guard.info(it.mint, info.knownOwner(PROGRAM.token)),
  'names the mint as a token account': (it) => guard.token(it.mint, token.state(1)),
  'names the token program': () => guard.info(TOKEN_PROGRAM, info.executable(true)),
  'names the memo program': () => guard.info(MEMO, info.executable(true)),
  'names the compute budget': () => guard.info(COMPUTE_BUDGET, info.dataLength(0, '>=')),
  'names the guards’ own program': () => guard.info(LIGHTHOUSE, info.executable(true)),
  'names the System program': () => guard.info(SYSTEM_PROGRAM, info.executable(true)),
  'names a stranger’s wallet': (it) => guard.infoAll(it.stranger, [info.knownOwner(PROGRAM.system), info.dataLength(0, '==')]),
  'names a stranger’s token account': (it) => guard.token(it.strangers, token.derived()),
  'names the merchant’s wallet': (it) => guard.info(it.merchant, info.knownOwner(PROGRAM.system)),
  'names a stranger’s account, to be written': (it) =>
    lighthouse([{ address: it.stranger, role: AccountRole.WRITABLE }], KIND.accountInfo, level, info.dataLength(0, '==')),
};

const every = (list, names) => names.flatMap(([name, of]) => Object.entries(list).map(([what, say]) => [`${what} of ${name}`, (it) => say(it, of(it))]));
const wallets = [['the payer', (it) => [it.payer, it.lamports]], ['the fee payer', (it) => [it.feePayer, it.floor]]];

/** Assertions that are not allowed about the two wallets. */
const ofWallets = Object.fromEntries(every({
  'wants just these lamports': (it, [who, has]) => guard.info(who, info.lamports(has, '==')),
  'wants other lamports than none': (it, [who]) => guard.info(who, info.lamports(0, '!=')),
  'wants fewer lamports': (it, [who]) => guard.info(who, info.lamports(2n ** 63n, '<')),
  'wants no more lamports': (it, [who]) => guard.info(who, info.lamports(2n ** 63n, '<=')),
  'wants a bit of the lamports': (it, [who]) => guard.info(who, info.lamports(0, 'contains')),
  'wants no bit of the lamports': (it, [who]) => guard.info(who, info.lamports(0, 'lacks')),
  'wants another owner than the token program': (it, [who]) => guard.info(who, info.knownOwner(PROGRAM.token, '!=')),
  'wants another owner than an address': (it, [who]) => guard.info(who, info.owner(it.payer, '!=')),
  'wants at least no data': (it, [who]) => guard.info(who, info.dataLength(0, '>=')),
  'wants some rent epoch': (it, [who]) => guard.info(who, info.rentEpoch(0, '>=')),
  'wants it to have signed': (it, [who]) => guard.info(who, info.isSigner(true)),
  'wants it not to be a program': (it, [who]) => guard.info(who, info.executable(false)),
  'wants the hash': (it, [who]) => guard.info(who, info.hash(Buffer.alloc(0))),
}, wallets));

/** Assertions that are not allowed about the payer's token account. */
const ofSource = {
  'wants just this amount of the payer’s': (it) => guard.token(it.source, token.amount(it.left, '==')),
  'wants no more than this amount of the payer’s': (it) => guard.token(it.source, token.amount(2n ** 63n, '<=')),
  'wants less than this amount of the payer’s': (it) => guard.token(it.source, token.amount(2n ** 63n, '<')),
  'wants another amount of the payer’s': (it) => guard.token(it.source, token.amount(0, '!=')),
  'wants a hash of half the payer’s account': (it) => guard.info(it.source, info.hash(it.account.data, 0, 64)),
  'wants a hash of the end of the payer’s account': (it) => guard.info(it.source, info.hash(it.account.data, 1, 164)),
  'wants a hash of nothing': (it) => guard.info(it.source, info.hash(it.account.data, 0, 0)),
  'wants a hash of more than there is': (it) =>
    guard.info(it.source, Buffer.concat([Buffer.from([8]), keccak(it.account.data), leb128(0), leb128(166)])),
  'wants lamports of the payer’s token account': (it) => guard.info(it.source, info.lamports(1, '>=')),
  'wants another delegate': (it) => guard.token(it.source, token.delegate(it.stranger, '!=')),
  'wants another owner of the payer’s token account': (it) => guard.token(it.source, token.owner(it.stranger, '!=')),
  'wants another mint': (it) => guard.token(it.source, token.mint(it.stranger, '!=')),
  'wants another state': (it) => guard.token(it.source, token.state(2, '!=')),
  'wants at least a state': (it) => guard.token(it.source, token.state(1, '>=')),
  'wants it not to be native': (it) => guard.token(it.source, token.isNative(null)),
  'wants at least something delegated': (it) => guard.token(it.source, token.delegatedAmount(0, '>=')),
  'wants another close authority': (it) => guard.token(it.source, token.closeAuthority(it.stranger, '!=')),
  'wants at most this much data': (it) => guard.info(it.source, info.dataLength(165, '<=')),
  'wants another program to own it': (it) => guard.info(it.source, info.knownOwner(PROGRAM.token2022, '!=')),
};

/** Assertions that are not allowed about the merchant's token account, because strangers can change it. */
const ofDestination = {
  'wants an amount of the merchant’s': (it) => guard.token(it.destination, token.amount(1, '>=')),
  'wants just this amount of the merchant’s': (it) => guard.token(it.destination, token.amount(0, '==')),
  'wants no more than an amount of the merchant’s': (it) => guard.token(it.destination, token.amount(2n ** 63n, '<=')),
  'wants an amount of the merchant’s, behind what is allowed': (it) =>
    guard.tokenAll(it.destination, [token.delegate(null), token.derived(), token.amount(0, '>=')]),
  'wants the hash of the merchant’s token account': (it) => guard.info(it.destination, info.hash(it.recipient.data)),
  'wants the hash of the merchant’s owner and mint': (it) => guard.info(it.destination, info.hash(it.recipient.data, 0, 64)),
  'wants lamports of the merchant’s token account': (it) => guard.info(it.destination, info.lamports(1, '>=')),
};

/**
 * All of them by what they do. Each makes an instruction from what a wallet sees, and from a stranger's wallet and
 * token account.
 */
export const hostileGuards = { ...kinds, ...bytes, ...accounts, ...ofWallets, ...ofSource, ...ofDestination };
