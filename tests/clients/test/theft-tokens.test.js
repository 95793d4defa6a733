// What a buyer holds opens only what it was made for, and nothing else replaces it.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { challenge, payment, pays } from '../harness/buyers.js';
import { perHour, perSecond, simulated } from '../harness/config.js';
import { granted, problem, refused, time } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { joined, jws, opened, signingKey } from '../harness/secrets.js';
import { answers } from '../harness/strange.js';
import { target } from '../harness/targets/index.js';
import { untouched } from '../harness/untouched.js';
import { verify } from '../harness/verify.js';
import { untilTime } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({
  assets: [...['lane-1', 'lane-2', 'lane-3'].map(perHour), perSecond('lane-4')].map(simulated),
  buyers: 5,
  limits: { requests_per_second: 0 },
});

const access = (id) => w.url(`/api/v1/access/${id}`);
const extend = (id) => w.url(`/api/v1/access/${id}/extend`);
const status = ({ sessionId }) => w.url(`/api/v1/sessions/${sessionId}/status`);
const publicKeys = async () => (await fetch(w.url('/.well-known/jwks.json'))).json();

let sold; // the victim's session and the thief's own, for all tests of this file
const sessions = async () =>
  (sold ??= {
    victim: await granted(await pays.v2(w, w.buyer())(access('lane-1'))),
    thief: await granted(await pays.v2(w, w.buyer())(access('lane-2'))),
  });

/** Asserts that a token opens nothing of the victim's: neither its status nor its extension. */
async function opensNothing(token, what) {
  const { victim } = await sessions();
  for (const url of [status(victim), extend('lane-1')]) {
    await problem(await fetch(url, { headers: bearer(token) }), 401, 'session_token_required').catch((error) => {
      throw new Error(`${what}: ${error.message}`);
    });
  }
}

/** What is no session token of this gateway, by description. The claims of the victim's token are known here. */
const forged = {
  'a grant': ({ victim }) => victim.grant,
  'a token with another session in it': ({ victim, thief }) => {
    const { claims } = opened(victim.sessionToken);
    return joined({ ...opened(thief.sessionToken), claims });
  },
  'a token with another asset in it': ({ thief }) => {
    const parts = opened(thief.sessionToken);
    return joined({ ...parts, claims: { ...parts.claims, asset: 'lane-1' } });
  },
  'a token that lasts longer than it was signed for': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, claims: { ...parts.claims, exp: parts.claims.exp + 1 } });
  },
  'a token with the algorithm `none` and no signature': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, header: { ...parts.header, alg: 'none' }, signature: '' });
  },
  'a token with the algorithm HS256': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, header: { ...parts.header, alg: 'HS256' } });
  },
  'a token of another kind': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, header: { ...parts.header, typ: 'coinop-grant+jwt' } });
  },
  'a token of an unknown key': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, header: { ...parts.header, kid: 'A'.repeat(43) } });
  },
  'a token of the grants’ key': ({ victim }) => {
    const parts = opened(victim.sessionToken);
    return joined({ ...parts, header: { ...parts.header, kid: opened(victim.grant).header.kid } });
  },
  'a token that the thief has signed, with its own key in the header': ({ victim }) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const { header, claims } = opened(victim.sessionToken);
    return jws({ key: privateKey, kid: header.kid }, { ...header, jwk: publicKey.export({ format: 'jwk' }), claims });
  },
  'a token with another signature of the same gateway': ({ victim, thief }) =>
    joined({ ...opened(victim.sessionToken), signature: opened(thief.sessionToken).signature }),
  'a token without its signature': ({ victim }) => victim.sessionToken.split('.').slice(0, 2).join('.'),
  'a padded token': ({ victim }) => `${victim.sessionToken}=`,
  'a token of four parts': ({ victim }) => `${victim.sessionToken}.AAAA`,
  'the session’s id': ({ victim }) => victim.sessionId,
  'the transaction’s id': ({ victim }) => victim.transaction,
};

for (const [what, forge] of Object.entries(forged)) {
  w.test(`${what} is no session token (inv. 1, 9)`, {}, async () => {
    const both = await sessions();
    await untouched(w, async () => opensNothing(forge(both), what), { sessions: [both.victim, both.thief] });
  });
}

w.test('a token with any character of it altered is none (inv. 1, 9)', {}, async () => {
  const { victim } = await sessions();
  const token = victim.sessionToken;
  await untouched(w, async () => {
    const altered = Array.from(token, (letter, n) => token.slice(0, n) + (letter === 'A' ? 'B' : 'A') + token.slice(n + 1));
    while (altered.length > 0) {
      await Promise.all(altered.splice(0, 24).map((text) => opensNothing(text, text)));
    }
  }, { sessions: [victim] });
});

const needs = ['secrets'];
const day = 86_400;
// Tokens with this gateway's own keys, each with one thing wrong.
const ownTokens = {
  'whose time is over': ({ claims }) => ({ claims: { ...claims, exp: Math.floor(Date.now() / 1000) - 1 } }),
  'of another gateway’s address': ({ claims }) => ({ claims: { ...claims, iss: 'http://127.0.0.1:1' } }),
  'with another kind’s name': () => ({ typ: 'coinop-grant+jwt' }),
  'with no kind at all': () => ({ typ: '' }),
  'that lacks its asset': ({ claims }) => ({ claims: { ...claims, asset: undefined } }),
};
for (const [what, change] of Object.entries(ownTokens)) {
  w.test(`a token of the gateway’s own key ${what} is none (inv. 1, 9)`, { needs }, async () => {
    const { victim } = await sessions();
    const key = signingKey(await w.gateway.secret(), 'session token');
    const { header, claims } = opened(victim.sessionToken);
    const made = jws(key, { ...header, claims });
    assert.equal(made, victim.sessionToken, 'made here as the gateway makes it');
    await untouched(w, async () => opensNothing(jws(key, { ...header, claims, ...change({ claims }) }), what), { sessions: [victim] });
  });
}

w.test('a session token signed with the grants’ key is none (inv. 1, 9)', { needs }, async () => {
  const { victim } = await sessions();
  const { header, claims } = opened(victim.sessionToken);
  const key = signingKey(await w.gateway.secret(), 'grant');
  assert.equal(key.kid, opened(victim.grant).header.kid);
  await untouched(w, async () => {
    await opensNothing(jws(key, { typ: header.typ, claims }), 'with its own key’s name');
    await opensNothing(jws(key, { typ: header.typ, claims, kid: header.kid }), 'under the other key’s name');
  }, { sessions: [victim] });
});

w.test('a true token opens its own session only: not another’s status, not another asset’s extension (inv. 1, 9)', {}, async () => {
  const { victim, thief } = await sessions();
  await untouched(w, async () => {
    const headers = bearer(thief.sessionToken);
    await problem(await fetch(status(victim), { headers }), 403, 'other_session');
    await problem(await fetch(extend('lane-1'), { headers }), 403, 'other_session');
    await problem(await fetch(extend('lane-3'), { headers }), 403, 'other_session');
    // Two tokens in one request: neither counts.
    const lines = [thief, victim].map(({ sessionToken }) => `authorization: Bearer ${sessionToken}\r\n`).join('');
    const { pathname } = new URL(status(victim));
    await answers(w, `GET ${pathname} HTTP/1.1\r\nhost: x\r\n${lines}\r\n`, [401, 'session_token_required']);
  }, { sessions: [victim, thief] });
});

w.test('a session’s token sells nothing more once the session is over, to nobody (inv. 1, 4)', {}, async () => {
  const [early, next] = [w.buyer(), w.buyer()];
  const over = await granted(await pays.v2(w, early)(`${access('lane-4')}?quantity=3`));
  const asOver = { method: 'POST', headers: bearer(over.sessionToken) };
  const extension = await payment(w, early, extend('lane-4'), asOver);
  await untilTime(time(over.endsAt));
  const refusedOver = async () => {
    await problem(await fetch(extend('lane-4'), asOver), 409, 'session_over');
    const paid = await fetch(extend('lane-4'), { ...asOver, headers: { ...asOver.headers, ...extension } });
    assert.equal((await refused(paid)).errorReason, 'session_over');
  };
  const gain = await w.gain(refusedOver);
  assert.deepEqual(gain, { money: 0n, landed: 0 });
  // Nor does it open the session of the next buyer.
  const running = await granted(await pays.v2(w, next)(`${access('lane-4')}?quantity=240`));
  await untouched(w, refusedOver, { sessions: [running] });
  const headers = bearer(over.sessionToken);
  await problem(await fetch(status(running), { headers }), 403, 'other_session');
  assert.equal((await (await fetch(status(over), { headers })).json()).status, 'ended');
});

w.test('a device takes a grant of its gateway, and nothing that only looks like one (inv. 1, 9)', { needs }, async () => {
  const { victim } = await sessions();
  const keys = await publicKeys();
  const good = await verify(victim.grant, keys);
  assert.equal(good.code, 0, good.log);
  assert.match(good.log, /lane-1/);

  const grantKey = signingKey(await w.gateway.secret(), 'grant');
  const sessionKey = signingKey(await w.gateway.secret(), 'session token');
  const { header, claims, signature } = opened(victim.grant);
  assert.equal(jws(grantKey, { ...header, claims }), victim.grant);
  const now = Math.floor(Date.now() / 1000);
  const none = {
    'a session token': victim.sessionToken,
    'a session token of the grants’ kind': joined({ ...opened(victim.sessionToken), header }),
    'a longer grant': joined({ header, claims: { ...claims, exp: claims.exp + day, endsAtMs: claims.endsAtMs + 1000 * day }, signature }),
    'a grant for another door': joined({ header, claims: { ...claims, aud: 'lane-3' }, signature }),
    'no algorithm': joined({ header: { ...header, alg: 'none' }, claims, signature: '' }),
    'another kind': jws(grantKey, { typ: 'coinop-receipt+jwt', claims }),
    'the session tokens’ key under the grants’ name': jws({ ...sessionKey, kid: grantKey.kid }, { typ: header.typ, claims }),
    'the session tokens’ key': jws(sessionKey, { typ: header.typ, claims }),
    'one that is over': jws(grantKey, { typ: header.typ, claims: { ...claims, nbf: now - 60, exp: now - 1, endsAtMs: Date.now() - 1000 } }),
    'one that has not begun': jws(grantKey, { typ: header.typ, claims: { ...claims, nbf: now + 60, exp: now + 120, endsAtMs: Date.now() + 120_000 } }),
  };
  for (const [what, text] of Object.entries(none)) {
    const { code, log } = await verify(text, keys);
    assert.equal(code, 1, `${what}: ${log}`);
    assert.equal(log.trim().split('\n').filter((line) => line.startsWith('valid')).length, 0, what);
  }
  const other = await target.start(w.configuration(), await newWallet());
  try {
    const foreign = await (await fetch(`${other.url}/.well-known/jwks.json`)).json();
    assert.equal((await verify(victim.grant, foreign)).code, 1, 'another gateway’s keys');
    const headers = bearer(victim.sessionToken);
    await problem(await fetch(`${other.url}/api/v1/access/lane-1/extend`, { headers }), 401, 'session_token_required');
  } finally {
    await other.dispose();
  }
});

w.test('after all that, the victim’s own token still buys the victim more time (inv. 2)', {}, async () => {
  const { victim } = await sessions();
  const { accepts } = await challenge(extend('lane-1'), { headers: bearer(victim.sessionToken) });
  assert.equal(accepts.length, 1);
});
