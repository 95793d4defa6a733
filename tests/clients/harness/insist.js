// A buyer whose request was cut off sends the same payment again until there is an answer.

import { proof, signInChallenge } from './siwx.js';
import { until } from './wait.js';

/** Sends a payment again and again. Returns the first answer that is neither "wait" nor "later". */
export const insist = (url, init, within = 45_000) =>
  until('the payment has an outcome', async () => {
    // It may try a connection that was kept from before the crash.
    const answer = await fetch(url, init).catch(() => undefined);
    if (!answer) return false;
    return [202, 503].includes(answer.status) ? answer.body.cancel().then(() => false) : answer;
  }, { within, every: 100 });

/** Returns the sessions of a wallet, by its proof. A buyer who pays by x402 v1 has no other way back. */
export async function sessionsOf(world, wallet) {
  const url = world.url(`/api/v1/payers/${wallet.address}/sessions`);
  const headers = await proof(wallet, await signInChallenge(await fetch(url)), url);
  const answer = await fetch(url, { headers });
  if (answer.status !== 200) throw new Error(`no history: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).sessions;
}
