// Payment headers that cannot be read, in every layer: base64, text, JSON, and its content.

import assert from 'node:assert/strict';
import { challenge, sign } from '../harness/buyers.js';
import { NETWORK, NETWORK_V1 } from '../harness/chain.js';
import { perMinute, simulated } from '../harness/config.js';
import { granted, refusedAs } from '../harness/expect.js';
import { MARK, answers, harmless, ours, sells, table } from '../harness/strange.js';
import { untouched } from '../harness/untouched.js';
import { withDeadline } from '../harness/wait.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug';
const w = world({ assets: ['lane-1', 'lane-2', 'lane-3'].map((id) => simulated(perMinute(id))), buyers: 4, limits: { requests_per_second: 0 } });

const access = (id = 'lane-1') => w.url(`/api/v1/access/${id}`);
const unreadable = [400, 'invalid_payload'];
const V2 = 'PAYMENT-SIGNATURE';
const V1 = 'X-PAYMENT';

/**
 * Returns the honest payments of one buyer for lane 1, as JSON texts. Only the damage keeps them from being accepted.
 */
let texts;
async function honest() {
  if (texts) return texts;
  const paid = await sign(w, w.everybody[0], await challenge(access()));
  const { payload } = paid;
  texts = {
    [V2]: JSON.stringify({ ...paid, note: '?>?>?>~~~' }),
    [V1]: JSON.stringify({ x402Version: 1, scheme: 'exact', network: NETWORK_V1, payload, note: '?>?>?>~~~' }),
  };
  return texts;
}

const base64 = (text) => Buffer.from(text).toString('base64');

/** Sends the header value for both versions, and asserts that both get the same answer. */
async function bothRefused(spoil, expected = unreadable) {
  const found = await honest();
  for (const [name, text] of Object.entries(found)) {
    const value = spoil(text, name);
    if (value === undefined) continue;
    const response = await withDeadline(name, fetch(access(), { headers: { [name]: value } }), 2_000);
    await refusedAs(response, expected, `${name}: ${JSON.stringify(value.slice(0, 200))}`);
  }
}

/** Declares a test of a table of damages to a header. All of them are refused alike. */
function spoiled(name, ways, expected) {
  w.test(name, {}, async () => {
    await harmless(w, async () => {
      for (const [what, spoil] of Object.entries(ways)) {
        try {
          await bothRefused(spoil, expected);
        } catch (error) {
          throw new Error(`${what}: ${error.message}`, { cause: error });
        }
      }
    });
  });
}

const urlSafe = (text) => text.replaceAll('+', '-').replaceAll('/', '_');
spoiled('a payment that is no base64 is 400 (inv. 8)', {
  'the other alphabet': (text) => {
    const value = urlSafe(base64(text));
    assert.notEqual(value, base64(text));
    return value;
  },
  'a space in it': (text) => base64(text).replace(/^(.{40})/, '$1 '),
  'a tab in it': (text) => base64(text).replace(/^(.{40})/, '$1\t'),
  'padding in the middle': (text) => base64(text).replace(/^(.{40})/, '$1=='),
  'padding in front': (text) => `=${base64(text)}`,
  'too much padding': (text) => `${base64(text).replace(/=+$/, '')}====`,
  'a letter too few': (text) => base64(`${text}${' '.repeat((3 - (text.length % 3)) % 3)}`).slice(0, -3),
  'unused bits that are set': (text) => `${base64(text)}AB`,
  'percent signs': (text) => encodeURIComponent(`${base64(text)}=+/`),
  'quotation marks': (text) => `"${base64(text)}"`,
  'base64 of base64': (text) => base64(base64(text)),
  'the JSON itself': (text) => text,
  'hexadecimal': (text) => Buffer.from(text).toString('hex'),
  'stars': () => '****',
});

const withNote = (text, note) => text.replace('"note":"?>?>?>~~~"', note);
const inScheme = (text, replacement) => text.replace('"scheme":"exact"', `"scheme":${replacement}`);
const deep = (depth, inner = '') => `${'['.repeat(depth)}${inner}${']'.repeat(depth)}`;
const bytesOf = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part))).toString('base64');
spoiled('a payment that is no JSON is 400 (inv. 8)', {
  'nothing': () => '',
  'a null byte': () => base64('\0'),
  'cut in half': (text) => base64(text.slice(0, text.length / 2)),
  'cut short by one': (text) => base64(text.slice(0, -1)),
  'a brace too many': (text) => base64(`${text}}`),
  'two of them': (text) => base64(text + text),
  'a null byte behind it': (text) => base64(`${text}\0`),
  'a comma too many': (text) => base64(text.replace(/\}$/, ',}')),
  'a comment': (text) => base64(`${text}/* ${MARK} */`),
  'single quotes': (text) => base64(text.replaceAll('"', "'")),
  'a byte order mark': (text) => base64(`\ufeff${text}`),
  'UTF-16': (text) => Buffer.from(text, 'utf16le').toString('base64'),
  'a name twice: the version': (text, name) => base64(text.replace(/^\{/, `{"x402Version":${name === V2 ? 2 : 1},`)),
  'a name twice: the payload': (text) => base64(text.replace(/^\{/, '{"payload":{"transaction":"AAAA"},')),
  'a name twice: the scheme': (text) => base64(text.replace('"scheme":', '"scheme":"exact","scheme":')),
  'a line end in a text': (text) => base64(inScheme(text, '"exact\n"')),
  'half a surrogate': (text) => base64(inScheme(text, '"exact\\ud800"')),
  'bytes that are no UTF-8': (text) => {
    const [before, behind] = inScheme(text, '"@"').split('@');
    return bytesOf(before, [0xff, 0xc3, 0x28], behind);
  },
  'an overlong UTF-8': (text) => {
    const [before, behind] = inScheme(text, '"@xact"').split('@');
    return bytesOf(before, [0xc1, 0xa5], behind);
  },
  'NaN': (text) => base64(withNote(text, '"note":NaN')),
  'Infinity': (text) => base64(withNote(text, '"note":-Infinity')),
  'a word': (text) => base64(withNote(text, `"note":${MARK}`)),
  'a list, 8,000 deep, that does not end': (text) => base64(withNote(text, `"note":${'['.repeat(8_000)}`)),
  'a list, 5,000 deep, in its place': () => base64(deep(5_000)),
});

const version = (text, value) => text.replace(/"x402Version":\d/, `"x402Version":${value}`);
const transaction = (text, value) => text.replace(/"transaction":"[^"]*"/, `"transaction":${value}`);
const only = (which, change) => (text, name) => (name === which ? base64(change(text)) : undefined);
const amount = (value) => only(V2, (text) => text.replace(/"amount":"\d+"/, `"amount":${value}`));
const place = (key, value) => only(V2, (text) => text.replace(new RegExp(`"${key}":"[^"]*"`), `"${key}":${value}`));
/** Returns the rows of a table: one for each value, and named after it. */
const eachOf = (what, values, spoil) =>
  Object.fromEntries(values.map((value) => [`${what} ${value.slice(0, 30)}`, (text, name) => spoil(value)(text, name)]));
const amounts = [
  '10000', 'null', '""', '"-1"', '"+10000"', '" 10000"', '"10000 "', '"1e4"', '"0x2710"', '"10000.0"', '"10,000"', '"10000\\u0000"',
  '"18446744073709551616"', '"\\uff11"', '["10000"]', '1e400',
];
const addresses = ['null', '1', '""', '"x"', '"0OIl"', `"${'1'.repeat(45)}"`, `"${'z'.repeat(44)}"`, `"${'1'.repeat(31)}"`, '[]'];
spoiled('a payment of another shape is 400 (inv. 8)', {
  ...eachOf('nothing but', ['null', '[]', '{}', '1', 'true', '"x"', '[{}]'], (value) => () => base64(value)),
  ...eachOf(
    'version',
    ['"2"', '2.0', '2e0', '-1', 'null', 'true', '[2]', '1e400', '18446744073709551616', '0x2'],
    (value) => (text) => base64(version(text, value)),
  ),
  'no version': (text) => base64(text.replace(/"x402Version":\d,/, '')),
  'a version in small letters': (text) => base64(text.replace('x402Version', 'x402version')),
  ...eachOf(
    'transaction',
    ['null', '1', '[]', '{}', '["AAAA"]', '"%"', `"${MARK}!"`, '"A"', '"AAAA AAAA"', deep(4_000)],
    (value) => (text) => base64(transaction(text, value)),
  ),
  ...eachOf('scheme', ['null', '1', '[]', '{}', deep(4_000)], (value) => (text) => base64(inScheme(text, value))),
  ...eachOf('amount', amounts, amount),
  ...eachOf('asset', addresses, (value) => place('asset', value)),
  ...eachOf('payTo', addresses, (value) => place('payTo', value)),
  'no accepted': only(V2, (text) => text.replace('"accepted":', '"adopted":')),
  'accepted, 4,000 deep': only(V2, (text) => text.replace(/"accepted":\{/, `"accepted":${deep(4_000)},"x":{`)),
  'extra is a list': only(V2, (text) => text.replace(/"extra":\{[^}]*\}/, '"extra":[1]')),
});

spoiled('a payment of another version is 402 and says so (inv. 8)', {
  'zero': (text) => base64(version(text, 0)),
  'three': (text) => base64(version(text, 3)),
  'the other one': (text, name) => base64(version(text, name === V2 ? 1 : 2)),
  '2^64 - 1': (text) => base64(version(text, '18446744073709551615')),
}, [402, 'invalid_x402_version']);

spoiled('a payment of another scheme is 402 and says so (inv. 8)', {
  'another': (text) => base64(inScheme(text, '"upto"')),
  'capitals': (text) => base64(inScheme(text, '"EXACT"')),
  'none': (text) => base64(inScheme(text, '""')),
  'with a null byte': (text) => base64(inScheme(text, '"exact\\u0000"')),
  'one that looks like it': (text) => base64(inScheme(text, '"ехаct"')),
}, [402, 'unsupported_scheme']);

spoiled('a payment on another network is 402 and says so (inv. 8)', {
  'another': (text) => base64(text.replace(/"network":"[^"]*"/, '"network":"eip155:8453"')),
  'of the other version': (text, name) => base64(text.replace(/"network":"[^"]*"/, `"network":"${name === V2 ? NETWORK_V1 : NETWORK}"`)),
  'in capitals': (text) => base64(text.replace(/"network":"([^"]*)"/, (_, network) => `"network":"${network.toUpperCase()}"`)),
}, [402, 'invalid_exact_svm_network_mismatch']);

const undecodable = [402, 'invalid_exact_svm_payload_transaction_could_not_be_decoded'];
/** Changes the transaction's bytes. */
const bytes = (change) => (text) => {
  const [, found] = /"transaction":"([^"]*)"/.exec(text);
  return base64(transaction(text, JSON.stringify(change(Buffer.from(found, 'base64')).toString('base64'))));
};
const at = (position, ...values) => bytes((data) => Buffer.concat([data.subarray(0, position), Buffer.from(values), data.subarray(position + values.length)]));
const MESSAGE = 1 + 2 * 64; // after two signatures
spoiled('a transaction that is none is 402 (inv. 1, 8)', {
  'nothing': bytes(() => Buffer.alloc(0)),
  'zeros': bytes((data) => Buffer.alloc(data.length)),
  'ones': bytes((data) => Buffer.alloc(data.length, 255)),
  'more than a packet holds': bytes((data) => Buffer.concat([data, Buffer.alloc(1233 - data.length)])),
  '6 KB': bytes(() => Buffer.alloc(6_000, 1)),
  'cut short by one': bytes((data) => data.subarray(0, -1)),
  'a byte too many': bytes((data) => Buffer.concat([data, Buffer.from([0])])),
  'no signatures': at(0, 0),
  '127 signatures': at(0, 127),
  'a count of signatures in a longer form': bytes((data) => Buffer.concat([Buffer.from([0x82, 0x00]), data.subarray(1)])),
  'version 1': at(MESSAGE, 0x81),
  'version 127': at(MESSAGE, 0xff),
  'no signers': at(MESSAGE + 1, 0),
  '255 signers': at(MESSAGE + 1, 255),
  'more read-only signers than signers': at(MESSAGE + 2, 2),
  '255 other read-only accounts': at(MESSAGE + 3, 255),
  'no accounts': at(MESSAGE + 4, 0),
  '65,535 accounts': at(MESSAGE + 4, 0xff, 0xff, 0x03),
  'a table of further accounts': bytes((data) => Buffer.concat([data.subarray(0, -1), Buffer.from([1]), Buffer.alloc(34)])),
  'another encoding: base58’s letters': (text) => base64(transaction(text, '"11111111111111111111111111111111"')),
}, undecodable);

const line = (name, text) => `${name}: ${base64(text)}\r\n`;
const several = [400, 'several_payments'];
w.test('two payments in one request are 400, whatever their versions and order, the same one twice too (inv. 1)', {}, async () => {
  const found = await honest();
  const requests = [[V2, V2], [V1, V1], [V2, V1], [V1, V2], [V1.toLowerCase(), V2.toLowerCase()], [V2, V2, V2, V1]];
  await harmless(w, async () => {
    for (const lines of requests) {
      const headers = lines.map((name) => line(name, found[name.toUpperCase()])).join('');
      const request = `GET /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;
      await answers(w, request, several);
    }
    // On some platforms several headers arrive as one.
    for (const name of [V2, V1]) {
      const request = `GET /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${name}: ${base64(found[name])}, ${base64(found[name])}\r\n\r\n`;
      const answer = await answers(w, request, several);
      assert.ok(answer.headers[name === V2 ? 'payment-response' : 'x-payment-response'], 'a refused payment is answered as one');
    }
    // An empty header beside a valid one is refused too.
    const request = `GET /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${line(V2, found[V2])}${V1}:\r\n\r\n`;
    await answers(w, request, several);
  });
});

w.test('a good payment in a request that asks for nothing that is sold buys nothing (inv. 1, 8)', {}, async () => {
  const found = await honest();
  await harmless(w, async () => {
    for (const name of [V2, V1]) {
      const headers = line(name, found[name]);
      await answers(w, `PUT /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}\r\n`, [405, 'method_not_allowed']);
      await answers(w, `GET /api/v1/access/lane-9 HTTP/1.1\r\nhost: x\r\n${headers}\r\n`, [404, 'not_found']);
      await answers(w, `GET /api/v1/access/lane-1?quantity=x HTTP/1.1\r\nhost: x\r\n${headers}\r\n`, [400, 'invalid_quantity']);
      await answers(w, `GET /api/v1/access/lane-1?quantity=241 HTTP/1.1\r\nhost: x\r\n${headers}\r\n`, [400, 'invalid_quantity']);
      await answers(w, `POST /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}content-length: 1\r\n\r\n{`, [400, 'malformed_body']);
      await answers(w, `POST /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}content-length: 70000\r\n\r\n`, [413, 'body_too_large']);
      await table(w, ours({
        'more than is read': [`GET /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}x: ${'a'.repeat(17_000)}\r\n\r\n`, [431, 'headers_too_large']],
        'a header that is none': [`GET /api/v1/access/lane-1 HTTP/1.1\r\nhost: x\r\n${headers}x y: z\r\n\r\n`, [400, null]],
      }));
    }
  });
});

// Repeats of a sale that are written differently. A strict reader reads the same from each.
const sameToAll = {
  'without padding': (text) => base64(`${text} `.padEnd(text.length + 1 + ((3 - ((text.length + 2) % 3)) % 3), ' ')).replace(/=+$/, ''),
  'with space around the header': (text) => `  ${base64(text)}\t `,
  'with space around the JSON': (text) => base64(`\n\t ${text} \r\n`),
  'with escapes in its text': (text) => base64(text.replace('"exact"', '"\\u0065xact"')),
  'with its names in another order': (text) => base64(JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).toReversed()))),
  'with members that nobody knows': (text) => base64(text.replace(/^\{/, `{"${MARK}":{"__proto__":[1]},`)),
  'with a list, 4,000 deep, that nobody reads': (text) => base64(withNote(text, `"note":${deep(4_000)}`)),
  'with a number that nobody can hold': (text) => base64(withNote(text, '"note":1e400')),
};
w.test('a payment that is spelled otherwise is the same payment: its repeat gets the same session (inv. 1)', {}, async () => {
  const url = access('lane-2');
  const text = JSON.stringify({ ...(await sign(w, w.everybody[1], await challenge(url))), note: '?>?>?>~~~' });
  const session = await granted(await fetch(url, { headers: { [V2]: base64(text) } }));
  await untouched(w, async () => {
    for (const [what, spell] of Object.entries(sameToAll)) {
      const response = await fetch(url, { headers: { [V2]: spell(text) } });
      assert.equal(response.status, 200, `${what}: ${response.status} ${await response.clone().text()}`);
      assert.equal((await granted(response)).sessionId, session.sessionId, what);
    }
  }, { sessions: [session] });
});

w.test('after all that the honest payment, sent as it is, is taken', {}, async () => {
  await granted(await fetch(access(), { headers: { [V2]: base64((await honest())[V2]) } }));
  w.buyers.splice(0, 2); // they have paid
  await sells(w, access('lane-3'));
});
