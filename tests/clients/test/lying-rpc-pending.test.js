// The RPC lies for as long as a buyer waits: the buyer is told to wait (202), and never to sign another payment. When
// the RPC tells the truth, the payment is granted, or it is given up uncharged once it certainly cannot land.

import assert from 'node:assert/strict';
import { getBase58Encoder } from '@solana/kit';
import { usdcAccount } from '../harness/chain.js';
import { MERCHANT, perMinute, simulated } from '../harness/config.js';
import { answerTo, byTurns, changed, error, passes, result, silence, slowly, unreadable } from '../harness/lies.js';
import { sideBySide } from '../harness/play.js';
import { SYSTEM_PROGRAM } from '../harness/transactions.js';
import { world } from '../harness/world.js';

const SEND = 'sendTransaction';
const STATUS = 'getSignatureStatuses';
const SHOW = 'getTransaction';
const LIST = 'getSignaturesForAddress';

const context = { slot: 9_000_000_000, apiVersion: '3.0.0' };
const status = (confirmationStatus, err = null) =>
  result({ context, value: [{ slot: 5_000, confirmations: null, err, confirmationStatus }] });
const unknown = changed(({ result }) => (result.value = [null]));
const hidden = result(null);
const dropped = result(({ attempt }) => attempt.signature);
const html = unreadable['a page of HTML with 200'];
const cut = unreadable['the connection is cut before the answer'];

/** A simulation that passes: the payer has plenty, and so has the fee payer, whose account is asked for too. */
const sponsor = { data: ['', 'base64'], owner: SYSTEM_PROGRAM, lamports: 1_000_000_000 };
const fine = (pass, http) => changed(({ result }) => result.value.accounts.push(sponsor))(() => passes(pass, http));

const attemptCalled = ({ world }, id) => world.relay.attempts.find((attempt) => attempt.id === id);
/** Gives what is known of the payment of another attempt. */
const of = (id) => ({ attempt, call }) => {
  const [asked, ...options] = call.params;
  const { signature } = attemptCalled(attempt, id);
  return { params: [Array.isArray(asked) ? [signature] : signature, ...options] };
};

// The part of the payment's bytes that differs from what was signed.
const bytes = {
  memo: (attempt) => Buffer.from(attempt.memo),
  amount: () => Buffer.from([12, 0x10, 0x27, 0, 0, 0, 0, 0, 0, 6]), // TransferChecked of 10,000, 6 decimals
  payee: async () => Buffer.from(getBase58Encoder().encode(await usdcAccount(MERCHANT))),
};
async function altered(attempt, part, base64) {
  const transaction = Buffer.from(base64, 'base64');
  const wanted = await bytes[part](attempt);
  const at = transaction.indexOf(wanted);
  assert.ok(at > 0, `the transaction has this ${part}`);
  transaction[at + 1] ^= 1;
  return transaction.toString('base64');
}
const alters = (part) => async (pass, { attempt }) => {
  const answer = JSON.parse(await pass());
  const [base64, encoding] = answer.result.transaction;
  answer.result.transaction = [await altered(attempt, part, base64), encoding];
  return JSON.stringify(answer);
};
const invents = (part) => result(async ({ attempt }) => ({
  slot: 5_000, blockTime: 1_700_000_000, version: 0, meta: { err: null },
  transaction: [await altered(attempt, part, attempt.sent), 'base64'],
}));

/** The payment landed or will land, but nobody can see that for now. */
const UNSEEN = {
  'no status for what landed': { [STATUS]: unknown },
  'no transaction for what landed': { [SHOW]: hidden },
  'no history at all, while its blockhash lives': { [STATUS]: unknown, [SHOW]: hidden, [LIST]: result([]) },
  'less than confirmed for ever': { [STATUS]: status('processed') },
  'somebody else’s payment is shown in its place': { [SHOW]: answerTo(of('plain')) },
  'somebody else’s status and payment in its place': { [STATUS]: answerTo(of('plain')), [SHOW]: answerTo(of('plain')) },
  'its memo is shown altered': { [SHOW]: alters('memo') },
  'its amount is shown altered': { [SHOW]: alters('amount') },
  'its payee is shown altered': { [SHOW]: alters('payee') },
  'an error that is not final is shown': { [STATUS]: status('confirmed', 'AccountInUse'), [SHOW]: changed(({ result }) => (result.meta.err = 'AccountInUse')) },
  'success, nothing, and an error, round and round': { [STATUS]: byTurns(status('confirmed'), unknown, status('finalized', 'AccountInUse')), [SHOW]: hidden },
  'sending always fails, and all else is HTML': { [SEND]: error(-32603, { done: true }), any: html },
  'the RPC is gone once it has the payment': { [SEND]: async (pass) => (await pass(), null), any: cut },
  'the RPC is gone before it has the payment': { any: cut },
  'the RPC is silent once the payment is claimed': { any: silence },
  'it is dropped at first, said to be sent': { [SEND]: dropped },
  'it is dropped at first, said to be processed already': { [SEND]: error(-32002) },
};

/** The payment never lands, but some answers say that it did. */
const NEVER = {
  'dropped, said to be sent': { [SEND]: dropped },
  'dropped, said to be processed already': { [SEND]: error(-32002) },
  'dropped, the blockhash is said to be unknown': { [SEND]: error(-32002) },
  'dropped, the node is said to be behind': { [SEND]: error(-32005) },
  'dropped, a status of success': { [SEND]: dropped, [STATUS]: status('finalized') },
  'dropped, a status of failure': { [SEND]: dropped, [STATUS]: status('finalized', 'AccountInUse') },
  'dropped, somebody else’s payment is shown in its place': { [SEND]: dropped, [STATUS]: status('finalized'), [SHOW]: answerTo(of('plain')) },
  'dropped, a payment with another memo is shown': { [SEND]: dropped, [STATUS]: status('finalized'), [SHOW]: invents('memo') },
  'dropped, a payment of another amount is shown': { [SEND]: dropped, [STATUS]: status('finalized'), [SHOW]: invents('amount') },
  'dropped, a payment to another payee is shown': { [SEND]: dropped, [STATUS]: status('finalized'), [SHOW]: invents('payee') },
};

const plain = {
  id: 'plain',
  name: 'the truth, for comparison: charged once and granted (inv. 1, 2)',
  play: async (attempt) => attempt.isGranted(await attempt.send()),
};

const slow = {
  id: 'slow',
  name: 'each call takes three seconds: charged once and granted, in time (inv. 1, 2)',
  lies: { before: { any: slowly(3_000) }, after: { any: slowly(3_000) } },
  play: async (attempt) => attempt.isGranted(await attempt.send()),
};

const unseen = Object.entries(UNSEEN).map(([what, after], n) => ({
  id: `unseen-${n}`,
  name: `${what}: pending (202), then granted once the truth is told (inv. 1, 2, 3, 9)`,
  lies: { after },
  async play(attempt) {
    await attempt.isPending(await attempt.send());
    await attempt.isKept();
    if (LIST in after) await attempt.isSearched();
    attempt.truth();
    await attempt.isGranted(await attempt.known());
  },
}));

/** Kills all payments from here on, after those that may still land have been granted. */
let passed;
const death = (attempt) => (passed ??= Promise.allSettled(living).then(() => attempt.world.chain.advanceBlocks(400)));
const living = [];
for (const scene of [plain, slow, ...unseen]) {
  const { play } = scene;
  scene.play = (attempt) => living[living.push(play(attempt)) - 1];
}

const never = Object.entries(NEVER).map(([what, after], n) => ({
  id: `never-${n}`,
  name: `${what}: pending (202), then given up uncharged when it is dead and the truth is told (inv. 2, 3, 9)`,
  lies: { after },
  async play(attempt) {
    await attempt.isPending(await attempt.send());
    await attempt.isKept();
    await death(attempt);
    if (STATUS in after) {
      await attempt.isSearched();
      await attempt.isKept(); // a node that claims to know it keeps it from being given up
      attempt.truth();
    }
    await attempt.isGivenUp();
  },
}));

const lived = {
  id: 'lived',
  name: 'said to live and to be fine, and long dead: refused uncharged, because the list of blockhashes has it no more (inv. 2, 3)',
  lies: {
    before: {
      isBlockhashValid: changed(({ result }) => (result.value = true)),
      simulateTransaction: fine,
    },
  },
  prepare: (attempt) => attempt.world.chain.advanceBlocks(200),
  async play(attempt) {
    await attempt.isRefused(await attempt.send(), 402, 'sign_again');
  },
};

/** The payment landed, its blockhash is dead, and only one of three ways to find it is left. */
const onlyTheList = {
  id: 'list',
  name: 'long landed, and only the account’s list knows it: pending, never given up; granted once the truth is told (inv. 1, 2, 3)',
  lies: { after: { [STATUS]: unknown, [SHOW]: hidden } },
  async play(attempt) {
    await attempt.isPending(await attempt.send());
    await death(attempt);
    await attempt.isSearched();
    await attempt.isKept();
    attempt.truth();
    await attempt.isGranted(await attempt.known());
  },
};

const onlyTheTransaction = {
  id: 'transaction',
  name: 'long landed, and only the transaction itself is left: pending, and granted when it is searched (inv. 1, 2, 3)',
  lies: { after: { [STATUS]: unknown, [LIST]: result([]) } },
  async play(attempt) {
    await attempt.isPending(await attempt.send());
    await death(attempt);
    await attempt.isGranted(await attempt.known());
  },
};

const scenes = [lived, plain, slow, ...unseen, ...never, onlyTheList, onlyTheTransaction];
const w = world({
  assets: scenes.map(({ id }) => simulated(perMinute(id))),
  buyers: scenes.length,
  chainOptions: ['--block-ms', '0'], // no payment dies by itself
});

sideBySide(w, scenes);
