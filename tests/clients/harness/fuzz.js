// Requests that are HTTP, and otherwise anything: they are built from the parts of honest requests, and damaged.

import { API_KEY } from './config.js';
import { damages, odd } from './damages.js';
import { minutes } from './manage.js';
import { MARK } from './strange.js';

/** The longest body that is read, in bytes. */
const MOST = 65_536;
/** Assets that are made, changed and deleted here. They are few, so that they do not accumulate. */
const MADE = Array.from({ length: 6 }, (_, n) => `made-${n}`);

const methods = ['GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'PURGE'];
const routes = [
  ...Array.from({ length: 5 }, () => ['GET', '/api/v1/access/:id']), ...Array.from({ length: 3 }, () => ['POST', '/api/v1/access/:id']),
  ['POST', '/api/v1/access/:id/extend'], ['POST', '/api/v1/access/:id/extend'],
  ['GET', '/api/v1/assets'], ['GET', '/api/v1/assets/:id'], ['GET', '/api/v1/assets/:id/status'],
  ['POST', '/api/v1/assets'], ['PATCH', '/api/v1/assets/:id'], ['DELETE', '/api/v1/assets/:id'], ['POST', '/api/v1/tick'], ['GET', '/api/v1/merchant/sessions'], ['GET', '/api/v1/merchant/owed'], ['POST', '/api/v1/merchant/owed/:id/o_00000000000000000000000000000000'],
  ['GET', '/api/v1/sessions/:session/status'], ['GET', '/api/v1/payers/:payer/sessions'],
  ['GET', '/health'], ['GET', '/ready'], ['GET', '/.well-known/jwks.json'],
];
const segments = [
  '', '.', '..', '%', '%zz', '%00', '%2f', '%2e%2e', '%ff%fe', '\xff\xfe', ';', ':', '*', '~', MARK, 'a'.repeat(300), 'lane-1', 'constructor', '__proto__',
];
const queries = [
  'quantity=1', 'quantity=2', 'quantity=0', 'quantity=-1', 'quantity=241', 'quantity=1.5', 'quantity=18446744073709551616', 'quantity=', 'quantity', 'quantity=1&quantity=2',
  'quantity=%31', 'quantity=%', 'quantity=\xff', `quantity=${MARK}`, 'limit=100', 'limit=101', 'limit=0', 'limit=-5', 'after=lane-1', 'after=%00', 'before=x', '&&&', '=', '%', 'a'.repeat(4_000), 'a=b&'.repeat(1_000),
];
const types = ['application/json', 'application/json; charset=utf-16', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', '', MARK, '\xe9'];

/** Replaces line ends, which are the only characters that may not be in a header. */
const inHeader = (text) => text.replace(/[\r\n\0]/g, '?');

/**
 * Generates endless requests by random numbers. `honest` holds what is damaged: `v2` and `v1`, payments of somebody
 * without money; `repeat`, the headers of a payment that has bought something; `token` of its session; `session`;
 * `payer`; and `proof`, a sign-in header of that payer. Each request is `{what, bytes, bodiless}`.
 */
export function* requests(random, host, honest) {
  const { below, pick, inBytes, inJson, payment } = damages(random);
  const one = (chance) => random() < chance;
  const text = (value) => inBytes(Buffer.from(value, 'latin1')).toString('latin1');
  const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64');

  const ids = [...Array(8).fill('lane-1'), ...Array(6).fill('lane-2'), ...MADE, 'nothing', 'Lane-1', 'a'.repeat(65)];
  const target = (route) => {
    const filled = route.replace(':id', () => pick(ids)).replace(':session', () => pick([honest.session, 'x', MARK])).replace(':payer', () => pick([honest.payer, 'x', MARK]));
    if (one(0.9)) return filled;
    const parts = filled.split('/');
    parts[1 + below(parts.length - 1)] = pick(segments);
    return one(0.2) ? parts.join('/').replace('/', '//') : parts.join('/');
  };

  const payments = () => pick([
    () => ['PAYMENT-SIGNATURE', payment(honest.v2)],
    () => ['X-PAYMENT', payment(honest.v1)],
    () => ['PAYMENT-SIGNATURE', base64(honest.v2)],
    () => ['X-PAYMENT', base64(honest.v1)],
    () => Object.entries(honest.repeat)[0],
    () => ['PAYMENT-SIGNATURE', base64({ ...honest.v2, accepted: { ...honest.v2.accepted, extra: { ...honest.v2.accepted.extra, ticket: text(honest.v2.accepted.extra.ticket) } } })],
    () => [pick(['PAYMENT-SIGNATURE', 'X-PAYMENT', 'payment-signature']), pick(['', ',', ', ,', MARK, '\xff\xfe', 'e30=', 'bnVsbA==', 'A'.repeat(1 + below(100_000)), base64(pick(odd))])],
  ])();
  const authorization = () => ['Authorization', pick([
    () => `Bearer ${honest.token}`,
    () => `Bearer ${text(honest.token)}`,
    () => `Bearer ${API_KEY}`,
    () => `Bearer ${text(API_KEY)}`,
    () => pick(['', 'Bearer', 'Bearer ', 'Basic Og==', MARK, `Bearer ${MARK}`, '\xff', `Bearer ${'a.'.repeat(4_000)}`]),
  ])()];
  const signIn = () => ['SIGN-IN-WITH-X', pick([
    () => honest.proof,
    () => text(honest.proof),
    () => base64(inJson(JSON.parse(Buffer.from(honest.proof, 'base64').toString('utf8')))),
    () => pick(['', MARK, 'bnVsbA==', base64(pick(odd)), 'A'.repeat(below(50_000))]),
  ])()];

  const content = () => {
    const asset = minutes(pick(MADE), { name: MARK });
    return pick([
      () => Buffer.from(JSON.stringify(asset)),
      () => Buffer.from(JSON.stringify(asset)),
      () => Buffer.from(JSON.stringify(inJson(asset))),
      () => Buffer.from(JSON.stringify({ price: '0.02', [pick(['name', 'unit', 'enabled', 'id', MARK])]: pick(odd) })),
      () => Buffer.from(JSON.stringify({ quantity: pick([1, 2, 0, -1, 1e30, 1.5, '1', ...odd]) })),
      () => inBytes(Buffer.from(JSON.stringify(asset))),
      () => Buffer.from(Array.from({ length: below(2_000) }, () => below(256))),
      () => Buffer.from(pick(['', '{', '[]', 'null', '"\\ud800"', '{"quantity":1}{', '{"a":'.repeat(5_000), '['.repeat(60_000), '1'.repeat(60_000), '\ufeff{}'])),
      () => Buffer.alloc(MOST - 2 + below(5), ' '),
      () => Buffer.alloc(pick([MOST * 2, MOST * 16]), 'x'),
    ])();
  };
  const chunked = (body) => {
    const parts = [];
    for (let at = 0; at < body.length;) {
      const size = Math.min(body.length - at, 1 + below(one(0.5) ? 100_000 : 500));
      parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'));
      at += size;
    }
    return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
  };

  for (;;) {
    const [usual, route] = pick(routes);
    const method = one(0.9) ? usual : pick(methods);
    const query = one(0.25) ? `?${pick(queries)}` : '';
    const headers = [['Host', host]];
    if (/access/.test(route) ? one(0.75) : one(0.1)) headers.push(payments());
    if (one(0.03)) headers.push(payments());
    // A change of an asset needs the key first.
    if (usual !== 'GET' && /assets/.test(route) && one(0.85)) headers.push(['Authorization', `Bearer ${API_KEY}`]);
    else if (one(0.3)) headers.push(authorization());
    if (one(0.2)) headers.push(signIn());
    if (one(0.2)) headers.push(['Content-Type', pick(types)]);
    if (one(0.05)) headers.push(['Coinop-Impatient', '1'], ['Content-Encoding', 'gzip'], ['X-Forwarded-For', MARK], ['Cookie', '='.repeat(below(8_000))]);
    let body = Buffer.alloc(0);
    if (!['GET', 'HEAD'].includes(method) ? one(0.85) : one(0.05)) {
      body = content();
      const inChunks = one(0.4);
      headers.push(inChunks ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', body.length]);
      if (inChunks) body = chunked(body);
    }
    const path = target(route);
    const lines = headers.map(([name, value]) => `${name}: ${inHeader(String(value))}\r\n`);
    const head = Buffer.from(`${method} ${path}${query} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
    yield { what: `${head.toString('latin1').slice(0, 3_000)}${body.toString('latin1').slice(0, 500)}`, bytes: Buffer.concat([head, body]), bodiless: method === 'HEAD' };
  }
}

/** Generates bytes that began as such requests. Most of them are no longer HTTP. */
export function* garbage(random, host, honest) {
  const { inBytes, pick } = damages(random);
  for (const { bytes } of requests(random, host, honest)) {
    const some = bytes.subarray(0, 3_000);
    yield pick([() => inBytes(some), () => inBytes(inBytes(some)), () => some.subarray(0, Math.floor(random() * some.length))])();
  }
}
