// A wallet sees its sessions only with a signature over this gateway's own, fresh challenge.

import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { getBase58Decoder } from '@solana/kit';
import { pays } from '../harness/buyers.js';
import { NETWORK } from '../harness/chain.js';
import { perHour, simulated } from '../harness/config.js';
import { granted } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { challenged } from '../harness/secrets.js';
import { proof, signInChallenge, signsIn } from '../harness/siwx.js';
import { answers } from '../harness/strange.js';
import { target } from '../harness/targets/index.js';
import { untouched } from '../harness/untouched.js';
import { decode, encode } from '../harness/wire.js';
import { world } from '../harness/world.js';

const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({ assets: [simulated(perHour('lane-1')), simulated(perHour('lane-2'))], buyers: 2, limits });

const access = () => w.url('/api/v1/access/lane-1');
const history = ({ address }) => w.url(`/api/v1/payers/${address}/sessions`);
const HEADER = 'sign-in-with-x';
const needs = ['secrets'];

let sold;
const victims = async () => (sold ??= await granted(await pays.v2(w, w.everybody[0])(access())));

/**
 * Asserts that a proof for the asset fetches nothing of the victim's: no history, and at the asset no session. `price` means
 * that the proof is valid, but not the victim's.
 */
async function fetchesNothing(headers, what, { price = false } = {}) {
  const [victim] = w.everybody;
  const session = await victims();
  for (const [url, expected] of [[history(victim), 401], [access(), price ? 402 : 401]]) {
    const response = await fetch(url, { headers });
    const text = await response.text();
    assert.equal(response.status, expected, `${what} at ${url}: ${text}`);
    if (expected === 401) assert.equal(JSON.parse(text).code, 'sign_in_required', what);
    for (const secret of [session.sessionId, session.sessionToken, session.grant]) {
      assert.ok(!text.includes(secret), `${what} at ${url} tells the victim’s session`);
    }
  }
}

const fresh = async (url = access()) => signInChallenge(await fetch(`${url}?signin`));
const bent = (headers, change) => ({ [HEADER]: encode(change(decode(headers[HEADER]))) });
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Returns a wallet's signature of any text, in the extension's encoding. */
const signature = ({ secret }, text) => {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret.subarray(0, 32)]), format: 'der', type: 'pkcs8' });
  return getBase58Decoder().decode(sign(null, Buffer.from(text), key));
};

// Each gets the victim's wallet and the thief's. Nothing is wrong with the proof except what its name says.
const ways = {
  'the thief’s signature under the victim’s address': async ([victim, thief]) =>
    bent(await proof(thief, await fresh(), access()), (signed) => ({ ...signed, address: victim.address })),
  'the victim’s signature of another text': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, signature: signature(victim, 'something else') })),
  'the victim’s old signature on a fresh challenge': async ([victim]) => {
    const { signature: old } = decode((await proof(victim, await fresh(), access()))[HEADER]);
    return bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, signature: old }));
  },
  'a fresh nonce in an old proof': async ([victim]) => {
    const { info } = await fresh();
    return bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, nonce: info.nonce }));
  },
  'a nonce of the thief’s own, signed by the victim': async ([victim]) => {
    const found = await fresh();
    return proof(victim, { ...found, info: { ...found.info, nonce: 'ab'.repeat(16) } }, access());
  },
  'another domain, signed by the victim': async ([victim]) => {
    const found = await fresh();
    return bent(await proof(victim, found, access()), (signed) => ({ ...signed, domain: 'evil.example' }));
  },
  'another path to read, not that of the challenge': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, uri: history(victim) })),
  'more time than was given': async ([victim]) => {
    const found = await fresh();
    return proof(victim, { ...found, info: { ...found.info, expirationTime: '2099-01-01T00:00:00.000Z' } }, access());
  },
  'another chain': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, chainId: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp' })),
  'another kind of key': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, type: 'eip191' })),
  'words added to what was signed': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, resources: ['http://evil.example'] })),
  'no signature': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), ({ signature: _, ...signed }) => signed),
  'an empty signature': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, signature: '' })),
  'a signature of zeros': async ([victim]) =>
    bent(await proof(victim, await fresh(), access()), (signed) => ({ ...signed, signature: '1'.repeat(64) })),
  'a key of small order, which lax libraries let sign anything,': async () =>
    bent(await proof(w.everybody[0], await fresh(), access()), (signed) => ({ ...signed, address: '1'.repeat(32), signature: '1'.repeat(64) })),
};

/** Makes a proof in the extension's format without the client, which would not sign for a stranger. */
function signedFor(wallet, { info }) {
  const { domain, uri, version, nonce, issuedAt, expirationTime, statement, requestId } = info;
  const text = [
    `${domain} wants you to sign in with your Solana account:`, wallet.address, '', statement, '',
    `URI: ${uri}`, `Version: ${version}`, `Chain ID: ${NETWORK.split(':')[1]}`, `Nonce: ${nonce}`,
    `Issued At: ${issuedAt}`, `Expiration Time: ${expirationTime}`, `Request ID: ${requestId}`,
  ].join('\n');
  const signed = { ...info, address: wallet.address, chainId: NETWORK, type: 'ed25519', signature: signature(wallet, text) };
  return { [HEADER]: encode(signed) };
}

w.test('signing in for another address to read fetches nothing, though its nonce fits (inv. 9)', { needs }, async () => {
  const session = await victims();
  const [victim] = w.everybody;
  const [secret, found] = [await w.gateway.secret(), await fresh()];
  const { host } = new URL(w.gateway.url);
  const honest = signedFor(victim, challenged(secret, found, {}));
  assert.equal((await granted(await fetch(access(), { headers: honest }))).sessionId, session.sessionId, 'written as it has to be');
  await untouched(w, async () => {
    for (const change of [
      { uri: `${w.gateway.url}.evil.example/x` },
      { uri: `http://evil.example/${host}` },
      { uri: w.gateway.url },
      { uri: '' },
      { domain: 'evil.example' },
      { domain: `${host}.evil.example` },
      { domain: '' },
    ]) {
      const what = JSON.stringify(change);
      await fetchesNothing(signedFor(victim, challenged(secret, found, change)), what);
    }
  }, { sessions: [session] });
});

for (const [what, make] of Object.entries(ways)) {
  w.test(`signing in with ${what} fetches nothing (inv. 1, 9)`, {}, async () => {
    const session = await victims();
    const headers = await make(w.everybody);
    await untouched(w, () => fetchesNothing(headers, what), { sessions: [session] });
  });
}

w.test('the thief’s own good proof shows the thief’s own sessions only: none, and a price (inv. 9)', {}, async () => {
  const session = await victims();
  const [, thief] = w.everybody;
  const headers = await proof(thief, await fresh(), access());
  await untouched(w, async () => {
    await fetchesNothing(headers, 'own proof', { price: true });
    const asked = await signInChallenge(await fetch(history(thief)));
    const own = await fetch(history(thief), { headers: await proof(thief, asked, history(thief)) });
    assert.deepEqual(await own.json(), { sessions: [], next: null });
  }, { sessions: [session] });
});

w.test('the victim’s own proof fetches nothing at another path, and a grant only once (inv. 9)', {}, async () => {
  const session = await victims();
  const [victim] = w.everybody;
  const headers = await proof(victim, await fresh(), access());
  for (const url of [history(victim), w.url('/api/v1/access/lane-2')]) {
    assert.equal((await fetch(url, { headers })).status, 401, `at ${url}`);
  }
  assert.equal((await granted(await fetch(access(), { headers }))).sessionId, session.sessionId);
  await untouched(w, () => fetchesNothing(headers, 'it was used'), { sessions: [session] });
  const asked = await signInChallenge(await fetch(history(victim)));
  const again = { headers: await proof(victim, asked, history(victim)) };
  const read = async () => (await (await fetch(history(victim), again)).json()).sessions[0];
  assert.equal((await read()).grant, session.grant);
  const { sessionId, grant, sessionToken } = await read();
  assert.deepEqual({ sessionId, grant, sessionToken }, { sessionId: session.sessionId, grant: undefined, sessionToken: undefined });
});

w.test('two proofs in one request show nothing (inv. 9)', {}, async () => {
  const session = await victims();
  const [victim, thief] = w.everybody;
  const proofs = [await proof(thief, await fresh(), access()), await proof(victim, await fresh(), access())];
  const lines = proofs.map((headers) => `${HEADER}: ${headers[HEADER]}\r\n`).join('');
  await untouched(w, async () => {
    for (const url of [history(victim), access()]) {
      const { pathname } = new URL(url);
      const { body } = await answers(w, `GET ${pathname} HTTP/1.1\r\nhost: x\r\n${lines}\r\n`, [401, 'sign_in_required']);
      assert.ok(!body.includes(session.sessionId));
    }
  }, { sessions: [session] });
});

w.test('a proof is good within its time, and replayed after it fetches nothing (inv. 9)', { needs }, async () => {
  const session = await victims();
  const [victim] = w.everybody;
  const secret = await w.gateway.secret();
  const found = await fresh();
  assert.equal(challenged(secret, found, {}).info.nonce, found.info.nonce, 'made here as the gateway makes it');
  const at = (ms) => new Date(Date.now() + ms).toISOString();
  const lasting = (from, to) => proof(victim, challenged(secret, found, { issuedAt: at(from), expirationTime: at(to) }), access());
  const again = await granted(await fetch(access(), { headers: await lasting(-290_000, 10_000) }));
  assert.equal(again.sessionId, session.sessionId);
  await untouched(w, async () => {
    await fetchesNothing(await lasting(-300_010, -10), 'its time is over');
    await fetchesNothing(await lasting(60_000, 360_000), 'its time has not begun');
  }, { sessions: [session] });
});

w.test('the challenge of another gateway, signed by the victim there, fetches nothing here (inv. 9)', {}, async () => {
  const session = await victims();
  const [victim] = w.everybody;
  const other = await target.start(w.configuration(), await newWallet());
  try {
    const there = `${other.url}/api/v1/access/lane-1`;
    const found = await fresh(there);
    const headers = await proof(victim, found, there);
    assert.equal((await fetch(there, { headers })).status, 402, 'it is good there, where nothing was bought');
    await untouched(w, async () => {
      await fetchesNothing(headers, 'as it was signed');
      // The same with this gateway's name in it. Then the other gateway's nonce does not fit.
      const posing = { ...found, info: { ...found.info, domain: new URL(access()).host, uri: access() } };
      await fetchesNothing(await proof(victim, posing, access()), 'under this gateway’s name');
    }, { sessions: [session] });
  } finally {
    await other.dispose();
  }
});

w.test('after all that the victim signs in and finds the session (inv. 1)', {}, async () => {
  const session = await victims();
  const found = await granted(await signsIn(w.everybody[0])(`${access()}?signin`));
  assert.equal(found.sessionId, session.sessionId);
});
