// The merchant's API: assets are made, changed and deleted with the API key.

import assert from 'node:assert/strict';
import { API_KEY } from './config.js';
import { until } from './wait.js';
import { bearer, decode } from './wire.js';

/**
 * How old a catalogue for readers may be, in milliseconds, with a reserve on its minute. An asset's answer to a payment
 * or a change is never old.
 */
const STALE = 90_000;

/** The timeout of a test that waits for a catalogue. */
export const PATIENT = { timeout: 2 * STALE };

/** Sends a request with the merchant's key. A `body` that is not text is sent as JSON. */
export const ask = (w, method, path, body, headers = bearer(API_KEY)) =>
  fetch(w.url(`/api/v1/${path}`), {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });

async function answer(response, status) {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return text === '' ? null : JSON.parse(text);
}

/** An asset sold by the minute, at the price of the front door. `more` are other keys. */
export const minutes = (id, more) => ({ id, price: '0.01', unit: 'minute', max_quantity: 240, ...more });
/** An asset sold by the second. */
export const seconds = (id, more) => ({ id, price: '0.001', unit: 'second', max_quantity: 600, ...more });

export const create = async (w, asset) => answer(await ask(w, 'POST', 'assets', asset), 201);
export const change = async (w, id, changes) => answer(await ask(w, 'PATCH', `assets/${id}`, changes), 200);
export const remove = async (w, id) => answer(await ask(w, 'DELETE', `assets/${id}`), 204);

/** Waits until a catalogue shows an asset as expected, and returns what it shows. */
export const shown = (w, id, expected) =>
  until(`the catalogue shows ${id} as expected`, async () => {
    const response = await fetch(w.url(`/api/v1/assets/${id}`));
    const body = await response.json();
    return expected(response.status, body) && body;
  }, { within: STALE, every: 100 });

/** Waits until the 402 for a request asks for this amount. Returns the body (v1) and the challenge (v2). */
export const offered = (url, amount, init) =>
  until(`${amount} is asked for`, async () => {
    const response = await fetch(url, init);
    const body = await response.json();
    const header = response.headers.get('payment-required');
    return response.status === 402 && body.accepts[0].maxAmountRequired === String(amount) && { body, required: decode(header) };
  }, { within: STALE, every: 100 });
