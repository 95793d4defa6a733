// Sign-in-with-x, with the client that x402 ships for it.

import { NETWORK } from './chain.js';
import { decode } from './wire.js';

const EXTENSION = 'sign-in-with-x';

/** Loads the client only where it is used, because that takes a second. */
const client = () => import('@x402/extensions/sign-in-with-x');

/** A `fetch` that answers a 402 by proving the wallet's address instead of paying. */
export const signsIn = ({ signer }) => async (input, init) => {
  const { wrapFetchWithSIWx } = await client();
  return wrapFetchWithSIWx(fetch, signer)(input, init);
};

/**
 * Returns the sign-in challenge of a 402 or 401. It is in the x402 header if there is one, and otherwise in the body.
 */
export async function signInChallenge(response) {
  const header = response.headers.get('payment-required');
  const body = header ? decode(header) : await response.json();
  const found = body.extensions?.[EXTENSION] ?? body[EXTENSION];
  if (!found) throw new Error(`no sign-in challenge in the ${response.status}: ${JSON.stringify(body)}`);
  return found;
}

/** Makes a wallet's proof for a challenge, as request headers. `bend` may change it after signing. */
export async function proof({ signer }, found, url, bend = (payload) => payload) {
  const chain = found.supportedChains.find(({ chainId }) => chainId === NETWORK);
  const { createSIWxPayload, encodeSIWxHeader } = await client();
  const payload = await createSIWxPayload({ ...found.info, ...chain }, signer, url);
  return { [EXTENSION]: encodeSIWxHeader(bend(payload)) };
}
