// One payment for one asset, and the lies of an RPC about it. Each attempt has its own buyer and blockhash, so many
// lies can be told side by side and their outcomes do not mix.

import assert from 'node:assert/strict';
import {
  getBase58Decoder,
  getBase64Encoder,
  getCompiledTransactionMessageDecoder,
  getTransactionDecoder,
  signBytes,
} from '@solana/kit';
import { challenge, paymentHeaders, sign } from './buyers.js';
import { PRICE } from './config.js';
import { usdcAccount } from './chain.js';
import { granted, problem } from './expect.js';
import { WHISPER } from './lies.js';
import { until } from './wait.js';
import { settlement } from './wire.js';

/**
 * When every answer must have arrived. A request waits 30 s for its payment's outcome, and then for the calls under
 * way: all its waiting for the RPC ends after 40 s. The rest is for a busy machine.
 */
const WAIT = 30_000;
const ANSWERED_WITHIN = WAIT + 10_000 + 5_000;
/** When the buyer must have heard that a call has no clear answer: the call's 5 s, and the same rest. */
const UNAVAILABLE_WITHIN = 5_000 + 5_000;

const base58 = (bytes) => getBase58Decoder().decode(bytes);
const decoded = (base64) => getTransactionDecoder().decode(getBase64Encoder().encode(base64));

/** Returns what a call is about: a payment's id, its payer's signature, its blockhash, or its payer's account. */
function subject({ method, params }) {
  switch (method) {
    case 'getSignatureStatuses':
      return params[0][0];
    case 'simulateTransaction': // without the fee payer's signature
    case 'sendTransaction':
      return base58(Object.values(decoded(params[0]).signatures).at(-1));
    default:
      return params[0];
  }
}

export class Attempt {
  /**
   * Makes a payment that is ready to be sent, and sets the lies about it `before` and `after` its first sending. Each
   * has a lie for each method, which is `(pass, http, n)` like those of the relay. `n` counts the calls from 0.
   */
  static async ready(world, id, { before = {}, after = {} } = {}, buyer = world.buyer()) {
    const attempt = new Attempt();
    Object.assign(attempt, { world, id, buyer, before, after, counts: {}, calls: [], answers: [], searches: 0 });
    attempt.url = world.url(`/api/v1/access/${id}`);
    attempt.funds = await world.chain.balance(buyer.address);
    await world.chain.advanceBlocks(1); // each attempt gets its own blockhash
    const payload = await sign(world, buyer, await challenge(attempt.url));
    const { messageBytes, signatures } = decoded(payload.payload.transaction);
    attempt.headers = paymentHeaders(payload);
    attempt.memo = payload.accepted.extra.memo;
    attempt.blockhash = getCompiledTransactionMessageDecoder().decode(messageBytes).lifetimeToken;
    attempt.signature = base58(await signBytes(world.feePayerWallet.signer.keyPair.privateKey, messageBytes));
    attempt.subjects = new Set([attempt.signature, base58(signatures[buyer.address]), attempt.blockhash, await usdcAccount(buyer.address)]);
    world.relay.attempts.push(attempt);
    return attempt;
  }

  isMeantBy(call) {
    return this.subjects.has(subject(call));
  }

  /** Answers one call of the RPC about this payment. */
  answer(pass, http) {
    const { method, params } = http.call;
    this.calls.push(method);
    if (params[1]?.searchTransactionHistory) this.searches += 1;
    const sends = method === 'sendTransaction';
    if (sends && !this.sent) Object.assign(this, { sent: params[0], counts: {} });
    const nth = (this.counts[method] ??= 0);
    this.counts[method] += 1;
    const lies = this.sent ? this.after : this.before;
    const told = (lies[method] ?? lies.any ?? ((through) => through()))(pass, http, nth);
    return told.catch((error) => {
      this.broken ??= error; // a lie that failed would be another lie
      throw error;
    });
  }

  /** Lets the RPC tell the truth about it from now on. */
  truth() {
    Object.assign(this, { before: {}, after: {} });
  }

  /** Sends the payment, and asserts of the answer what holds for every answer. */
  async send() {
    const asked = performance.now();
    const response = await fetch(this.url, { headers: this.headers });
    const text = await response.clone().text();
    const took = performance.now() - asked;
    this.took = took;
    const words = `${text} ${JSON.stringify([...response.headers, settlement(response)])}`;
    this.answers.push(response.status);
    assert.ifError(this.broken);
    const seen = `${response.status} after ${Math.round(took)} ms: ${text}`;
    assert.ok(took < ANSWERED_WITHIN, `answered too late: ${seen}`);
    assert.ok(!words.includes(WHISPER) && !words.includes(this.world.relay.url), `the RPC's words are told (inv. 9): ${words}`);
    const again = response.status === 402 || settlement(response)?.success === false;
    if (again && ![202, 503].includes(response.status)) await this.cannotLand(seen);
    return response;
  }

  /** Asserts that a buyer who is told to sign another payment cannot be charged for this one any more (inv. 3). */
  async cannotLand(seen) {
    if (!this.sent) return;
    const failed = (await this.world.chain.transaction(this.signature))?.meta.err;
    assert.ok(failed || !(await this.world.chain.isAlive(this.blockhash)), `told to sign again while it may land: ${seen}`);
  }

  /** Sends it until the outcome is known. */
  known(within = 60_000) {
    return until(`${this} has an outcome`, async () => {
      const response = await this.send();
      return ![202, 503].includes(response.status) && response;
    }, { within, every: 200 });
  }

  /** Returns what this buyer has paid, and in how many transactions, as the chain shows it. */
  async charged() {
    const paid = this.funds - (await this.world.chain.balance(this.buyer.address));
    const history = await this.world.chain.history(this.buyer.address);
    return { paid, landed: history.filter(({ err }) => err === null).length };
  }

  async isUncharged() {
    assert.deepEqual(await this.charged(), { paid: 0n, landed: 0 }, `${this} was charged`);
  }

  /** 503: nothing was charged, and the buyer is to try the same payment again. */
  async isUnavailable(response) {
    await problem(response, 503, 'unavailable');
    assert.ok(Number(response.headers.get('retry-after')) >= 1, 'it says when to try again');
    assert.ok(this.took < UNAVAILABLE_WITHIN, `told so after ${this.took} ms`);
    assert.equal(this.sent, undefined, 'nothing was sent');
    await this.isUncharged();
  }

  /** Asserts that it is refused with this status and reason, and that nothing was charged. */
  async isRefused(response, status, reason) {
    const seen = `${this} ${response.status}: ${await response.text()}`;
    assert.equal(response.status, status, seen);
    const { success, errorReason } = settlement(response);
    assert.deepEqual({ success, errorReason }, { success: false, errorReason: reason }, seen);
    await this.isUncharged();
  }

  /** 202: it was sent, and the buyer is to wait. It is never a reason to sign another payment. */
  async isPending(response) {
    const text = await response.text();
    assert.equal(response.status, 202, `${this} ${response.status}: ${text}`);
    assert.ok(this.took > WAIT - 1_000, `told to wait after ${this.took} ms`);
    assert.ok(Number(response.headers.get('retry-after')) >= 1, 'it says when to come back');
    const { code, transaction, detail } = JSON.parse(text);
    assert.deepEqual({ code, transaction }, { code: 'settlement_pending', transaction: this.signature });
    assert.match(detail, /not sign another/);
  }

  /** Asserts that it was charged once for one session, and that a repeat gets the same answer. */
  async isGranted(response) {
    const first = await granted(response);
    assert.equal(first.transaction, this.signature, `${this}: the transaction that paid is named`);
    assert.equal(first.amount, String(PRICE.minute));
    const repeat = await granted(await this.send());
    for (const key of ['sessionId', 'startsAt', 'endsAt', 'transaction']) assert.equal(repeat[key], first[key], key);
    assert.deepEqual(await this.charged(), { paid: PRICE.minute, landed: 1 }, `${this}: charged once`);
    this.earned = PRICE.minute;
  }

  /** Waits until the gateway has searched the chain's history for it, and has read what it found. */
  isSearched() {
    const before = this.searches;
    return until(`${this} is searched`, () => this.searches >= before + 2, { within: 60_000, every: 50 });
  }

  /** Asserts that it is still neither granted nor given up. */
  async isKept() {
    assert.equal(await this.isFree(), false, `${this}: the asset is kept for it`);
    const { session } = await this.status();
    assert.equal(session, null, `${this}: nothing was granted for it`);
  }

  /** Asserts that it is given up: nothing was charged, the asset is free, and a repeat is told so. */
  async isGivenUp() {
    await until(`${this} is given up`, () => this.isFree(), { within: 60_000, every: 100 });
    const response = await this.send();
    await this.isRefused(response, 402, 'invalid_exact_svm_transaction_simulation_failed');
    const next = await Attempt.ready(this.world, this.id, {}, this.buyer);
    await next.isGranted(await next.send());
    this.earned = next.earned;
  }

  /** Tells whether the asset is free. */
  async isFree() {
    return (await this.status()).available;
  }

  async status() {
    return (await fetch(this.world.url(`/api/v1/assets/${this.id}/status`))).json();
  }

  toString() {
    return `[${this.id}: calls ${this.calls.slice(0, 12)} (${this.calls.length}), answers ${this.answers}]`;
  }
}

/** Asserts that the merchant has what was granted, and nothing else (inv. 5). */
export async function booksBalance(world, attempts) {
  const earned = attempts.reduce((sum, attempt) => sum + (attempt.earned ?? 0n), 0n);
  assert.equal(await world.earned(), earned);
}
