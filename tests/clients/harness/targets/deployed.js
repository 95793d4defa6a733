// The worker as wrangler.toml has it deployed, in miniflare's words.

import { join } from 'node:path';

/** The Durable Objects: class by binding. */
export const OBJECTS = { ASSET: 'AssetObject', PAYER: 'PayerObject', PAYMENT: 'PaymentObject', MERCHANT: 'MerchantObject' };

/** The binding of the catalogue that readers read. */
export const CATALOGUE = 'CATALOGUE';

/** What both this worker and any that it is compared with are run as. */
export const compatibilityDate = '2026-04-26';

/** The worker that is built in `script`, with these variables and secrets. */
export const deployed = (script, bindings) => ({
  compatibilityDate,
  modulesRoot: script,
  modules: [
    { type: 'ESModule', path: join(script, 'index.js') },
    { type: 'CompiledWasm', path: join(script, 'index_bg.wasm') },
  ],
  bindings,
  kvNamespaces: [CATALOGUE],
  durableObjects: Object.fromEntries(
    Object.entries(OBJECTS).map(([binding, className]) => [binding, { className, useSQLite: true }]),
  ),
});
