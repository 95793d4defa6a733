// What the commands share: asking for a price, signing, paying.

import { paymentHeaders, sign, signV1 } from '../../harness/buyers.js';
import { API_KEY } from '../../harness/config.js';
import { proof, signInChallenge } from '../../harness/siwx.js';
import { bearer, decode } from '../../harness/wire.js';
import { ORIGIN, START, wallet } from '../setup.js';

export const MINUTE = 60_000;
export const DAY = 86_400_000;

/** The wallets, and the USDC that each has at first. */
const FUNDS = { ada: 5, bert: 5, cleo: 5, dora: 0.015, emil: 5, finn: 5, gail: 5, hugo: 5, ines: 5, pauper: 0 };
const names = Object.keys(FUNDS);
const wallets = await Promise.all(names.map(wallet));
export const wallets_ = Object.fromEntries(names.map((name, n) => [name, wallets[n]]));
export const funds = Object.fromEntries(names.map((name, n) => [wallets[n].address, FUNDS[name]]));

export const access = (id, query = '') => `/api/v1/access/${id}${query}`;
export const extend = (id, query = '') => `/api/v1/access/${id}/extend${query}`;
export const withKey = bearer(API_KEY);

export class Shop {
  constructor(recorder) {
    this.recorder = recorder;
    Object.assign(this, wallets_);
  }

  ask(name, method, path, more) {
    return this.recorder.ask(name, method, path, more);
  }

  /** Lets time pass, in milliseconds. */
  pass(ms) {
    this.recorder.pass(ms);
  }

  /** Continues at the start of this day. The fee payer has a budget for each day. */
  day(number) {
    const at = START + number * DAY;
    if (at <= this.recorder.now) throw new Error(`day ${number} is over`);
    this.recorder.now = at;
  }

  /** Adds blocks. */
  blocks(count) {
    return this.recorder.chain.advanceBlocks(count);
  }

  /** Carries out what is due. */
  tick(name) {
    return this.ask(name, 'POST', '/api/v1/tick', { headers: withKey });
  }

  /** Returns the offers for a request: v2, and the v1 body. */
  async offered(path, { method = 'GET', ...more } = {}) {
    const { headers, json } = await this.ask(`the price of ${path}`, method, path, { expected: 402, ...more });
    return { v2: decode(headers.get('payment-required')), v1: json() };
  }

  /** Makes a v2 payment for this offer, as an object. */
  async signed(buyer, offer, bend) {
    await this.blocks(1); // so that no two payments are alike
    return sign(this.recorder, buyer, offer.v2, bend);
  }

  /** Returns the headers of a v2 payment for a request. */
  async paymentFor(buyer, path, more) {
    return paymentHeaders(await this.signed(buyer, await this.offered(path, more)));
  }

  /** Returns the headers of a v1 payment for this offer. */
  async signedV1(buyer, offer) {
    await this.blocks(1);
    return signV1(this.recorder, buyer, offer.v1);
  }

  /** Makes a sale, and returns its result. */
  async sale(name, buyer, path, { headers, ...more } = {}) {
    const payment = await this.paymentFor(buyer, path, { headers });
    const answer = await this.ask(name, 'GET', path, { headers: { ...headers, ...payment }, ...more });
    return { ...answer.json(), payment };
  }

  /** Returns a wallet's proof, as a header, for the challenge in an answer to this path. */
  async proven(buyer, { response }, path, bend) {
    return proof(buyer, await signInChallenge(response.clone()), `${ORIGIN}${path}`, bend);
  }
}
