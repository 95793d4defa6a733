// The catalogue of the 402s in KV, read and written past the gateway.

import { until } from './wait.js';

const key = (id) => `main/${id}`;

/** Waits until the published listing of an asset (null: none) is as expected. Returns its text. */
export async function published(w, id, expected, { within = 10_000 } = {}) {
  const catalogue = await w.gateway.catalogue();
  let text;
  await until(`KV has ${id} as expected`, async () => {
    text = await catalogue.get(key(id));
    return expected(text === null ? null : JSON.parse(text));
  }, { within, every: 50 });
  return text;
}

/** Gives the readers this text, or nothing. */
export async function put(w, id, text) {
  const catalogue = await w.gateway.catalogue();
  await (text === null ? catalogue.delete(key(id)) : catalogue.put(key(id), text));
}
