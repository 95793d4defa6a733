// The worker as wrangler.toml deploys it, as options for miniflare.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Durable Objects: class by binding. */
export const OBJECTS = { ASSET: 'AssetObject', PAYER: 'PayerObject', PAYMENT: 'PaymentObject', MERCHANT: 'MerchantObject' };

/** The binding of the catalogue for readers. */
export const CATALOGUE = 'CATALOGUE';

/** The binding by which the worker's clients are limited. */
export const RATE_LIMIT = 'RATE_LIMIT';

/** The compatibility date of this worker, and of any worker with which it is compared. */
export const compatibilityDate = '2026-04-26';

/** The pages' static files, as wrangler.toml names them. */
const ASSETS = fileURLToPath(new URL('../../../../web/dist', import.meta.url));

/** Returns the worker that was built in `script`, with these variables and secrets. */
export const deployed = (script, bindings) => ({
  compatibilityDate,
  modulesRoot: script,
  modules: [
    { type: 'ESModule', path: join(script, 'index.js') },
    { type: 'CompiledWasm', path: join(script, 'index_bg.wasm') },
  ],
  bindings,
  assets: { directory: ASSETS, routerConfig: { has_user_worker: true } },
  kvNamespaces: [CATALOGUE],
  durableObjects: Object.fromEntries(
    Object.entries(OBJECTS).map(([binding, className]) => [binding, { className, useSQLite: true }]),
  ),
});
