// Sales of both versions, later uses of their payments, and invalid payments.

import { wrapFetchWithPayment } from '@x402/fetch';
import { clientV2, paymentHeaders } from '../../harness/buyers.js';
import { bearer, decode, encode } from '../../harness/wire.js';
import { ORIGIN, UNPROFITABLE_SALES } from '../setup.js';
import { DAY, MINUTE, access, extend, withKey } from './shop.js';

const history = ({ address }, query = '') => `/api/v1/payers/${address}/sessions${query}`;

/** Makes a sale by x402 v2, with its repeats, and follows its session until it is over. */
export async function sale(s) {
  const { ada, bert } = s;
  const path = access('door', '?quantity=2');
  const pay = wrapFetchWithPayment(s.recorder.fetch('a purchase, as the client makes it'), clientV2(s.recorder, ada));
  const session = await (await pay(`${ORIGIN}${path}`)).json();
  const [bought] = s.recorder.recorded.slice(-1);
  const payment = { 'payment-signature': bought.command.headers['payment-signature'] };
  const token = bearer(session.sessionToken);

  await s.ask('its repeat', 'GET', path, { headers: payment });
  await s.ask('its repeat, by another method', 'POST', access('door'), { headers: payment, body: '{"quantity": 2}' });
  await s.ask('its repeat for another quantity', 'GET', access('door', '?quantity=3'), { headers: payment, expected: [400, 'quantity_mismatch'] });
  await s.ask('its repeat at another asset', 'GET', access('room'), { headers: payment, expected: [409, 'payment_already_used'] });
  await s.ask('its repeat at no asset', 'GET', access('nothing'), { headers: payment, expected: [409, 'payment_already_used'] });
  await s.ask('its repeat as an extension', 'POST', extend('door'), { headers: { ...payment, ...token }, expected: [409, 'payment_already_used'] });
  const { accepted, payload, ...rest } = decode(payment['payment-signature']);
  const { ticket, ...extra } = accepted.extra;
  const without = paymentHeaders({ ...rest, payload, accepted: { ...accepted, extra } });
  await s.ask('its bytes without the ticket', 'GET', path, { headers: without, expected: [409, 'payment_already_used'] });
  const v1 = { 'x-payment': encode({ x402Version: 1, scheme: 'exact', network: 'solana-devnet', payload }) };
  await s.ask('its bytes as v1', 'GET', path, { headers: v1, expected: [409, 'payment_already_used'] });

  await s.ask('a price while it is taken', 'GET', path, { expected: 402 });
  await s.ask('another buyer, meanwhile', 'GET', path, { headers: await s.paymentFor(bert, path), expected: [409, 'asset_busy'] });
  await s.ask('its own buyer, meanwhile', 'GET', path, { headers: await s.paymentFor(ada, path), expected: [409, 'asset_busy'] });
  const made = await s.ask('a one-time code', 'POST', `/api/v1/sessions/${session.sessionId}/code`, { headers: token, expected: 200 });
  const body = JSON.stringify({ code: made.json().code });
  await s.ask('the session, by the code', 'POST', `${access('door')}/code`, { body, expected: 200 });
  await s.ask('the code once more', 'POST', `${access('door')}/code`, { body, expected: [401, 'invalid_code'] });
  await s.ask('the transaction of an extension', 'POST', `${extend('door')}/transaction`, {
    headers: token,
    body: JSON.stringify({ account: ada.address }),
    expected: 200,
  });
  await s.ask('the status while it is taken', 'GET', '/api/v1/assets/door/status');
  await s.ask('the catalogue while it is taken', 'GET', '/api/v1/assets?limit=1');
  await s.ask('the session', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: token });
  await s.ask('the merchant’s sessions', 'GET', '/api/v1/merchant/sessions', { headers: withKey });
  await s.ask('the merchant’s sessions of another asset', 'GET', '/api/v1/merchant/sessions?asset=room&limit=2', { headers: withKey });
  await s.ask('the session, by another’s name', 'GET', '/api/v1/sessions/s_other/status', { headers: token, expected: [403, 'other_session'] });
  await s.ask('what its token is not for', 'POST', extend('room'), { headers: token, expected: [403, 'other_session'] });
  await s.ask('what its token is not for', 'POST', '/api/v1/tick', { headers: token, expected: [401, 'api_key_required'] });
  await s.ask('what the key is not for', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: withKey, expected: [401, 'session_token_required'] });

  const longer = await s.sale('an extension', ada, extend('door', '?quantity=3'), { headers: token });
  await s.ask('its repeat', 'POST', extend('door'), { headers: { ...token, ...longer.payment } });
  await s.ask('its repeat as access', 'GET', access('door'), { headers: longer.payment, expected: [409, 'payment_already_used'] });
  await s.ask('the session, longer', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: bearer(longer.sessionToken) });
  const v1Longer = await s.signedV1(ada, await s.offered(extend('door'), { headers: token }));
  await s.ask('an extension by v1', 'POST', extend('door'), { headers: { ...token, ...v1Longer } });
  await s.ask('one too long', 'GET', extend('door', '?quantity=240'), { headers: token, expected: 402 });

  s.pass(3 * MINUTE);
  await s.tick('a tick before the end');
  s.pass(3 * MINUTE);
  await s.ask('the session after its end', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: bearer(longer.sessionToken) });
  await s.ask('the status after its end', 'GET', '/api/v1/assets/door/status');
  await s.ask('a price for more of what is over', 'GET', extend('door'), { headers: bearer(longer.sessionToken), expected: [409, 'session_over'] });
  await s.tick('a tick after the end');
  await s.tick('another, with nothing to do');
  await s.ask('the status after the tick', 'GET', '/api/v1/assets/door/status');
  await s.ask('the first payment again', 'GET', path, { headers: payment });
  await s.sale('the next buyer', bert, path);
}

/** Makes a sale by x402 v1, which shows no ticket, so only its payer finds it again. */
export async function saleV1(s) {
  const { cleo, bert } = s;
  const path = access('desk', '?quantity=600');
  const payment = await s.signedV1(cleo, await s.offered(path));
  await s.ask('a v1 payment for another quantity', 'GET', access('desk', '?quantity=601'), { headers: payment, expected: 402 });
  await s.ask('a v1 payment for what costs something else', 'GET', access('door'), { headers: payment, expected: 402 });
  const session = (await s.ask('a purchase by v1', 'GET', path, { headers: payment })).json();
  await s.ask('its repeat', 'GET', path, { headers: payment, expected: [409, 'payment_already_used'] });
  await s.ask('its repeat at another asset', 'GET', access('door', '?quantity=60'), { headers: payment, expected: [409, 'payment_already_used'] });
  await s.ask('its repeat as an extension', 'POST', extend('desk', '?quantity=600'), { headers: { ...payment, ...bearer(session.sessionToken) }, expected: [409, 'payment_already_used'] });

  await s.ask('the price, without a challenge to sign in', 'GET', path, { expected: 402 });
  const challenged = await s.ask('the challenge to sign in', 'GET', `${path}&signin`, { expected: 402 });
  await s.ask('its payer signs in', 'GET', path, { headers: await s.proven(cleo, challenged, path) });
  await s.ask('another signs in', 'GET', path, { headers: await s.proven(bert, challenged, path), expected: 402 });

  const mine = await s.ask('a history, unproven', 'GET', history(cleo), { expected: [401, 'sign_in_required'] });
  const proof = await s.proven(cleo, mine, history(cleo));
  await s.ask('a history', 'GET', history(cleo), { headers: proof });
  await s.ask('a history, page by page', 'GET', history(cleo, '?limit=1'), { headers: proof });
  for (const query of ['?limit=0', '?limit=101', '?before=x', '?before=1.s_', '?before=']) {
    await s.ask('a page that there can’t be', 'GET', history(cleo, query), { headers: proof, expected: 400 });
  }
  await s.ask('another’s history', 'GET', history(bert), { headers: proof, expected: [401, 'sign_in_required'] });
  const posing = (signed) => ({ ...signed, address: bert.address });
  await s.ask('another’s history, under that name', 'GET', history(bert), { headers: await s.proven(cleo, mine, history(cleo), posing), expected: 401 });

  s.pass(MINUTE);
  const second = await s.sale('a second session', cleo, access('room', '?quantity=2'));
  s.pass(10 * MINUTE);
  await s.tick('the first is over');
  const again = await s.ask('a history, unproven', 'GET', history(cleo), { expected: 401 });
  const later = await s.proven(cleo, again, history(cleo));
  const { next } = (await s.ask('the later session', 'GET', history(cleo, '?limit=1'), { headers: later })).json();
  await s.ask('the earlier session', 'GET', history(cleo, `?limit=1&before=${next}`), { headers: later });
  await s.ask('a history of nothing', 'GET', history(s.pauper), {
    headers: await s.proven(s.pauper, await s.ask('a history, unproven', 'GET', history(s.pauper), { expected: 401 }), history(s.pauper)),
  });
  s.pass(DAY / 2);
  await s.ask('a proof that is too old', 'GET', history(cleo), { headers: later, expected: [401, 'sign_in_required'] });
  await s.ask('a session that has long been over', 'GET', `/api/v1/sessions/${second.sessionId}/status`, { headers: bearer(second.sessionToken) });
}

/** Sends payments that are not what the gateway asked for. */
export async function refusals(s) {
  const { emil, pauper } = s;
  const path = access('film');
  const refused = (name, headers, expected, at = path) => s.ask(name, 'GET', at, { headers, expected });
  const offer = await s.offered(path);
  const other = await s.offered(access('door'));
  const another = await s.offered(path);
  const good = await s.signed(emil, offer);
  const changed = (change) => ({ 'payment-signature': encode(change(structuredClone(good))) });
  const withExtra = (extra) => changed((it) => ({ ...it, accepted: { ...it.accepted, extra: { ...it.accepted.extra, ...extra } } }));
  const withBytes = (change) => changed((it) => {
    const bytes = Buffer.from(it.payload.transaction, 'base64');
    return { ...it, payload: { transaction: (change(bytes) ?? bytes).toString('base64') } };
  });

  await refused('the ticket of another asset', withExtra({ ticket: other.v2.accepts[0].extra.ticket }), [402, 'ticket_mismatch']);
  await refused('a ticket that was altered', withExtra({ ticket: good.accepted.extra.ticket.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')) }), 402);
  await refused('a ticket that is none', withExtra({ ticket: 'x' }), [402, 'ticket_invalid']);
  await refused('no ticket', withExtra({ ticket: undefined }), [402, 'ticket_missing']);
  await refused('another amount accepted', changed((it) => ({ ...it, accepted: { ...it.accepted, amount: '1' } })), 402);
  await refused('another payee accepted', changed((it) => ({ ...it, accepted: { ...it.accepted, payTo: pauper.address } })), 402);
  await refused('another network', changed((it) => ({ ...it, accepted: { ...it.accepted, network: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp' } })), 402);
  await refused('another scheme', changed((it) => ({ ...it, accepted: { ...it.accepted, scheme: 'upto' } })), 402);
  await refused('another version', changed((it) => ({ ...it, x402Version: 3 })), 402);
  await refused('a signature that is not the payer’s', withBytes((bytes) => void bytes.fill(bytes[80] ^ 1, 80, 81)), 402);
  await refused('bytes that were changed', withBytes((bytes) => void bytes.fill(bytes.at(-3) ^ 1, bytes.length - 3, bytes.length - 2)), 402);
  await refused('bytes that are cut short', withBytes((bytes) => bytes.subarray(0, -1)), 402);
  await refused('no bytes', withBytes(() => Buffer.alloc(0)), 402);
  await refused('more is paid', paymentHeaders(await s.signed(emil, offer, (it) => ({ ...it, amount: '500001' }))), 402);
  await refused('another is paid', paymentHeaders(await s.signed(emil, offer, (it) => ({ ...it, payTo: pauper.address }))), 402);
  await refused('another would pay the fees', paymentHeaders(await s.signed(emil, offer, (it) => ({ ...it, extra: { ...it.extra, feePayer: pauper.address } }))), 402);
  await refused('the memo of another ticket', paymentHeaders(await s.signed(emil, offer, (it) => ({ ...it, extra: { ...it.extra, memo: another.v2.accepts[0].extra.memo } }))), 402);
  await refused('more than the wallet has', paymentHeaders(await s.signed(pauper, offer)), [402, 'insufficient_funds']);
  for (const text of ['', 'x', 'e30=', encode([]), encode({ ...good, payload: {} }), encode({ ...good, accepted: null }), `${encode(good)},`, `${encode(good)} ${encode(good)}`]) {
    await refused('no payment', { 'payment-signature': text }, null);
    await refused('no v1 payment', { 'x-payment': text }, null);
  }
  await refused('two payments', { 'payment-signature': [encode(good), encode(good)] }, [400, 'several_payments']);
  await refused('one of each version', { 'payment-signature': encode(good), 'x-payment': encode(good) }, [400, 'several_payments']);
  await refused('a v2 payment as v1', { 'x-payment': encode(good) }, 402);
  await refused('for another quantity', paymentHeaders(good), 400, access('film', '?quantity=2'));
  await refused('at no asset', paymentHeaders(good), 404, access('nothing'));
  await refused('at one that is not for sale', paymentHeaders(good), 409, access('shut'));

  s.pass(10 * MINUTE);
  await refused('a quote that has expired', paymentHeaders(good), [402, 'quote_expired']);
  const quote = await s.offered(path);
  await s.ask('a payment for a quote', 'GET', path, { headers: paymentHeaders(await s.signed(emil, quote)) });
  await refused('another for the same quote', paymentHeaders(await s.signed(emil, quote)), [409, 'quote_already_used']);
  const strange = await s.signed(emil, await s.offered(access('room')), (it) => ({ ...it, extra: { ...it.extra, memo: 'x' } }));
  await s.ask('a memo that a client made', 'GET', access('room'), { headers: paymentHeaders(strange) });
  await s.ask('its repeat', 'GET', access('room'), { headers: paymentHeaders(strange) });
  const bankrupt = await s.offered(path);
  s.pass(2 * MINUTE);
  const old = await s.signed(emil, bankrupt);
  await s.blocks(151);
  await refused('a blockhash that is too old', paymentHeaders(old), 402);
}

/** Sells more that earns less than twice its fee than the owner bears. */
export async function budget(s) {
  const buyers = [s.ada, s.bert, s.cleo, s.emil, s.finn, s.gail, s.hugo];
  for (let n = 0; n <= UNPROFITABLE_SALES; n += 1) {
    const path = access('desk', '?quantity=1');
    const payment = await s.paymentFor(buyers[n % buyers.length], path);
    const spent = n >= UNPROFITABLE_SALES && { expected: [503, 'fee_budget_spent'] };
    await s.ask(`unprofitable sale ${n + 1}`, 'GET', path, { headers: payment, ...spent });
    s.pass(MINUTE);
    if (n % 2 === 0) await s.tick('between two sales');
  }
  const profitable = access('film');
  await s.ask('what earns enough is still sold', 'GET', profitable, { headers: await s.paymentFor(s.ada, profitable) });
}
