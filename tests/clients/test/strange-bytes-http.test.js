// Bytes that are hardly HTTP: requests, targets, headers and methods that no client sends.

import assert from 'node:assert/strict';
import { perMinute, simulated } from '../harness/config.js';
import { Raw } from '../harness/raw.js';
import { MARK, answers, harmless, ours, sells, table } from '../harness/strange.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug'; // the more is logged, the more could leak
const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 6, limits: { requests_per_second: 0 } });

const PATH = '/api/v1/access/lane-1';
const request = ({ method = 'GET', target = PATH, version = 'HTTP/1.1', headers = '', host = 'host: x\r\n' } = {}) =>
  `${method} ${target} ${version}\r\n${host}${headers}\r\n`;
const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const price = [402];
const none = [400, null]; // not HTTP: a bare 400, and the connection ends
const problem = (status, code) => [status, code];
const notFound = problem(404, 'not_found');

/** Declares a test of a table of bytes: nothing moves, and the gateway sells afterwards. */
function strange(name, rows, options = {}) {
  w.test(name, options, async () => {
    await harmless(w, () => table(w, rows));
  });
}
const needs = ['server'];

strange('what is no request is answered with a bare 400 and the end of the connection (inv. 8)', {
  'a word': [`${MARK}\r\n\r\n`, none],
  'a TLS handshake': [bytes([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], MARK), none],
  'HTTP/2 at once': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', null],
  'zeros': [bytes([0, 0, 0, 0]), none],
  'bytes that are no text': [bytes([0xff, 0xfe, 0x80], '\r\n\r\n'), none],
  'no version': [`GET ${PATH}\r\n\r\n`, none],
  'HTTP/0.9': [request({ version: 'HTTP/0.9' }), none],
  'HTTP/1.2': [request({ version: 'HTTP/1.2' }), none],
  'HTTP/3.0': [request({ version: 'HTTP/3.0' }), none],
  'a version in small letters': [request({ version: 'http/1.1' }), none],
  'two spaces': [`GET  ${PATH} HTTP/1.1\r\nhost: x\r\n\r\n`, none],
  'tabs': [`GET\t${PATH}\tHTTP/1.1\r\nhost: x\r\n\r\n`, none],
  'no target': ['GET  HTTP/1.1\r\nhost: x\r\n\r\n', none],
  'no method': [` ${PATH} HTTP/1.1\r\nhost: x\r\n\r\n`, none],
  'a method that is no word': [request({ method: 'G(T' }), none],
  'a method with an escape in it': [request({ method: '\x1b[31m' }), none],
}, { needs });

strange('old and lax HTTP gets the price like any other (inv. 8)', {
  ...ours({
    'HTTP/1.0': [request({ version: 'HTTP/1.0', host: '' }), price],
    'no host': [request({ host: '' }), price],
    'two hosts': [request({ headers: `host: ${MARK}\r\n` }), price],
  }),
  'HTTP/1.0 that stays': [request({ version: 'HTTP/1.0', headers: 'connection: keep-alive\r\n' }), price],
  'lines without a carriage return': [`GET ${PATH} HTTP/1.1\nhost: x\n\n`, price],
  'an upgrade that nobody offers': [request({ headers: 'connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAAA\r\n' }), price],
  'an expectation that nobody has': [request({ headers: 'expect: tea\r\n' }), price],
});

strange('a target that is no path, or a path of nothing, is refused (inv. 8)', {
  ...ours({
    'an asterisk': [request({ target: '*' }), problem(400, 'malformed_target')],
    'OPTIONS *': [request({ method: 'OPTIONS', target: '*' }), problem(400, 'malformed_target')],
    'CONNECT': [request({ method: 'CONNECT', target: `${MARK}.example:443` }), problem(400, 'malformed_target')],
    'a host and port': [request({ target: 'evil.example:80' }), problem(400, 'malformed_target')],
    'a file': [request({ target: 'file:///etc/passwd' }), none],
    'a path without its slash': [request({ target: PATH.slice(1) }), none],
    'a zero byte': [bytes('GET /api/v1/access/attempt', [0], '-1 HTTP/1.1\r\nhost: x\r\n\r\n'), none],
    'an escape': [request({ target: '/\x1b[31m' }), none],
    'a space': [request({ target: '/api/v1/access/lane 1' }), none],
    'angle brackets': [request({ target: '/api/v1/access/<lane-1>' }), none],
    'bytes that are no text': [bytes('GET /api/v1/access/', [0xff, 0xfe], ' HTTP/1.1\r\nhost: x\r\n\r\n'), none],
    'dots': [request({ target: '/api/v1/access/../access/lane-1' }), notFound],
    'dots in percent signs': [request({ target: '/api/v1/access/%2e%2e/access/lane-1' }), notFound],
    'a backslash': [request({ target: '/api\\v1\\access\\lane-1' }), notFound],
  }),
  'text that is not ASCII': [bytes('GET /api/v1/access/', Buffer.from('tür'), ' HTTP/1.1\r\nhost: x\r\n\r\n'), notFound],
  'the same in percent signs': [request({ target: '/api/v1/access/t%C3%BCr' }), notFound],
  'a zero byte in percent signs': [request({ target: `${PATH}%00` }), notFound],
  'broken percent signs': [request({ target: `${PATH}%f%%zz` }), notFound],
  'the asset in percent signs': [request({ target: '/api/v1/access/%6cane-1' }), notFound],
  'a slash in percent signs': [request({ target: '/api/v1/access%2flane-1' }), notFound],
  'two slashes before it': [request({ target: `/${PATH}` }), notFound],
  'two slashes in it': [request({ target: '/api//v1/access/lane-1' }), notFound],
  'quotation marks': [request({ target: '/api/v1/access/"lane-1"' }), notFound],
  'a slash behind it': [request({ target: `${PATH}/` }), notFound],
  'a semicolon': [request({ target: `${PATH};x=1` }), notFound],
  'capitals': [request({ target: '/API/V1/ACCESS/LANE-1' }), notFound],
  'an id of 65 letters': [request({ target: `/api/v1/access/${'a'.repeat(65)}` }), notFound],
  'a key of the database': [request({ target: "/api/v1/access/lane-1'--" }), notFound],
  'a payer that is no address': [request({ target: `/api/v1/payers/${MARK}/sessions` }), notFound],
});

strange('an absolute target is read as its path, whatever host it names (inv. 9)', {
  'http': [request({ target: `http://${MARK}.example${PATH}` }), price],
  'https with a port': [request({ target: `https://${MARK}.example:99${PATH}?quantity=2` }), price],
  'with a name and a password': [request({ target: `http://u:p@${MARK}.example${PATH}` }), price],
  'with a fragment': [request({ target: `${PATH}#${MARK}` }), price],
  'of nothing': [request({ target: `http://${MARK}.example/nothing` }), notFound],
}, { needs });

strange('a header that is none is answered with a bare 400 (inv. 8)', {
  'a control byte in a value': [request({ headers: `x: ${MARK}\x01\r\n` }), none],
  'a zero byte in a value': [request({ headers: `x: ${MARK}\0\r\n` }), none],
  'a carriage return in a value': [request({ headers: `x: a\r${MARK}\r\n` }), none],
  'a line end in a value': [request({ headers: 'x: a\nb\r\n' }), none],
  'an escape in a value': [request({ headers: 'x: \x1b[31m\r\n' }), none],
  'the last control byte in a value': [request({ headers: 'x: \x7f\r\n' }), none],
  'a control byte in the payment': [request({ headers: 'PAYMENT-SIGNATURE: e30\x01=\r\n' }), none],
  'a folded value': [request({ headers: `x: a\r\n ${MARK}\r\n` }), none],
  'a space in a name': [request({ headers: 'x y: 1\r\n' }), none],
  'a space behind a name': [request({ headers: 'PAYMENT-SIGNATURE : e30=\r\n' }), none],
  'no name': [request({ headers: ': 1\r\n' }), none],
  'no colon': [request({ headers: `${MARK}\r\n` }), none],
  'a name that is not ASCII': [bytes('GET / HTTP/1.1\r\nhost: x\r\n', [0xfc], ': 1\r\n\r\n'), none],
}, { needs });

const latin = bytes([0xff, 0xfe, 0xc3, 0x28]);
const withBytes = (name, target = PATH) => bytes(`GET ${target} HTTP/1.1\r\nhost: x\r\n${name}: `, latin, '\r\n\r\n');
strange('a header value that is no ASCII is no payment, no token and no proof, and is not taken for missing (inv. 8, 9)', {
  'any header': [withBytes('x'), price],
  'a payment, v2': [withBytes('PAYMENT-SIGNATURE'), problem(400, 'invalid_payload')],
  'a payment, v1': [withBytes('X-PAYMENT'), problem(400, 'invalid_payload')],
  'a proof': [withBytes('SIGN-IN-WITH-X'), problem(401, 'sign_in_required')],
  'a token': [withBytes('Authorization', `${PATH}/extend`), problem(401, 'session_token_required')],
});

const by = (...methods) =>
  Object.fromEntries(methods.map((method) => [method.slice(0, 20), [request({ method }), problem(405, 'method_not_allowed')]]));
strange('a method that is not sold by is 405 (inv. 8)', {
  ...by('PUT', 'DELETE', 'PATCH', 'TRACE'),
  ...ours(by('BREW', 'get', 'Post', 'A'.repeat(9_000), '!#$%&*+.^_`|~')),
});

w.test('OPTIONS is 204 where there is something, and does nothing (inv. 8)', {}, async () => {
  await harmless(w, async () => {
    const raw = await Raw.open(w.gateway);
    try {
      raw.write(request({ method: 'OPTIONS' }));
      const { status, body } = await raw.answer({ bodiless: true });
      assert.deepEqual([status, body], [204, '']);
    } finally {
      raw.destroy();
    }
    await answers(w, request({ method: 'OPTIONS', target: '/api/v1/nothing' }), notFound);
  });
});

w.test('HEAD is 405 and has no body (inv. 8)', {}, async () => {
  await harmless(w, () => answers(w, request({ method: 'HEAD' }), problem(405, 'method_not_allowed'), { bodiless: true }));
});

w.test('after all that an honest sale works', {}, async () => {
  await sells(w, w.url(PATH));
});
