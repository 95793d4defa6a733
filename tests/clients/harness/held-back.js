// A chain that takes its time: what some buyers send is accepted, and lands only when a test lets it go.

import { getBase58Decoder, getBase64Encoder, getTransactionDecoder } from '@solana/kit';

const signatures = (base64) => getTransactionDecoder().decode(getBase64Encoder().encode(base64)).signatures;

export class HeldBack {
  /** Holds back what these buyers send from now on. */
  constructor(world, buyers) {
    this.slow = new Set(buyers.map(({ address }) => address));
    this.kept = new Map();
    world.relay.spoil = (method) => (method === 'sendTransaction' ? (pass, { call }) => this.sent(pass, call) : null);
  }

  async sent(pass, { id, params: [transaction] }) {
    const signed = signatures(transaction);
    if (this.isOver || !Object.keys(signed).some((address) => this.slow.has(address))) return pass();
    const name = getBase58Decoder().decode(Object.values(signed)[0]);
    this.kept.set(name, pass);
    return JSON.stringify({ jsonrpc: '2.0', id, result: name });
  }

  /** How many payments are held back. */
  get count() {
    return this.kept.size;
  }

  /** Lets all of it land, and whatever is sent later. */
  async letGo() {
    this.isOver = true;
    await Promise.all([...this.kept.values()].map((pass) => pass()));
  }
}
