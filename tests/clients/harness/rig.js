// A rig: one buyer and one merchant on a shared chain, and one gateway at a time, always in a fresh folder. Rigs run
// side by side without sharing a balance, so each can tell what it gained.

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Chain } from './chain.js';
import { configuration } from './config.js';
import { newWallet } from './keys.js';
import { Relay } from './relay.js';
import { serve } from './targets/serve.js';

/**
 * A chain with `count` rigs. With `serve`, it also has a gateway's folder from which fresh ones take the compiled
 * component.
 */
export class Rigs {
  /** `probe` makes the probe of each rig's worker. */
  static async start(count, assets, { target = serve, probe } = {}) {
    const them = new Rigs();
    const wallets = Array.from({ length: count }, async () => {
      const [merchant, buyer] = await Promise.all([newWallet(), newWallet()]);
      return { merchant, buyer };
    });
    const people = await Promise.all(wallets);
    const funds = {};
    for (const { merchant, buyer } of people) {
      Object.assign(funds, { [merchant.address]: 0, [buyer.address]: 100 });
    }
    them.chain = await Chain.start(funds);
    Object.assign(them, { free: [], waiting: [] });
    for (const who of people) {
      const rig = Object.assign(new Rig(), who, { chain: them.chain, assets, target, probe: probe?.() });
      rig.relay = await Relay.start(them.chain.url);
      them.free.push(rig);
    }
    them.all = [...them.free];
    if (target !== serve) return them;
    // Compiling the component takes longer than the rest of a start.
    const [first] = them.all;
    them.template = await first.folder();
    await them.template.restart();
    await them.template.kill();
    for (const rig of them.all) rig.compiled = join(them.template.folder, 'coinop-data', 'compiled');
    return them;
  }

  /** Runs `work(rig)` on the next free rig. */
  async on(work) {
    const rig = this.free.pop() ?? (await new Promise((resolve) => this.waiting.push(resolve)));
    try {
      return await work(rig);
    } finally {
      const next = this.waiting.shift();
      if (next) next(rig);
      else this.free.push(rig);
    }
  }

  async stop() {
    for (const rig of this.all ?? []) rig.relay.stop();
    await this.template?.dispose();
    await this.chain?.stop();
  }
}

export class Rig {
  /**
   * Makes a fresh gateway that is not started. It has its own fee payer, because one that belongs to another journal is
   * refused.
   */
  async folder() {
    this.feePayer = await this.chain.newFeePayer();
    const config = configuration({ rpcUrl: this.relay.url, assets: this.assets });
    config.merchant.pay_to = this.merchant.address;
    this.relay.mend();
    this.gateway = await this.target.start(config, this.feePayer, { started: false, probe: this.probe });
    if (this.compiled) {
      await mkdir(join(this.gateway.folder, 'coinop-data'), { mode: 0o700 });
      await symlink(this.compiled, join(this.gateway.folder, 'coinop-data', 'compiled'));
    }
    return this.gateway;
  }

  url(path) {
    return `${this.gateway.url}${path}`;
  }

  /** Returns what the merchant has, in atomic units. */
  earned() {
    return this.chain.balance(this.merchant.address);
  }
}
