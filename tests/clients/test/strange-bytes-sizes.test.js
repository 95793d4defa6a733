// The limits of size and speed, and what happens to requests that lie about their size.

import assert from 'node:assert/strict';
import { perMinute, simulated } from '../harness/config.js';
import { problem as isProblem } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { Raw } from '../harness/raw.js';
import { MARK, SOON, answers, code, harmless, ours, sells, table } from '../harness/strange.js';
import { target } from '../harness/targets/index.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug';
const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 2, limits: { requests_per_second: 0 } });

const PATH = '/api/v1/access/lane-1';
const KIB = 1024;
/** The most bytes of the target and all headers together. */
const LARGEST_HEAD = 16 * KIB;
/** The most bytes of a body. */
const LARGEST = 64 * KIB;
const get = (headers = '', target = PATH) => `GET ${target} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;
const post = (headers, body = '') => `POST ${PATH} HTTP/1.1\r\nhost: x\r\n${headers}\r\n${body}`;
const price = [402];
const none = [400, null];
const tooMuch = [431, null]; // too much even to be read
const problem = (status, code) => [status, code];

function strange(name, rows, options = {}) {
  w.test(name, options, async () => {
    await harmless(w, () => table(w, rows));
  });
}
const needs = ['server'];

/** Returns a request whose target and headers have exactly this size. Each header counts 4 bytes more. */
function ofSize(size, target = PATH) {
  const counted = target.length + 'host'.length + 1 + 4;
  return get(`x: ${'a'.repeat(size - counted - 1 - 4)}\r\n`, target);
}
/** Returns a request with this many headers, including the host. */
const many = (count, value = 'a') => get(Array.from({ length: count - 1 }, (_, n) => `x-${n}: ${value}\r\n`).join(''));
const longPath = (size) => get('', `${PATH}?${MARK}=`.padEnd(size, 'a'));
const unknown = problem(400, 'unknown_parameter');

strange('headers of 16 KiB are taken, one byte more is 431, and what is far too much is a bare 431 (inv. 8)', {
  '16 KiB less one': [ofSize(LARGEST_HEAD - 1), price],
  '16 KiB': [ofSize(LARGEST_HEAD), price],
  '16 KiB, most of it in the path': [longPath(LARGEST_HEAD - 9), unknown],
  'a path of 15 KiB': [longPath(15 * KIB), unknown],
  ...ours({
    '16 KiB and one': [ofSize(LARGEST_HEAD + 1), problem(431, 'headers_too_large')],
    '22 KiB': [ofSize(22 * KIB), problem(431, 'headers_too_large')],
    '64 KiB': [ofSize(64 * KIB), tooMuch],
    'a MiB': [ofSize(KIB * KIB), tooMuch],
    '16 KiB and one, most of it in the path': [longPath(LARGEST_HEAD - 9 + 1), problem(431, 'headers_too_large')],
    'a path of 70 KiB': [longPath(70 * KIB), tooMuch],
    'a path of 200 KiB': [longPath(200 * KIB), tooMuch],
  }),
});

strange('a hundred headers are taken, and not one more, let alone thousands (inv. 8)', {
  99: [many(99), price],
  100: [many(100), price],
  ...ours({
    101: [many(101), tooMuch],
    5_000: [many(5_000), tooMuch],
    20_000: [many(20_000, MARK), tooMuch],
  }),
});

/** Returns a JSON body of exactly this many bytes. */
const json = (size) => `{"quantity":1${''.padEnd(size - 14)}}`;
const sized = (body) => post(`content-length: ${body.length}\r\n`, body);
const chunked = (body, size = 9_999) => {
  const chunks = body.match(new RegExp(`[^]{1,${size}}`, 'g')).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return post('transfer-encoding: chunked\r\n', `${chunks.join('')}0\r\n\r\n`);
};
const tooLarge = problem(413, 'body_too_large');
assert.equal(json(LARGEST).length, LARGEST);

strange('a body of 64 KiB is taken, and one byte more is 413, whether its length is told or not (inv. 8)', {
  '64 KiB less one': [sized(json(LARGEST - 1)), price],
  '64 KiB': [sized(json(LARGEST)), price],
  '64 KiB and one': [sized(json(LARGEST + 1)), tooLarge],
  'a MiB': [sized(json(KIB * KIB)), tooLarge],
  '64 KiB in chunks': [chunked(json(LARGEST)), price],
  '64 KiB in chunks of a byte': [chunked(json(8 * KIB), 1), price],
  '64 KiB and one in chunks': [chunked(json(LARGEST + 1)), tooLarge],
  'a MiB in chunks': [chunked(json(KIB * KIB)), tooLarge],
  'a length of a MiB, and nothing behind it': [post(`content-length: ${KIB * KIB}\r\n`), tooLarge],
  'a length of 2^63': [post('content-length: 9223372036854775808\r\n'), tooLarge],
  'a body of 64 KiB with GET': [sized(json(LARGEST)).replace('POST', 'GET'), price],
});

const malformed = problem(400, 'malformed_body');
strange('a length that is no number, or two of them, is a bare 400 (inv. 8)', {
  'negative': [post('content-length: -1\r\n'), none],
  'with a plus': [post('content-length: +2\r\n', '{}'), none],
  'hexadecimal': [post('content-length: 0x2\r\n', '{}'), none],
  'a word': [post(`content-length: ${MARK}\r\n`), none],
  'nothing': [post('content-length: \r\n'), none],
  'a list': [post('content-length: 2, 2\r\n', '{}'), none],
  'two that differ': [post('content-length: 2\r\ncontent-length: 3\r\n', '{} '), none],
  'two that are the same': [post('content-length: 2\r\ncontent-length: 2\r\n', '{}'), price],
  'above 2^64': [post('content-length: 99999999999999999999\r\n'), none],
  '2^64 - 1, which some take for "unknown"': [post('content-length: 18446744073709551615\r\n'), tooMuch],
}, { needs });

const inChunks = (rest, more = '') => post(`transfer-encoding: chunked\r\n${more}`, rest);
strange('chunks that lie are a malformed body, and an encoding that is none a bare 400 (inv. 8)', {
  'honest': [inChunks('2\r\n{}\r\n0\r\n\r\n'), price],
  'a size that is no number': [inChunks('zz\r\n{}\r\n0\r\n\r\n'), malformed],
  'a negative size': [inChunks('-2\r\n{}\r\n0\r\n\r\n'), malformed],
  'a size above 2^64': [inChunks('ffffffffffffffffff\r\n{}\r\n0\r\n\r\n'), malformed],
  'less than it says': [inChunks('5\r\n{}\r\n0\r\n\r\n'), malformed],
  'more than it says': [inChunks('1\r\n{}\r\n0\r\n\r\n'), malformed],
  'no end of a line': [inChunks('2\r\n{}0\r\n\r\n'), malformed],
  'an endless extension': [inChunks(`2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`), malformed],
  'thousands of trailers': [inChunks(`2\r\n{}\r\n0\r\n${`x: ${MARK}\r\n`.repeat(3_000)}\r\n`), malformed],
  'chunked, and then not': [inChunks('', 'transfer-encoding: identity\r\n'), none],
  'another encoding': [post('transfer-encoding: identity\r\n', '{}'), none],
  'in HTTP/1.0': [inChunks('2\r\n{}\r\n0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'), none],
}, { needs });

w.test('a request in another’s body is no request: of a length and chunks, the chunks count, and the rest is not read as a buyer’s (inv. 9)', { needs }, async () => {
  // A proxy that uses the length takes all of it for one request.
  const hidden = `GET ${PATH}?quantity=7 HTTP/1.1\r\nhost: x\r\n\r\n`;
  const body = `0\r\n\r\n${hidden}`;
  await harmless(w, async () => {
    const raw = await Raw.open(w.gateway);
    raw.write(post(`content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n`, body));
    const first = await raw.answer();
    assert.equal(first.status, 402);
    assert.doesNotMatch(first.body, /quantity=7/);
    const second = await raw.answer();
    assert.equal(second, null, 'the connection ends with the ambiguous request');
    raw.destroy();
  });
});

w.test('what follows a body that is longer than it says is no honest request (inv. 8)', { needs }, async () => {
  await harmless(w, async () => {
    const raw = await Raw.open(w.gateway);
    raw.write(post('content-length: 2\r\n', '{}{"quantity": 2}\r\n\r\n'));
    assert.equal((await raw.answer()).status, 402, 'the two bytes are a request');
    const rest = await raw.answer();
    assert.deepEqual([rest.status, rest.body], [400, '']);
    await raw.ends();
  });
});

w.test('a body that breaks off buys nothing (inv. 8)', {}, async () => {
  await harmless(w, async () => {
    for (const bytes of [post('content-length: 20\r\n', '{"quantity":'), inChunks('5\r\n{"qua'), inChunks('2\r\n{}\r\n')]) {
      const raw = await Raw.open(w.gateway);
      raw.write(bytes).end();
      const answer = await raw.answer();
      if (answer) assert.equal(code(answer), 'malformed_body');
      await raw.ends();
    }
  });
});

w.test('a hundred requests in one write are answered in their order (inv. 8)', {}, async () => {
  await harmless(w, async () => {
    const raw = await Raw.open(w.gateway);
    raw.write(Array.from({ length: 100 }, (_, n) => get('', `${PATH}?quantity=${n + 1}`)).join(''));
    for (let n = 1; n <= 100; n += 1) {
      const answer = await raw.answer();
      assert.equal(answer.status, 402);
      assert.equal(JSON.parse(answer.body).accepts[0].maxAmountRequired, `${n * 10_000}`);
    }
    raw.destroy();
  });
});

/** Writes a piece every 200 ms until the connection ends. Returns what came back, and when it ended. */
async function drip(first, piece) {
  const raw = await Raw.open(w.gateway);
  const started = performance.now();
  raw.write(first);
  await until('the connection ends', () => {
    raw.write(piece);
    return raw.over;
  }, { within: 13_000, every: 200 });
  const took = performance.now() - started;
  return { answer: await raw.answer(), took };
}

w.test('who sends slowly, or stops, is let go after ten seconds; others are served meanwhile (inv. 8)', {}, async () => {
  const slow = {
    ...ours({
      'nothing at all': ['', '', null],
      'line ends only': ['', '\r\n', null],
      'a head, a byte at a time': ['GET /', 'a', null],
      'headers, one at a time': [`GET ${PATH} HTTP/1.1\r\n`, `x: ${MARK}\r\n`, null],
      'a payment and no end of its head': [`GET ${PATH} HTTP/1.1\r\nPAYMENT-SIGNATURE: e30=\r\n`, '', null],
    }),
    'a body, a byte at a time': [post('content-length: 60000\r\n'), 'a', 'body_too_slow'],
    'a body that never comes': [post('content-length: 2\r\n'), '', 'body_too_slow'],
    'chunks, one at a time': [inChunks(''), '1\r\na\r\n', 'body_too_slow'],
    'a chunk of 4 GiB': [inChunks('ffffffff\r\n'), 'a', 'body_too_slow'],
  };
  await harmless(w, async () => {
    const all = Promise.all(Object.entries(slow).map(async ([what, [first, piece, expected]]) => {
      const { answer, took } = await drip(first, piece);
      assert.ok(took > 9_000 && took < 13_000, `${what}: ${took} ms`);
      if (expected) assert.deepEqual([answer.status, code(answer)], [408, expected], what);
      else assert.equal(answer?.status ?? null, null, what);
    }));
    const served = async () => {
      const started = performance.now();
      const answer = await answers(w, get(), price);
      assert.ok(performance.now() - started < SOON);
      return answer;
    };
    for (let n = 0; n < 20; n += 1) await served();
    await all;
  });
});

w.test('a client asks as often as it may, and then is told when to ask again (inv. 8)', { needs }, async () => {
  const burst = 12;
  const other = await target.start({ ...w.configuration(), limits: { requests_per_second: 1, burst } }, await newWallet());
  try {
    const started = performance.now();
    const all = await Promise.all(Array.from({ length: 3 * burst }, () => fetch(`${other.url}${PATH}`)));
    const more = Math.ceil((performance.now() - started) / 1_000); // one flows back each second
    const late = all.filter(({ status }) => status === 429);
    const passed = all.length - late.length;
    // Its start has asked once whether it lives.
    assert.ok(passed >= burst - 1 && passed < burst + more, `${passed} of ${all.length} passed`);
    for (const answer of late) {
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
      await isProblem(answer, 429, 'too_many_requests');
    }
    assert.equal((await fetch(`${other.url}/health`)).status, 429, 'whether it is alive is a request too');
  } finally {
    await other.dispose();
  }
});

w.test('after all that an honest sale works', {}, async () => {
  await sells(w, w.url(PATH));
});
