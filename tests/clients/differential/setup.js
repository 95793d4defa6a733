// What the platforms share: one deployment, the same in every run.

import { createHash } from 'node:crypto';
import { configuration } from '../harness/config.js';
import { walletOf } from '../harness/keys.js';

/** The first moment of the recording. It is so far ahead that nothing is due by a real clock. */
export const START = Date.UTC(2100, 0, 1);

const bytesOf = (name) => createHash('sha256').update(`coinop differential: ${name}`).digest();

/** Returns the wallet of this name. */
export const wallet = (name) => walletOf(bytesOf(name));

export const SECRET = bytesOf('secret').toString('base64');
export const feePayer = await wallet('fee payer');

/** The address at which buyers reach the gateway, as they are told. No platform listens there. */
export const ORIGIN = 'https://coinop.example';

/** What one sale costs the fee payer, in lamports. */
const FEE = 10_001;
/** How many sales that earn less than twice their fee the budget bears. They may use up a sixth of a day's fees at once. */
export const UNPROFITABLE_SALES = 17;

const asset = (id, unit, more) => ({ id, name: `The ${id}`, price: '0.01', unit, ...more });

/** Returns the configuration for a platform with this RPC. No asset has a device, because a worker operates none. */
export const config = (rpcUrl) => ({
  public_url: ORIGIN,
  ...configuration({
    rpcUrl,
    assets: [
      asset('door', 'minute', { min_quantity: 1, max_quantity: 240, description: 'It says "à bientôt" 🚪' }),
      asset('room', 'hour', { min_quantity: 2 }),
      asset('desk', 'second', { price: '0.001' }),
      asset('film', 'session', { price: '0.5', session_seconds: 90 }),
      asset('shut', 'day', { enabled: false }),
    ],
    limits: { requests_per_second: 0 },
    settlement: { max_fee_lamports: FEE, max_fee_lamports_per_day: 6 * FEE * UNPROFITABLE_SALES + 3 * FEE },
  }),
});
