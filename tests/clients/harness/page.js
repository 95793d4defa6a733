// Runs in a web page: the real client, as a shop's page would bundle it. The test calls `window.shop`.

import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { wrapFetchWithSIWx } from '@x402/extensions/sign-in-with-x';
import { ExactSvmScheme } from '@x402/svm/exact/client';
import { createKeyPairSignerFromBytes } from '@solana/kit';

const EXPOSED = ['payment-required', 'payment-response', 'www-authenticate', 'retry-after'];

/** Returns what page script can see of a response. */
const shown = async (response) => ({
  status: response.status,
  type: response.type,
  headers: Object.fromEntries(EXPOSED.map((name) => [name, response.headers.get(name)])),
  body: await response.text(),
});

const signer = (secret) => createKeyPairSignerFromBytes(Uint8Array.from(secret));

window.shop = {
  /** Sends a request as any page may. Returns the error of a request that the browser blocks. */
  ask: (url, init) => fetch(url, init).then(shown, (error) => ({ error: error.name })),

  /** Buys with the key of a wallet, through an RPC. */
  async buy({ url, init, secret, rpcUrl }) {
    const client = new x402Client().register('solana:*', new ExactSvmScheme(await signer(secret), { rpcUrl }));
    return shown(await wrapFetchWithPayment(fetch, client)(url, init));
  },

  /** Proves the wallet's address instead of paying. */
  signIn: async ({ url, secret }) => shown(await wrapFetchWithSIWx(fetch, await signer(secret))(url)),
};
