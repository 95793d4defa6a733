// The requested quantity in every way that it can be written: exactly one number counts, or none.

import assert from 'node:assert/strict';
import { quoteIn } from '../harness/secrets.js';
import { perMinute, simulated } from '../harness/config.js';
import { problem } from '../harness/expect.js';
import { MARK, SOON, harmless, sells } from '../harness/strange.js';
import { withDeadline } from '../harness/wait.js';
import { decode } from '../harness/wire.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug';
const w = world({ assets: [{ ...simulated(perMinute('lane-1')), min_quantity: 2 }], buyers: 1, limits: { requests_per_second: 0 } });

const access = (query = '') => w.url(`/api/v1/access/lane-1${query}`);
const soon = (url, init) => withDeadline(url, fetch(url, init), SOON);
const withBody = (body, query) => soon(access(query), { method: 'POST', body });

/** Asserts a price for exactly this quantity, in both versions and in the ticket. */
async function prices(response, quantity, what) {
  const text = await response.text();
  assert.equal(response.status, 402, `${what}: ${response.status} ${text}`);
  const amount = `${quantity * 10_000}`;
  const [offer] = decode(response.headers.get('payment-required')).accepts;
  const ticket = quoteIn(offer.extra.ticket);
  const seen = { v1: JSON.parse(text).accepts[0].maxAmountRequired, v2: offer.amount, ticket: `${ticket.amount}`, quantity: ticket.quantity };
  assert.deepEqual(seen, { v1: amount, v2: amount, ticket: amount, quantity }, what);
}

const each = async (list, send, code) => {
  for (const one of list) {
    const response = await send(one);
    await problem(response, 400, code).catch((error) => {
      throw new Error(`${one.slice(0, 60)}: ${error.message}`);
    });
  }
};

w.test('a quantity in the query that is no whole number of what is sold is 400 (inv. 6, 8)', {}, async () => {
  const numbers = [
    '0', '1', '241', '-1', '-0', '-2', '1.5', '2.0', '2.', '.2', '1e1', '2e0', '0x2', '0b10', '0o2', '+2', '%2B2', '%202', '2%20', '2+', '2%00', '2%0a', '%32',
    '', 'null', 'true', 'NaN', 'Infinity', 'many', MARK, '2,3', '2;3', '[2]', '{}', '2/1', '2-1', '%D9%A2', '%EF%BC%92',
    '18446744073709551615', '18446744073709551616', '4294967298', '9'.repeat(1_000), `${'0'.repeat(15_000)}x`,
    "2'--", '2=3', '"2"',
  ];
  await harmless(w, () => each(numbers, (number) => soon(access(`?quantity=${number}`)), 'invalid_quantity'));
});

w.test('a quantity in the body that is no whole number of what is sold is 400 (inv. 6, 8)', {}, async () => {
  const numbers = [
    '0', '1', '241', '-1', '-0', '1.5', '2.0', '2e0', '1e1', '0.2e1', 'null', 'true', 'false', '"2"', '""', '" 2"', '[2]', '[]', '{}', '{"quantity":2}',
    '18446744073709551615', '18446744073709551616', '9'.repeat(300), `"${MARK}"`,
  ];
  await harmless(w, () => each(numbers, (number) => withBody(`{"quantity":${number}}`), 'invalid_quantity'));
});

w.test('a body that is no JSON object is 400 (inv. 8)', {}, async () => {
  const object = '{"quantity":2}';
  const deep = (depth) => `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const bodies = [
    '{', '}', '[', '[]', '2', '"2"', 'null', 'true', MARK, 'quantity=2', '{quantity:2}', "{'quantity':2}",
    `${object}}`, `${object}${object}`, `${object},`, `${object}\0`, `\ufeff${object}`, `${object}// ${MARK}`,
    ...['', '02', '+2', '.2', '2.', '0x2', 'NaN', 'Infinity', '1e400', '2,'].map((number) => `{"quantity":${number}}`), '{"quantity":2',
    '{"x":"\\ud800"}', '{"x":"\\udc00\\ud800"}', '{"x":"\\x41"}', '{"x":"\n"}', '{"\\ud800":2}',
    deep(10_000), deep(129), '{"a":'.repeat(10_000), '[{"a":'.repeat(5_000),
  ];
  await harmless(w, async () => {
    await each(bodies, (body) => withBody(body), 'malformed_body');
    for (const spoilt of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const body = Buffer.concat([Buffer.from('{"quantity":2,"x":"'), Buffer.from(spoilt), Buffer.from('"}')]);
      await problem(await withBody(body), 400, 'malformed_body');
    }
    await problem(await withBody(Buffer.from(object, 'utf16le')), 400, 'malformed_body');
    await problem(await withBody(Buffer.from([0])), 400, 'malformed_body');
  });
});

w.test('where the query and the body are at odds there is no price; where they agree there is one (inv. 6)', {}, async () => {
  await harmless(w, async () => {
    for (const [query, body] of [['?quantity=2', 3], ['?quantity=3', 2], ['?quantity=240', 2]]) {
      await problem(await withBody(JSON.stringify({ quantity: body }), query), 400, 'invalid_quantity');
    }
    for (const [query, body] of [['?quantity=x', 2], ['?quantity=2', '2'], ['?quantity=2', null]]) {
      await problem(await withBody(JSON.stringify({ quantity: body }), query), 400, 'invalid_quantity');
    }
    await prices(await withBody('{"quantity":3}', '?quantity=3'), 3, 'both');
    await prices(await withBody('{}', '?quantity=3'), 3, 'the query alone');
    await prices(await withBody('{"quantity":3}'), 3, 'the body alone');
    await prices(await withBody(' \r\n\t '), 2, 'neither: the least that is sold');
  });
});

w.test('a quantity that is given twice is 400, even if both agree (inv. 6)', {}, async () => {
  await harmless(w, async () => {
    await each(['?quantity=3&quantity=5', '?quantity=3&quantity=3', '?quantity=x&quantity=3'], (query) => soon(access(query)), 'repeated_parameter');
    await each(['{"quantity":3,"quantity":5}', '{"quantity":3,"quantity":3}'], (body) => withBody(body), 'malformed_body');
  });
});

w.test('what only looks like the quantity’s name is 400, and never the least that is sold (inv. 6)', {}, async () => {
  await harmless(w, async () => {
    await each(['?quantity'], (query) => soon(access(query)), 'invalid_quantity');
    const queries = [
      '?Quantity=9', '?quantity[]=9', '?%71uantity=9', '?x=quantity=9', '?quantity%3D9', '?;quantity=9', `?${MARK}=9`, '?=9', '?qty=9', '?quantity=3&utm_source=x',
    ];
    await each(queries, (query) => soon(access(query)), 'unknown_parameter');
    const bodies = ['{"Quantity":9}', '{"quantity ":9}', '{"x":{"quantity":9}}', `{"${MARK}":9}`, '{"__proto__":{"quantity":9}}', '{"quantity":3,"more":1}'];
    await each(bodies, (body) => withBody(body), 'malformed_body');
    for (const nothing of ['?', '?&&&', `?${'&'.repeat(15_000)}`]) await prices(await soon(access(nothing)), 2, nothing.slice(0, 40));
    await prices(await soon(access('?quantity=0000000000000000000000000000003')), 3, 'zeros in front');
    await prices(await withBody('{"\\u0071uantity":3}'), 3, 'an escape is JSON’s own spelling');
  });
});

w.test('a list’s limit and cursor are read as strictly (inv. 8)', {}, async () => {
  await harmless(w, async () => {
    for (const limit of ['0', '-1', '101', '1.5', '+1', '', 'x', '9'.repeat(400)]) {
      await problem(await soon(w.url(`/api/v1/assets?limit=${limit}`)), 400, 'invalid_limit');
    }
    for (const after of ['', `${MARK}.`, '%00', '..']) {
      await problem(await soon(w.url(`/api/v1/assets?after=${after}`)), 400, 'invalid_cursor');
    }
  });
});

w.test('after all that an honest sale works', {}, async () => {
  await sells(w, access());
});
