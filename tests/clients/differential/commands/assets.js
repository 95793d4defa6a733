// Assets that are made, changed, sold and deleted by API.

import { paymentHeaders } from '../../harness/buyers.js';
import { bearer } from '../../harness/wire.js';
import { MINUTE, access, extend, withKey } from './shop.js';

const manage = (s) => (name, method, id, body, expected) =>
  s.ask(name, method, `/api/v1/assets${id}`, { headers: withKey, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }), expected });

const hall = { id: 'hall', name: 'The "hall" ✨', price: '0.01', unit: 'minute', max_quantity: 240 };

/** Sends requests that are refused, each for its own reason. */
export async function mistakes(s) {
  const ask = manage(s);
  const keys = [undefined, '', 'x', 'coinop_api_of-the-test-merchan', 'coinop_api_of-the-test-merchant,x', 'a, b'];
  for (const key of keys) {
    const headers = key === undefined ? {} : bearer(key);
    for (const [method, path] of [['POST', '/api/v1/assets'], ['PATCH', '/api/v1/assets/door'], ['DELETE', '/api/v1/assets/none'], ['POST', '/api/v1/tick']]) {
      await s.ask('without the key', method, path, { headers, body: JSON.stringify(hall), expected: [401, 'api_key_required'] });
    }
  }
  for (const body of ['', '{', '[]', 'null', '"x"', '{"id": 7}', '{"id": "hall"}', '{"id": "hall", "price": "1"}']) {
    await ask('what makes no asset', 'POST', '', body, 400);
  }
  const bad = [
    { id: '' }, { id: 'H a' }, { id: 'a/b' }, { name: '' }, { name: 'n'.repeat(201) }, { description: 7 }, { price: 0.01 }, { price: '0' }, { price: '-1' },
    { price: '1e3' }, { price: '99999999999999' }, { unit: 'fortnight' }, { unit: 'session' }, { session_seconds: 60 }, { min_quantity: 0 },
    { min_quantity: 1.5 }, { min_quantity: 241 }, { max_quantity: 10_000_000 }, { enabled: 'yes' }, { colour: 'red' }, { device: {} }, { price: null },
  ];
  for (const mistake of bad) await ask('what makes no asset', 'POST', '', { ...hall, ...mistake }, [400, 'invalid_asset']);
  await ask('one that the configuration has', 'POST', '', { ...hall, id: 'door' }, [409, 'asset_read_only']);
  await ask('a change of it', 'PATCH', '/door', { price: '1' }, [409, 'asset_read_only']);
  await ask('its end', 'DELETE', '/door', undefined, [409, 'asset_read_only']);
  await ask('a change of nothing', 'PATCH', '/none', { price: '1' }, 404);
  await ask('the end of nothing', 'DELETE', '/none', undefined, 404);
  await ask('a change of what can’t be', 'PATCH', '/None', { price: '1' }, 404);
}

/** Takes an asset through its life: its sale, its changes, its end, and the next asset with its id. */
export async function managed(s) {
  const { ada, bert } = s;
  const ask = manage(s);
  await ask('an asset is made', 'POST', '', hall, 201);
  await ask('and not twice', 'POST', '', hall, [409, 'asset_exists']);
  await ask('others are made', 'POST', '', { id: 'cellar', price: '2', unit: 'day', description: 'Ünten' }, 201);
  await ask('others are made', 'POST', '', { id: 'annex', price: '0.5', unit: 'session', session_seconds: 30, enabled: false }, 201);
  for (const query of ['', '?limit=6', '?limit=2&after=film', '?after=annex', '?after=cellar&limit=1', '?after=hall']) {
    await s.ask('the catalogue', 'GET', `/api/v1/assets${query}`);
  }
  await s.ask('one of them', 'GET', '/api/v1/assets/hall');
  await s.ask('its status', 'GET', '/api/v1/assets/hall/status');
  await s.ask('one that is not for sale', 'GET', access('annex'), { expected: [409, 'asset_disabled'] });

  const path = access('hall', '?quantity=2');
  const [open, openV1] = [await s.offered(path), await s.offered(path)];
  const v1 = await s.signedV1(bert, openV1);
  await ask('its price changes', 'PATCH', '/hall', { price: '0.02', description: 'Dear' });
  await ask('nothing changes', 'PATCH', '/hall', {});
  await ask('nothing can be made of that', 'PATCH', '/hall', { unit: 'session' }, [400, 'invalid_asset']);
  await ask('its id stays', 'PATCH', '/hall', { id: 'hall' }, [400, 'invalid_asset']);
  await s.ask('a v1 payment of the old price', 'GET', path, { headers: v1, expected: 402 });
  const payment = paymentHeaders(await s.signed(ada, open));
  const session = (await s.ask('an open quote holds its price', 'GET', path, { headers: payment })).json();
  await ask('it can’t end while somebody is inside', 'DELETE', '/hall', undefined, [409, 'asset_in_use']);
  await ask('it is taken off the market', 'PATCH', '/hall', { enabled: false });
  await s.ask('no price', 'GET', access('hall'), { expected: [409, 'asset_disabled'] });
  await s.ask('no extension', 'GET', extend('hall'), { headers: bearer(session.sessionToken), expected: [409, 'asset_disabled'] });
  await ask('it is for sale again, as it was', 'PATCH', '/hall', { enabled: null, max_quantity: null, name: null });
  await s.sale('an extension', ada, extend('hall'), { headers: bearer(session.sessionToken) });
  const left = await s.offered(path);
  s.pass(4 * MINUTE);
  await ask('its end, after the session’s', 'DELETE', '/hall', undefined, 204);
  await ask('it is gone', 'DELETE', '/hall', undefined, 404);
  await ask('it is gone', 'PATCH', '/hall', {}, 404);
  await s.ask('it is gone', 'GET', '/api/v1/assets/hall', { expected: 404 });
  await s.ask('it is gone', 'GET', access('hall'), { expected: 404 });
  await s.ask('who paid is told so all the same', 'GET', path, { headers: payment });
  await s.ask('the session can be read', 'GET', `/api/v1/sessions/${session.sessionId}/status`, { headers: bearer(session.sessionToken) });
  const tooLate = paymentHeaders(await s.signed(bert, left));
  await s.ask('an open quote of what is gone', 'GET', path, { headers: tooLate, expected: 404 });
  await ask('another of its id', 'POST', '', { ...hall, price: '0.02' }, 201);
  await s.ask('the quote is not for this one', 'GET', path, { headers: tooLate, expected: [402, 'ticket_mismatch'] });
  await s.sale('its first sale', bert, path);
  await s.tick('a tick');
  await s.ask('the catalogue', 'GET', '/api/v1/assets?after=shut');
  s.pass(5 * MINUTE);
  await s.tick('its session ends');
  for (const id of ['hall', 'cellar']) await ask('all end', 'DELETE', `/${id}`, undefined, 204);
}
