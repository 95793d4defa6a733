// Commands without a payment: what is shown, what is asked for, and what cannot be read.

import { bearer } from '../../harness/wire.js';
import { access, extend, withKey } from './shop.js';

/** Asks what is for hire, and what it costs. */
export async function asking(s) {
  await s.ask('is it alive', 'GET', '/health');
  await s.ask('is all ready', 'GET', '/ready');
  await s.ask('the public keys', 'GET', '/.well-known/jwks.json');
  for (const path of ['/api/v1/assets', '/api/v1/assets?limit=2', '/api/v1/assets?limit=2&after=room', '/api/v1/assets?after=shut']) {
    await s.ask('the catalogue', 'GET', path);
  }
  for (const id of ['door', 'room', 'film', 'shut']) {
    await s.ask('an asset', 'GET', `/api/v1/assets/${id}`);
    await s.ask('its status', 'GET', `/api/v1/assets/${id}/status`);
  }
  for (const path of ['/health', '/ready', '/api/v1/assets', '/api/v1/assets/door', '/.well-known/jwks.json']) {
    await s.ask('the head alone', 'HEAD', path);
  }
  await s.ask('the head of what is not there', 'HEAD', '/api/v1/assets/nothing', { expected: 404 });

  await s.offered(access('door'));
  await s.offered(access('door', '?quantity=240'));
  await s.offered(access('room', '?&quantity=3&'));
  for (const query of ['?other=1&quantity=2', '?qty=5']) {
    await s.ask('an unknown parameter', 'GET', access('room', query), { expected: [400, 'unknown_parameter'] });
  }
  await s.ask('a repeated parameter', 'GET', access('room', '?quantity=2&quantity=3'), { expected: [400, 'repeated_parameter'] });
  for (const body of ['{"quantity": 90, "more": [1, {"deep": null}]}', '{"quantity": 1, "quantity": 2}', '[90]']) {
    await s.ask('a body of another shape', 'POST', access('desk'), { body, expected: [400, 'malformed_body'] });
  }
  await s.offered(access('desk'), { method: 'POST', body: '{"quantity": 90}' });
  await s.offered(access('desk', '?quantity=7'), { method: 'POST', body: ' {"quantity":7}\n' });
  await s.offered(access('film'), { method: 'POST', body: ' \r\n\t ' });
  await s.offered(access('film', '?'));
  await s.ask('a parameter without a value', 'GET', access('film', '?quantity'), { expected: [400, 'invalid_quantity'] });
  await s.ask('one that is not for sale', 'GET', access('shut'), { expected: [409, 'asset_disabled'] });

  for (const query of ['', '?quantity=3']) await s.ask('a quote', 'GET', `/api/v1/assets/door/quote${query}`);
  await s.ask('a quote of too much', 'GET', '/api/v1/assets/door/quote?quantity=241', { expected: [400, 'invalid_quantity'] });
  const account = s.ada.address;
  for (const wanted of [{ account }, { account, quantity: 3 }]) {
    await s.ask('a transaction', 'POST', `${access('door')}/transaction`, { body: JSON.stringify(wanted), expected: 200 });
  }
  const unmade = [
    [{ account: 'x' }, 'invalid_account'],
    [{ account, token: account }, 'invalid_token'],
    [{ account, quantity: 241 }, 'invalid_quantity'],
    [{ account, qty: 1 }, 'malformed_body'],
  ];
  for (const [wanted, code] of unmade) {
    await s.ask('a transaction that is not made', 'POST', `${access('door')}/transaction`, { body: JSON.stringify(wanted), expected: [400, code] });
  }
  await s.ask('a transaction for what is not for sale', 'POST', `${access('shut')}/transaction`, { body: JSON.stringify({ account }), expected: [409, 'asset_disabled'] });
}

/** Sends requests for nothing that exists, and requests that cannot be read. */
export async function strange(s) {
  const all = [
    [404, 'GET', '//'],
    [404, 'GET', '/api'],
    [404, 'GET', '/api/v1'],
    [404, 'GET', '/api/v1/'],
    [404, 'GET', '/api/v2/assets'],
    [404, 'GET', '/api/v1/assets/'],
    [404, 'GET', '/api/v1/assets//status'],
    [404, 'GET', '/api/v1/assets/door/'],
    [404, 'GET', '/api/v1/assets/door/status/x'],
    [404, 'GET', '/api//v1/assets'],
    [404, 'GET', '/API/V1/assets'],
    [404, 'GET', '/health/'],
    [404, 'GET', '/metrics/'],
    [404, 'GET', '/favicon.ico'],
    [401, 'GET', '/api/v1/merchant/sessions'],
    [405, 'POST', '/api/v1/merchant/sessions', { headers: withKey }],
    [404, 'GET', '/api/v1/merchant'],
    [404, 'GET', '/api/v1/assets/nothing'],
    [404, 'GET', '/api/v1/assets/nothing/status'],
    [404, 'GET', '/api/v1/assets/Door'],
    [404, 'GET', '/api/v1/assets/d%6For'],
    [404, 'GET', '/api/v1/assets/%'],
    [404, 'GET', '/api/v1/assets/%zz%00'],
    [404, 'GET', `/api/v1/assets/${'x'.repeat(300)}`],
    [404, 'GET', '/api/v1/assets/main:door'],
    [404, 'GET', '/api/v1/assets/door;x=1'],
    [404, 'GET', access('nothing')],
    [404, 'POST', access('nothing'), { body: '{"quantity": 1}' }],
    [404, 'POST', extend('nothing')],
    [404, 'GET', '/api/v1/payers/nobody/sessions'],
    [404, 'GET', `/api/v1/payers/${s.ada.address}x/sessions`],
    [401, 'GET', `/api/v1/payers/${s.ada.address}/sessions?limit=0`],
    [401, 'GET', '/api/v1/sessions/s_1/status'],
    [401, 'GET', '/api/v1/sessions/%/status'],
    [401, 'POST', extend('door')],
    [405, 'POST', '/health'],
    [405, 'DELETE', '/ready'],
    [405, 'POST', '/.well-known/jwks.json'],
    [405, 'PUT', '/api/v1/assets'],
    [405, 'DELETE', '/api/v1/assets'],
    [405, 'POST', '/api/v1/assets/door', { body: '{}' }],
    [405, 'PUT', '/api/v1/assets/door', { body: '{}' }],
    [405, 'POST', '/api/v1/assets/door/status'],
    [405, 'PUT', access('door')],
    [405, 'HEAD', access('door')],
    [204, 'OPTIONS', access('door')],
    [405, 'PATCH', extend('door'), { body: 'x' }],
    [405, 'GET', '/api/v1/tick'],
    [405, 'POST', '/api/v1/sessions/s_1/status'],
    [405, 'POST', '/api/v1/payers/x/sessions'],
    [400, 'GET', '/api/v1/assets?limit=0'],
    [400, 'GET', '/api/v1/assets?limit=101'],
    [400, 'GET', '/api/v1/assets?limit=-1'],
    [400, 'GET', '/api/v1/assets?limit='],
    [400, 'GET', '/api/v1/assets?after=A%20B'],
    [400, 'GET', '/api/v1/assets?after='],
    [400, 'GET', '/api/v1/assets?after=nothing'],
    ...['0', '241', '-1', '1.5', '1e2', '+2', '', '%32', '18446744073709551615', '18446744073709551616', 'x'].map((quantity) => [400, 'GET', access('door', `?quantity=${quantity}`)]),
    [400, 'GET', access('room', '?quantity=1')],
    [400, 'GET', access('film', '?quantity=2')],
    ...['{', '[]', 'null', '1', '"x"', '{"quantity": "1"}', '{"quantity": 0}', '{"quantity": -1}', '{"quantity": 1.5}', '{"quantity": 1e2}', '{"quantity": null}', 'quantity=1', '\ufeff{}', '{}{}'].map((body) => [400, 'POST', access('door'), { body }]),
    [400, 'POST', access('door'), { body: '{"quantity": 2, "quantity": 3}' }],
    [400, 'POST', access('door'), { body: '{"Quantity": 0}' }],
    [400, 'POST', access('door', '?quantity=2'), { body: '{"quantity": 3}' }],
    [402, 'GET', access('door'), { body: '{"quantity": 3}' }],
    [402, 'GET', access('door'), { body: '{' }],
    [413, 'GET', '/api/v1/assets/door/status', { body: { text: ' ', times: 70_000 } }],
    [400, 'GET', access('door', "?quantity=2'")],
    [404, 'GET', "/api/v1/assets/door'"],
    [405, 'PURGE', '/api/v1/assets/door'],
    [405, 'TRACE', '/api/v1/assets/door'],
    [400, 'POST', access('door'), { body: { base64: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('base64') } }],
    [400, 'POST', access('door'), { body: { text: '[', times: 65_536 } }],
    [402, 'POST', access('door'), { body: { text: ' ', times: 65_536 } }],
    [413, 'POST', access('door'), { body: { text: ' ', times: 65_537 } }],
    [413, 'POST', '/api/v1/assets', { body: { text: '{', times: 70_000 }, headers: withKey }],
  ];
  for (const [expected, method, path, more] of all) await s.ask('a strange request', method, path, { ...more, expected });

  const tokens = ['', 'nonsense', 'a.b.c', `${'x'.repeat(3_000)}`];
  const schemes = tokens.map(bearer).concat([{ authorization: 'Basic eDp5' }, { authorization: 'Bearer' }, { authorization: '' }]);
  for (const headers of schemes) {
    await s.ask('a bearer of nothing', 'GET', '/api/v1/sessions/s_1/status', { headers, expected: [401, 'session_token_required'] });
    await s.ask('a bearer of nothing', 'GET', extend('door'), { headers, expected: [401, 'session_token_required'] });
    await s.ask('no key', 'POST', '/api/v1/tick', { headers, expected: [401, 'api_key_required'] });
  }
  for (const header of ['', 'nonsense', 'e30=', 'bnVsbA==', Buffer.from('{"domain":"x"}').toString('base64')]) {
    const headers = { 'sign-in-with-x': header };
    await s.ask('a proof of nothing', 'GET', access('door'), { headers, expected: [401, 'sign_in_required'] });
    await s.ask('a proof of nothing', 'GET', `/api/v1/payers/${s.ada.address}/sessions`, { headers, expected: [401, 'sign_in_required'] });
  }
}
