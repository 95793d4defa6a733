// The chain is slow, silent or refuses: payments that are pending, fail, and land late.

import { paymentHeaders } from '../../harness/buyers.js';
import { bearer } from '../../harness/wire.js';
import { MINUTE, access, extend, withKey } from './shop.js';

const failure = JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'Internal error' } });

/** Makes the RPC give an error to calls of this method without carrying them out. All others are answered. */
const fails = (method) => (asked, pass) => (asked === method ? failure : pass());
/** What is sent never arrives. */
const swallowed = fails('sendTransaction');

/**
 * Sends a payment while the chain cannot be asked anything before it is sent: it is not charged, and is valid
 * afterwards.
 */
export async function unavailable(s) {
  const path = access('door');
  const payment = await s.paymentFor(s.ada, path);
  for (const method of ['isBlockhashValid', 'getLatestBlockhash', 'simulateTransaction']) {
    await s.ask(`${method} fails`, 'GET', path, { headers: payment, spoil: fails(method), expected: [503, undefined] });
  }
  await s.ask('nothing is ready', 'GET', '/ready', { spoil: fails('getBlockHeight'), expected: 503 });
  await s.ask('the same payment afterwards', 'GET', path, { headers: payment });
}

/** Sends a payment that does not arrive: it is pending, keeps the asset and the balance, and lands in the end. */
export async function pending(s) {
  const { dora, bert } = s;
  const [path, other] = [access('door'), access('desk', '?quantity=10')];
  const payment = await s.paymentFor(dora, path);
  await s.ask('a payment that does not arrive', 'GET', path, { headers: payment, spoil: swallowed, expected: [202, 'settlement_pending'] });
  await s.ask('its repeat', 'GET', path, { headers: payment, spoil: swallowed, expected: [202, 'settlement_pending'] });
  await s.ask('its repeat by v1', 'GET', path, { headers: await s.signedV1(bert, await s.offered(path)), expected: [409, 'asset_busy'] });
  await s.ask('the asset meanwhile', 'GET', '/api/v1/assets/door');
  await s.ask('another buyer meanwhile', 'GET', path, { headers: await s.paymentFor(bert, path), expected: [409, 'asset_busy'] });
  await s.ask('another asset, from a balance that is for one', 'GET', other, { headers: await s.paymentFor(dora, other), expected: [402, 'insufficient_funds'] });
  await s.ask('a tick at which it does not arrive either', 'POST', '/api/v1/tick', { headers: withKey, spoil: swallowed });
  await s.tick('a tick at which it arrives');
  await s.tick('a tick that sees it');
  await s.ask('its repeat, afterwards', 'GET', path, { headers: payment });
  await s.ask('the asset afterwards', 'GET', '/api/v1/assets/door/status');
}

/**
 * Sends payments that never land: they are given up when they are dead. After three of them their payer has to wait.
 */
export async function expired(s) {
  const { finn } = s;
  const path = access('door');
  for (let n = 0; n < 3; n += 1) {
    const payment = await s.paymentFor(finn, path);
    await s.ask('a payment that never lands', 'GET', path, { headers: payment, spoil: swallowed, expected: [202, 'settlement_pending'] });
    await s.ask('a tick while it may still land', 'POST', '/api/v1/tick', { headers: withKey, spoil: swallowed });
    s.pass(MINUTE);
    await s.blocks(200);
    await s.tick('a tick when it can’t land any more');
    await s.ask('the payment again', 'GET', path, { headers: payment, expected: n < 2 ? 402 : 429 });
    await s.ask('the asset is free', 'GET', '/api/v1/assets/door/status');
  }
  const next = await s.paymentFor(finn, path);
  await s.ask('its payer has to wait', 'GET', path, { headers: next, expected: [429, 'payer_backoff'] });
  const elsewhere = access('desk', '?quantity=5');
  await s.ask('elsewhere too', 'GET', elsewhere, { headers: await s.paymentFor(finn, elsewhere), expected: [429, 'payer_backoff'] });
  s.pass(MINUTE);
  await s.ask('and no longer', 'GET', path, { headers: next });
}

/** Sends a payment that lands with an error: it moves nothing, and has failed once that is final. */
export async function bounced(s) {
  const { gail } = s;
  const path = access('room', '?quantity=3');
  const payment = await s.paymentFor(gail, path);
  const spentFirst = async (method, pass) => {
    if (method === 'sendTransaction') await s.recorder.chain.setBalance(gail.address, 0n);
    return pass();
  };
  await s.ask('a payment whose money is gone when it is sent', 'GET', path, { headers: payment, spoil: spentFirst, expected: [202, 'settlement_pending'] });
  await s.tick('a tick while its error is not final');
  await s.blocks(40);
  await s.tick('a tick when it is');
  await s.ask('the payment again', 'GET', path, { headers: payment, expected: 402 });
  await s.recorder.chain.setBalance(gail.address, 5_000_000n);
  await s.ask('its payer has to wait a minute', 'GET', path, { headers: await s.paymentFor(gail, path), expected: [429, 'payer_backoff'] });
  s.pass(2 * MINUTE); // the tick above took a few seconds
  await s.sale('the next payment', gail, path);
}

/**
 * Keeps an extension in flight past the session's end: it keeps the asset, and continues from there when it lands late.
 */
export async function late(s) {
  const { hugo, ines } = s;
  const session = await s.sale('a session', hugo, access('desk', '?quantity=60'));
  const token = bearer(session.sessionToken);
  const payment = await s.paymentFor(hugo, extend('desk', '?quantity=30'), { headers: token });
  const headers = { ...token, ...payment };
  await s.ask('an extension that does not arrive', 'POST', extend('desk'), { headers, spoil: swallowed, expected: [202, 'settlement_pending'] });
  await s.ask('another beside it', 'POST', extend('desk', '?quantity=31'), {
    headers: { ...token, ...(await s.paymentFor(hugo, extend('desk', '?quantity=31'), { headers: token })) },
    expected: [409, 'asset_busy'],
  });
  s.pass(MINUTE);
  await s.ask('a tick after the end', 'POST', '/api/v1/tick', { headers: withKey, spoil: swallowed });
  await s.ask('the asset, kept for it', 'GET', '/api/v1/assets/desk');
  await s.ask('another buyer', 'GET', access('desk'), { headers: await s.paymentFor(ines, access('desk')), expected: [409, 'asset_busy'] });
  await s.ask('the extension lands', 'POST', extend('desk'), { headers });
  await s.ask('the session goes on', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: token });
  s.pass(MINUTE);
  await s.tick('its end');
  const again = await s.offered(access('desk', '?quantity=2'));
  const seen = { headers: paymentHeaders(await s.signed(ines, again)), spoil: fails('getTransaction'), expected: [202, 'settlement_pending'] };
  await s.ask('a payment that lands unseen', 'GET', access('desk', '?quantity=2'), seen);
  await s.tick('a tick that sees it');
}
