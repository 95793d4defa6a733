// Invalid payments: transactions around an honest transfer with something added or missing, for which a fee payer must
// not sign. Each is made of the honest instructions, and names the reason with which it must be refused.

import { AccountRole, getCompiledTransactionMessageDecoder, getCompiledTransactionMessageEncoder } from '@solana/kit';
import { PROGRAM, guard, info, token } from './guards.js';
import { hostileGuards } from './hostile-guards.js';
import { SYSTEM_PROGRAM, does } from './transactions.js';

const svm = (reason) => [402, `invalid_exact_svm_${reason}`];
export const REASON = {
  guard: svm('payload_wallet_guard'),
  unused: svm('payload_unused_account'),
  unknown: svm('payload_unknown_instruction'),
  length: svm('payload_transaction_instructions_length'),
  limit: svm('payload_transaction_instructions_compute_limit_instruction'),
  price: svm('payload_transaction_instructions_compute_price_instruction'),
  noTransfer: svm('payload_no_transfer_instruction'),
  mint: svm('payload_mint_mismatch'),
  feePayer: svm('payload_transaction_fee_payer_transferring_funds'),
  source: svm('payload_source_mismatch'),
  memoCount: svm('payload_memo_count'),
  memo: svm('payload_memo_mismatch'),
  memoAccounts: svm('payload_memo_accounts'),
  signers: svm('payload_excessive_signers'),
  simulation: svm('transaction_simulation_failed'),
  signAgain: [402, 'sign_again'],
};

/** The network's fee for two signatures, in lamports. No payment here costs less. */
const LEAST_FEE = 10_000n;

const fine = (it) => guard.infoAll(it.payer, [info.knownOwner(PROGRAM.system), info.dataLength(0, '==')]);
const named = (memo, address, role = AccountRole.READONLY) => ({ ...memo, accounts: [{ address, role }] });
const around = (what, add) => ({ limit, price, transfer, memo }, it) => [limit, price, ...what({ transfer, memo }, add(it))];
const before = (add) => around(({ transfer, memo }, extra) => [extra, transfer, memo], add);
const behind = (add) => around(({ transfer, memo }, extra) => [transfer, memo, extra], add);
const many = (count, it) => Array.from({ length: count }, () => fine(it));

/** Adds an account to a compiled message that no instruction uses. */
const withAccount = (address) => (messageBytes) => {
  const message = getCompiledTransactionMessageDecoder().decode(messageBytes);
  const { header, staticAccounts } = message;
  return getCompiledTransactionMessageEncoder().encode({
    ...message,
    header: { ...header, numReadonlyNonSignerAccounts: header.numReadonlyNonSignerAccounts + 1 },
    staticAccounts: [...staticAccounts, address],
  });
};

const shapes = {
  'has a guard before its budget': [({ limit, price, transfer, memo }, it) => [fine(it), limit, price, transfer, memo], REASON.limit],
  'has a guard within its budget': [({ limit, price, transfer, memo }, it) => [limit, fine(it), price, transfer, memo], REASON.price],
  'has eleven guards': [({ limit, price, transfer }, it) => [limit, price, ...many(11, it), transfer], REASON.guard],
  'has eleven guards and a memo': [({ limit, price, transfer, memo }, it) => [limit, price, ...many(11, it), transfer, memo], REASON.length],
  'has two transfers': [({ limit, price, transfer, memo }) => [limit, price, transfer, transfer, memo], REASON.unknown],
  'has a second, plain transfer': [
    ({ limit, price, transfer, memo }, it) => [limit, price, transfer, does.transfer({ ...it, destination: it.strangers, authority: it.payer, amount: 1 }), memo],
    REASON.unknown,
  ],
  'has a plain transfer only': [
    ({ limit, price, memo }, it) => [limit, price, does.transfer({ ...it, authority: it.payer, amount: it.amount }), memo],
    REASON.noTransfer,
    { v1: REASON.mint }, // only the mint tells which token it is for
  ],
  'has no transfer': [
    ({ limit, price, memo }, it) => [limit, price, fine(it), named(memo, it.payer, AccountRole.READONLY_SIGNER)],
    REASON.noTransfer,
    { v1: REASON.mint },
  ],
  'approves a delegate too': [behind((it) => does.approve({ source: it.source, delegate: it.stranger, owner: it.payer, amount: 1 })), REASON.unknown],
  'closes the payer’s account too': [behind((it) => does.closeAccount({ of: it.source, destination: it.payer, owner: it.payer })), REASON.unknown],
  'asks for more memory': [behind(() => does.heap(262_144)), REASON.unknown],
  'has a second limit behind': [behind(() => does.limit(1_000)), REASON.unknown],
  'sends SOL of the payer’s': [behind((it) => does.sol({ from: it.payer, to: it.stranger, lamports: 1 })), REASON.unknown],
  'sends SOL of the fee payer’s': [behind((it) => does.sol({ from: it.feePayer, to: it.stranger, lamports: 1 })), REASON.feePayer],
  'has the fee payer in a memo': [({ limit, price, transfer, memo }, it) => [limit, price, transfer, named(memo, it.feePayer, AccountRole.READONLY_SIGNER)], REASON.feePayer],
  'has a stranger in a memo': [({ limit, price, transfer, memo }, it) => [limit, price, transfer, named(memo, it.stranger)], REASON.memoAccounts],
  'has a second memo': [behind(() => does.memo('and another')), REASON.memoCount],
  'has its memo twice': [({ limit, price, transfer, memo }) => [limit, price, transfer, memo, memo], REASON.memoCount],
  'has the memo of another ticket': [({ limit, price, transfer }, it) => [limit, price, transfer, does.memo(it.othersMemo)], REASON.memo, { v1: false }],
  'has an account that nothing uses': [({ limit, price, transfer, memo }) => [limit, price, transfer, memo], REASON.unused, { bend: (it) => withAccount(it.stranger) }],
  'has the System program, which nothing uses': [
    ({ limit, price, transfer, memo }) => [limit, price, transfer, memo],
    REASON.unused,
    { bend: () => withAccount(SYSTEM_PROGRAM) },
  ],
  'has the System program beside an honest guard': [before(fine), REASON.unused, { bend: () => withAccount(SYSTEM_PROGRAM) }],
  'is signed by a delegate': [
    ({ limit, price, memo }, it) => [limit, price, does.transferChecked({ ...it, authority: it.delegate, amount: it.amount }), memo],
    REASON.source,
    { delegate: true },
  ],
  'has a guard that does not hold: the amount': [before((it) => guard.token(it.source, token.amount(2n ** 63n, '>='))), REASON.signAgain],
  'has a guard that does not hold: the payer’s lamports': [before((it) => guard.info(it.payer, info.lamports(2n ** 63n, '>='))), REASON.signAgain],
  'has a guard that does not hold: the hash': [before((it) => guard.info(it.source, info.hash(Buffer.alloc(it.account.data.length, 7)))), REASON.signAgain],
  'has a floor that the fee payer’s balance is under': [behind((it) => guard.info(it.feePayer, info.lamports(it.floor + 100_000n, '>='))), REASON.signAgain],
  'has a floor that the least fee goes below': [behind((it) => guard.info(it.feePayer, info.lamports(it.sponsored - LEAST_FEE + 1n, '>='))), REASON.signAgain],
  'has a floor that nobody reaches': [behind((it) => guard.info(it.feePayer, info.lamports(2n ** 64n - 1n, '>'))), REASON.signAgain],
};

const guards = Object.entries(hostileGuards).map(([name, make]) => ({ name: `has a guard that ${name}`, write: before(make), expected: REASON.guard }));

/**
 * All of them. `write` makes the instructions from the honest `{limit, price, transfer, memo}` and from what a wallet
 * sees. `bend` may change the compiled message. `delegate` means that a delegate signs instead of the payer. `v1` is
 * the reason in x402 v1 if it differs, or false if the payment is honest there.
 */
export const hostilePayments = [
  ...guards,
  ...Object.entries(shapes).map(([name, [write, expected, more]]) => ({ name, write, expected, ...more })),
];
