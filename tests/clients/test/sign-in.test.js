// A payer finds their own sessions by sign-in-with-x, and nobody else does.

import assert from 'node:assert/strict';
import { pays } from '../harness/buyers.js';
import { perMinute, simulated } from '../harness/config.js';
import { granted } from '../harness/expect.js';
import { proof, signInChallenge, signsIn } from '../harness/siwx.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 2 });

const access = () => w.url('/api/v1/access/lane-1');
const history = ({ address }) => w.url(`/api/v1/payers/${address}/sessions`);

/** Asks for a history, and answers the challenge with this wallet's proof. */
async function signedIn(url, wallet, bend) {
  const challenged = await fetch(url);
  assert.equal(challenged.status, 401);
  return fetch(url, { headers: await proof(wallet, await signInChallenge(challenged), url, bend) });
}

w.test('sign-in: a v1 buyer gets the running session back without paying again, another wallet a price (inv. 1, 9)', {}, async () => {
  const [buyer, other] = w.buyers;
  const session = await granted(await (await pays.legacy(w, buyer))(access()));

  const gain = await w.gain(async () => {
    const found = await granted(await signsIn(buyer)(`${access()}?signin`));
    assert.equal(found.sessionId, session.sessionId);
    assert.equal(found.endsAt, session.endsAt);
    const status = await fetch(w.url(`/api/v1/sessions/${found.sessionId}/status`), { headers: bearer(found.sessionToken) });
    assert.equal(status.status, 200, 'the token that came back is good');

    const strange = await signsIn(other)(`${access()}?signin`);
    assert.equal(strange.status, 402);
    assert.ok(!(await strange.text()).includes(session.sessionId));
  });
  assert.deepEqual(gain, { money: 0n, landed: 0 });
});

w.test('sign-in: a history is shown to its payer, with the tokens of what still runs (inv. 9)', {}, async () => {
  const [buyer] = w.buyers;
  const response = await signedIn(history(buyer), buyer);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get('cache-control') ?? '', /\bno-store\b/);
  const body = JSON.parse(text);
  const list = Array.isArray(body) ? body : body.sessions;
  assert.equal(list.length, 1);
  assert.ok(list[0].sessionToken, 'a running session comes with its token');
  const status = await fetch(w.url(`/api/v1/sessions/${list[0].sessionId}/status`), { headers: bearer(list[0].sessionToken) });
  assert.equal(status.status, 200);
});

w.test('sign-in: a history is hidden from everyone else, whatever they sign (inv. 9)', {}, async () => {
  const [buyer, other] = w.buyers;
  const hidden = async (response, what) => {
    const text = await response.text();
    assert.ok([401, 403].includes(response.status), `${what}: ${response.status} ${text}`);
    assert.doesNotMatch(text, /sessionToken|sessionId/, what);
  };
  await hidden(await fetch(history(buyer)), 'no proof');
  await hidden(await signedIn(history(buyer), other), 'another wallet');
  const posing = (signed) => ({ ...signed, address: buyer.address });
  await hidden(await signedIn(history(buyer), other, posing), 'another wallet under this name');
  const older = (signed) => ({ ...signed, nonce: '0'.repeat(signed.nonce.length) });
  await hidden(await signedIn(history(buyer), buyer, older), 'a nonce that was never given');
  const garbled = await fetch(history(buyer), { headers: { 'sign-in-with-x': 'nonsense' } });
  assert.ok([400, 401].includes(garbled.status));

  const own = await signedIn(history(other), other);
  assert.equal(own.status, 200);
  assert.doesNotMatch(await own.text(), /sessionToken|sessionId/, 'the other wallet has bought nothing');
});
