// The merchant's API: assets are made, changed and deleted by whoever has a key.

import assert from 'node:assert/strict';
import { API_KEY } from './config.js';
import { until } from './wait.js';
import { bearer, decode } from './wire.js';

/** A catalogue that others read may be a minute old; what an asset answers to a payment or a change is not. */
const STALE = 90_000;

/** How long a test may take that waits for a catalogue. */
export const PATIENT = { timeout: 2 * STALE };

/** A request with the merchant's key; a `body` that is no text is sent as JSON. */
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

/** An asset by the minute, at the price of the front door; `more` are other keys. */
export const minutes = (id, more) => ({ id, price: '0.01', unit: 'minute', max_quantity: 240, ...more });
/** By the second. */
export const seconds = (id, more) => ({ id, price: '0.001', unit: 'second', max_quantity: 600, ...more });

export const create = async (w, asset) => answer(await ask(w, 'POST', 'assets', asset), 201);
export const change = async (w, id, changes) => answer(await ask(w, 'PATCH', `assets/${id}`, changes), 200);
export const remove = async (w, id) => answer(await ask(w, 'DELETE', `assets/${id}`), 204);

/** What a catalogue shows of an asset, once it is as expected. */
export const shown = (w, id, expected) =>
  until(`the catalogue shows ${id} as expected`, async () => {
    const response = await fetch(w.url(`/api/v1/assets/${id}`));
    const body = await response.json();
    return expected(response.status, body) && body;
  }, { within: STALE, every: 100 });

/** The 402 for a request, once it asks for this amount: the body (v1) and the challenge (v2). */
export const offered = (url, amount, init) =>
  until(`${amount} is asked for`, async () => {
    const response = await fetch(url, init);
    const body = await response.json();
    const header = response.headers.get('payment-required');
    return response.status === 402 && body.accepts[0].maxAmountRequired === String(amount) && { body, required: decode(header) };
  }, { within: STALE, every: 100 });
