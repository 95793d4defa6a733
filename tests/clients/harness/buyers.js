// The real clients. Each `pays.*` is a `fetch` that pays for its request.

import { x402Client, x402HTTPClient, wrapFetchWithPayment } from '@x402/fetch';
import { ExactSvmScheme } from '@x402/svm/exact/client';
import { ExactSvmSchemeV1 } from '@x402/svm/exact/v1/client';
import { NETWORK_V1 } from './chain.js';
import { decode, encode } from './wire.js';

export const clientV2 = ({ chain }, { signer }) =>
  new x402Client().register('solana:*', new ExactSvmScheme(signer, { rpcUrl: chain.url }));

/** Fetches and hides the v2 challenge, as if the gateway spoke only v1, because this client prefers v2. */
async function fetchWithoutV2(input, init) {
  const response = await fetch(input, init);
  const headers = new Headers(response.headers);
  headers.delete('payment-required');
  return new Response(response.body, { status: response.status, headers });
}

export const pays = {
  v2: (world, buyer) => wrapFetchWithPayment(world.chain.hasJumped ? fetchWithoutBlockhash : fetch, clientV2(world, buyer)),

  v1({ chain }, { signer }) {
    const scheme = new ExactSvmSchemeV1(signer, { rpcUrl: chain.url });
    return wrapFetchWithPayment(fetchWithoutV2, new x402Client().registerV1(NETWORK_V1, scheme));
  },

  /** x402-fetch 1.2.0. It is loaded only where it is used, because it is slow to load. */
  async legacy({ chain }, { signer }) {
    const legacy = await import('x402-fetch');
    const config = { svmConfig: { rpcUrl: chain.url } };
    return legacy.wrapFetchWithPayment(fetch, signer, undefined, undefined, config);
  },
};

/** Returns the v2 challenge for a request. */
export async function challenge(url, init) {
  const response = await fetch(url, init);
  const header = response.headers.get('payment-required');
  if (response.status !== 402 || header === null) {
    throw new Error(`no challenge at ${url}: ${response.status} ${await response.text()}`);
  }
  await response.body.cancel();
  return decode(header);
}

/**
 * Returns the offer without its blockhash, so that the client asks the chain for one. Chains in tests jump ahead, and
 * different blockhashes make payments differ.
 */
function ownBlockhash(offer) {
  const copy = structuredClone(offer);
  delete copy.extra.recentBlockhash;
  delete copy.extra.lastValidBlockHeight;
  return copy;
}

/** A `fetch` whose 402s come without a blockhash, for chains that jump ahead. */
async function fetchWithoutBlockhash(input, init) {
  const response = await fetch(input, init);
  const header = response.headers.get('payment-required');
  if (header === null) return response;
  const required = decode(header);
  const headers = new Headers(response.headers);
  headers.set('payment-required', encode({ ...required, accepts: required.accepts.map(ownBlockhash) }));
  return new Response(response.body, { status: response.status, headers });
}

/**
 * Returns what the v2 client would send for a challenge, as an object. `bend` may change the offer that it signs. The
 * payment still claims to have accepted the true one.
 */
export async function sign(world, buyer, required, bend = (offer) => offer) {
  const [offer] = required.accepts;
  const bent = { ...required, accepts: [bend(ownBlockhash(offer))] };
  const payload = await clientV2(world, buyer).createPaymentPayload(bent);
  return { ...payload, accepted: offer };
}

/** Returns a payment as request headers, encoded by the client library. */
export const paymentHeaders = (payload) =>
  new x402HTTPClient(new x402Client()).encodePaymentSignatureHeader(payload);

/** Makes a v2 payment for one request, and returns its headers. */
export const payment = async (world, buyer, url, init) =>
  paymentHeaders(await sign(world, buyer, await challenge(url, init)));

/** Makes a v1 payment for the v1 offer in a 402's body, with the v2 library's v1 support. */
export const paymentV1 = async (world, buyer, url, init) =>
  signV1(world, buyer, await (await fetch(url, init)).json());

/** Does the same for a body that was fetched already. */
export async function signV1({ chain }, { signer }, required) {
  const scheme = new ExactSvmSchemeV1(signer, { rpcUrl: chain.url });
  const client = new x402Client().registerV1(NETWORK_V1, scheme);
  return paymentHeaders(await client.createPaymentPayload(required));
}
