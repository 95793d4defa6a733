// A world for one file of tests: a chain, a gateway that reaches it through a relay, and funded buyers.

import { after, before, test } from 'node:test';
import { Chain } from './chain.js';
import { MERCHANT, configuration } from './config.js';
import { newWallet, newWallets } from './keys.js';
import { Relay } from './relay.js';
import { skipped, target } from './targets/index.js';

/** Outside of a test file, whoever makes one starts it with `ready` and ends it with `stop`. */
export class World {
  /**
   * `limits`, `settlement` and `chainOptions` change the configuration and the chain. `needs` is what the target must
   * be able to do for any of the tests. `unless` is a reason to skip them on every target. `probe` observes the worker
   * from inside.
   */
  constructor({ assets, buyers = 1, paupers = 0, limits, settlement, chainOptions, needs = [], unless = false, probe }) {
    Object.assign(this, { assets, limits, settlement, chainOptions, needs, unless, probe, counts: { buyers, paupers } });
  }

  /** Returns why a test with further needs is skipped, or false if it is not. */
  skipped(...needs) {
    return this.unless || skipped(...this.needs, ...needs);
  }

  /** Starts the world once, at the first call. It does not start if the target cannot run any of its tests. */
  async ready() {
    if (!this.skipped()) await (this.starting ??= this.start());
  }

  async start() {
    const feePayer = await newWallet();
    this.feePayer = feePayer.address;
    this.feePayerWallet = feePayer; // only the operator has this
    this.buyers = await newWallets(this.counts.buyers);
    this.paupers = await newWallets(this.counts.paupers);
    this.everybody = [...this.buyers, ...this.paupers];
    const funds = { [feePayer.address]: 0, [MERCHANT]: 0 };
    for (const { address } of this.buyers) funds[address] = 5;
    for (const { address } of this.paupers) funds[address] = 0;
    this.chain = await Chain.start(funds, this.chainOptions);
    this.relay = await Relay.start(this.chain.url);
    this.gateway = await target.start(this.configuration(), feePayer, { probe: this.probe });
  }

  configuration() {
    const { assets, limits, settlement } = this;
    return configuration({ rpcUrl: this.relay.url, assets, limits, settlement });
  }

  async stop() {
    await this.gateway?.dispose();
    this.relay?.stop();
    await this.chain?.stop();
  }

  /** Returns the next buyer who has not bought anything yet. */
  buyer() {
    const buyer = this.buyers.shift();
    if (!buyer) throw new Error('this world needs more buyers');
    return buyer;
  }

  /** What the target can do beyond HTTP. */
  get can() {
    return target.can;
  }

  url(path) {
    return `${this.gateway.url}${path}`;
  }

  /** Returns what the merchant has, in atomic units. */
  earned() {
    return this.chain.balance(MERCHANT);
  }

  /** Runs `action`, and returns by how much the merchant's balance and the number of landed transactions rose. */
  async gain(action) {
    const [money, landed] = [await this.earned(), await this.chain.landed()];
    await action();
    return { money: (await this.earned()) - money, landed: (await this.chain.landed()) - landed };
  }

  /**
   * Declares a test in this world. If it fails, the gateway's log is printed. `needs` names what its target must be
   * able to do.
   */
  test(name, { needs = [], timeout = 60_000 } = {}, body) {
    const skip = this.skipped(...needs);
    test(name, { skip, timeout }, async (t) => {
      const logged = this.gateway?.logs.length;
      try {
        this.relay.mend(); // whatever the previous test did
        await this.gateway.revive();
        await body(t);
      } catch (error) {
        console.error(`--- log of ${target.name} during "${name}"\n${this.gateway?.logs.slice(logged)}---`);
        throw error;
      }
    });
  }
}

/** Declares the world of the calling test file. It exists while the file's tests run. */
export function world(needs) {
  const it = new World(needs);
  before(() => it.ready());
  after(() => it.stop());
  return it;
}
