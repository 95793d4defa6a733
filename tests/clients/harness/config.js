// The configuration that users are told works as it stands, and assets to add to it.
// Names are those of coinop.toml; a target writes it down in its own format.

import { createHash } from 'node:crypto';

export const MERCHANT = 'H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5';

/** The key of the merchant's API, in every world. */
export const API_KEY = 'coinop_api_of-the-test-merchant';

/** Prices in atomic units per unit of time, for the assets below. */
export const PRICE = { hour: 10_000n, minute: 10_000n, second: 1_000n };

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

/** An asset like the front door, under another name and with a lock file of its own. */
export const perMinute = (id) => ({ ...door1, id, name: `Door ${id}`, device: exec(`${id}.open`) });

/** Sold by the hour, for sessions that outlast a test. */
export const perHour = (id) => ({ ...perMinute(id), unit: 'hour' });

/** Sold by the second, for sessions that a test can wait out. */
export const perSecond = (id) => ({ ...perMinute(id), price: '0.001', unit: 'second' });

/** The same with a device that is only pretended. */
export const simulated = (asset) => ({ ...asset, device: { driver: 'simulated' } });

const hashOf = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/** The whole configuration; addresses and paths are the target's to fill in. */
export const configuration = ({ rpcUrl, assets, limits, settlement }) => ({
  merchant: { pay_to: MERCHANT, tokens: ['USDC'], api_keys: [hashOf(API_KEY)] },
  solana: { network: 'devnet', rpc_url: rpcUrl },
  settlement: { mode: 'local', fee_payer_keypair: 'fee-payer.json', ...settlement },
  ...(limits && { limits }),
  asset: assets,
});
