// The configuration that the documentation shows to users, and assets to add to it. The names are those of coinop.toml.
// Each target writes the configuration in its own format.

import { createHash } from 'node:crypto';

export const MERCHANT = 'H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5';

/** The key of the merchant's API, in every world. */
export const API_KEY = 'coinop_api_of-the-test-merchant';

/** Prices in atomic units per unit of time, for the assets below. */
export const PRICE = { hour: 10_000n, minute: 10_000n, second: 1_000n };

/**
 * The trust of a buyer whose session has earned this much, in lamports: half of it, at $200 for one SOL, less the fees.
 */
export const trustFor = (amount, fees) => {
  const earned = (BigInt(amount) * 1_000n) / 200n - BigInt(fees);
  return earned > 0n ? Number(earned / 2n) : 0;
};

const exec = (file) => ({
  driver: 'exec',
  unlock: ['touch', file],
  lock: ['rm', '-f', file],
  check: ['test', '-e', file],
});

export const door1 = {
  id: 'door-1',
  name: 'Front door',
  price: '0.01',
  unit: 'minute',
  min_quantity: 1,
  max_quantity: 240,
  device: exec('door-1.open'),
};

/** An asset like the front door, with another name and its own lock file. */
export const perMinute = (id) => ({ ...door1, id, name: `Door ${id}`, device: exec(`${id}.open`) });

/** The same, sold by the hour, for sessions that outlast a test. */
export const perHour = (id) => ({ ...perMinute(id), unit: 'hour' });

/** The same, sold by the second, for sessions whose end a test can wait for. */
export const perSecond = (id) => ({ ...perMinute(id), price: '0.001', unit: 'second' });

/** The same without a device, for some buyers at once. */
export const room = (id) => {
  const { device: _, ...asset } = perSecond(id);
  return { ...asset, capacity: 9 };
};

/** The same asset with a simulated device. */
export const simulated = (asset) => ({ ...asset, device: { driver: 'simulated' } });

const hashOf = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/** One address plays all buyers and strangers of a test, and so has the appetite of many. */
const APPETITE = { requests_per_second: 0, connections_per_address: 1024 };

/** Returns the whole configuration. The target adds addresses and paths. */
export const configuration = ({ rpcUrl, assets, limits, settlement }) => ({
  merchant: { pay_to: MERCHANT, tokens: ['USDC'], api_keys: [hashOf(API_KEY)] },
  solana: { network: 'devnet', rpc_url: rpcUrl },
  settlement: { mode: 'local', fee_payer_keypair: 'fee-payer.json', ...settlement },
  limits: { ...APPETITE, ...limits },
  asset: assets,
});
