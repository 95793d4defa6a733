// What a buyer does whose request was cut off: ask again, with the same payment, until there is an answer.

import { proof, signInChallenge } from './siwx.js';
import { until } from './wait.js';

/** The answer to a payment sent again and again: the first that is neither "wait" nor "later". */
export const insist = (url, init, within = 45_000) =>
  until('the payment has an outcome', async () => {
    // A connection kept from before the crash may be the one that is tried.
    const answer = await fetch(url, init).catch(() => undefined);
    if (!answer) return false;
    return [202, 503].includes(answer.status) ? answer.body.cancel().then(() => false) : answer;
  }, { within, every: 100 });

/** The sessions of a wallet, by its proof: the only way back for who pays by x402 v1. */
export async function sessionsOf(world, wallet) {
  const url = world.url(`/api/v1/payers/${wallet.address}/sessions`);
  const headers = await proof(wallet, await signInChallenge(await fetch(url)), url);
  const answer = await fetch(url, { headers });
  if (answer.status !== 200) throw new Error(`no history: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).sessions;
}
