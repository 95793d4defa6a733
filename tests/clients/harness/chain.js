// The local Solana chain, which plays devnet, and the few questions that the tests ask it.

import { fileURLToPath } from 'node:url';
import { getAddressEncoder, getProgramDerivedAddress } from '@solana/kit';
import { newWallet } from './keys.js';
import { Program } from './process.js';
import { until } from './wait.js';

export const NETWORK = 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1';
export const NETWORK_V1 = 'solana-devnet';
export const USDC = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';
export const TOKEN_PROGRAM = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';
export const ASSOCIATED_TOKEN_PROGRAM = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL';

const BINARY =
  process.env.COINOP_CHAIN_BIN ??
  fileURLToPath(new URL('../../../target/release/coinop-chain', import.meta.url));

const derived = new Map();

/**
 * Returns the address of an owner's account of a mint. Each address is computed only once, because that takes a
 * millisecond.
 */
export function tokenAccount(owner, mint) {
  const key = `${owner} ${mint}`;
  if (!derived.has(key)) derived.set(key, deriveTokenAccount(owner, mint));
  return derived.get(key);
}

async function deriveTokenAccount(owner, mint) {
  const seeds = [owner, TOKEN_PROGRAM, mint].map((a) => getAddressEncoder().encode(a));
  const [account] = await getProgramDerivedAddress({ programAddress: ASSOCIATED_TOKEN_PROGRAM, seeds });
  return account;
}

/** Returns the address of an owner's USDC account. */
export const usdcAccount = (owner) => tokenAccount(owner, USDC);

export class Chain {
  /**
   * @param {Record<string, number>} funds  USDC by address; 0 gives only a token account and SOL
   * @param {string[]} options  more of the chain's own options
   */
  static async start(funds, options = []) {
    const fund = Object.entries(funds).flatMap(([to, amount]) => ['--fund', `${to}=${amount}`]);
    const chain = new Chain();
    chain.program = new Program('chain', BINARY, ['--port', '0', ...options, ...fund]);
    chain.url = await chain.program.until(
      'it says that it is ready',
      () => /chain ready on (http:\/\/\S+)/.exec(chain.program.log)?.[1],
    );
    return chain;
  }

  async rpc(method, ...params) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** Returns what an owner has, in atomic units of USDC. */
  async balance(owner) {
    return this.held(await usdcAccount(owner));
  }

  /** Returns an account as `{lamports, owner, data}`, or null. */
  async account(address) {
    const config = { encoding: 'base64', commitment: 'confirmed' };
    const { value } = await this.rpc('getAccountInfo', address, config);
    return value && { lamports: BigInt(value.lamports), owner: value.owner, data: Buffer.from(value.data[0], 'base64') };
  }

  /**
   * Returns what each owner has in USDC, in atomic units, and in SOL, in lamports. It asks for a hundred accounts at
   * once.
   */
  async holdings(owners) {
    const addresses = [...owners, ...(await Promise.all(owners.map(usdcAccount)))];
    const accounts = [];
    while (addresses.length > 0) {
      const config = { encoding: 'base64', commitment: 'confirmed' };
      accounts.push(...(await this.rpc('getMultipleAccounts', addresses.splice(0, 100), config)).value);
    }
    const tokens = accounts.splice(owners.length);
    return {
      lamports: accounts.map((account) => account?.lamports ?? 0),
      tokens: tokens.map((account) => (account ? Buffer.from(account.data[0], 'base64').readBigUInt64LE(64) : 0n)),
    };
  }

  /** Returns what a token account holds, in atomic units of its mint. */
  async held(account) {
    return (await this.account(account))?.data.readBigUInt64LE(64) ?? 0n;
  }

  /** Sets an owner's balance to exactly `amount`, in atomic units of USDC. */
  setBalance(owner, amount) {
    const decimal = `${amount / 1_000_000n}.${String(amount % 1_000_000n).padStart(6, '0')}`;
    return this.rpc('coinop_setTokens', owner, decimal);
  }

  /** Returns what an address has in SOL, in lamports. */
  async lamports(address) {
    return (await this.rpc('getBalance', address, { commitment: 'confirmed' })).value;
  }

  /** Makes a new wallet with SOL that has signed nothing yet. */
  async newFeePayer() {
    const wallet = await newWallet();
    await this.rpc('requestAirdrop', wallet.address, 1_000_000_000);
    await until('the fee payer has SOL', async () => (await this.lamports(wallet.address)) > 0, { every: 10 });
    return wallet;
  }

  async blockhash() {
    return (await this.rpc('getLatestBlockhash', { commitment: 'confirmed' })).value;
  }

  /** Sends a transaction (base64) past the gateway, and returns its id. It must land without an error. */
  async send(transaction) {
    const id = await this.rpc('sendTransaction', transaction, { encoding: 'base64', skipPreflight: true });
    const landed = await this.transaction(id);
    if (!landed || landed.meta.err) throw new Error(`it did not land: ${JSON.stringify(landed?.meta.err)}`);
    return id;
  }

  /** Returns a landed transaction by its id, or null. */
  transaction(id) {
    return this.rpc('getTransaction', id, {
      encoding: 'base64',
      commitment: 'confirmed',
      maxSupportedTransactionVersion: 0,
    });
  }

  /** Returns how many transactions have landed so far. */
  async landed() {
    const { transactions } = await this.rpc('coinop_stats');
    return transactions;
  }

  /** Returns the transactions that touched an owner's USDC account, as `{signature, err}`. */
  async history(owner) {
    return this.rpc('getSignaturesForAddress', await usdcAccount(owner), { commitment: 'confirmed' });
  }

  /** Tells whether a transaction with this blockhash could still land. */
  async isAlive(blockhash) {
    return (await this.rpc('isBlockhashValid', blockhash, { commitment: 'confirmed' })).value;
  }

  advanceBlocks(count) {
    this.hasJumped = true;
    return this.rpc('coinop_advanceBlocks', count);
  }

  stop() {
    return this.program.kill();
  }
}
