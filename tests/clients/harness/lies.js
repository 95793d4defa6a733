// Ways in which an RPC gives an untrue or an unreadable answer. Each gets a call from the relay: `pass` carries it out,
// and `http` is the exchange itself.

import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { getAddressEncoder } from '@solana/kit';
import { TOKEN_PROGRAM, USDC } from './chain.js';

/** A word in the RPC's own texts that must not reach a buyer. */
export const WHISPER = 'whispered-by-the-rpc';

const JSON_TYPE = { 'content-type': 'application/json' };
const HTML = `<html><body><h1>${WHISPER}</h1></body></html>`;

/** Gives this answer of the RPC to any call. */
const says = (status, body, headers = {}) => async (_, { response }) => {
  response.writeHead(status, { 'x-node': WHISPER, ...headers }).end(body);
};

/** Gives the true answer with its text changed. */
const rewritten = (change) => async (pass, { response }) => {
  response.writeHead(200, JSON_TYPE).end(change(await pass()));
};

/** Gives the true answer with its JSON changed. */
export const changed = (change) => async (pass) => {
  const answer = JSON.parse(await pass());
  change(answer);
  return JSON.stringify(answer);
};

/** Gives a simulation that passes and leaves the payer plenty. */
export const passes = async (_, { call, attempt }) => {
  const data = Buffer.alloc(165);
  data.set(getAddressEncoder().encode(USDC), 0);
  data.set(getAddressEncoder().encode(attempt.buyer.address), 32);
  data.writeBigUInt64LE(5_000_000n, 64);
  data[108] = 1; // in use
  const account = { data: [data.toString('base64'), 'base64'], owner: TOKEN_PROGRAM, lamports: 2_039_280 };
  const value = { err: null, logs: [], unitsConsumed: 1, accounts: [account] };
  return JSON.stringify({ jsonrpc: '2.0', id: call.id, result: { context: { slot: 5_000 }, value } });
};

/** Gives this result without doing anything. `value` may be a function of the exchange. */
export const result = (value) => async (_, http) => {
  const result = typeof value === 'function' ? await value(http) : value;
  return JSON.stringify({ jsonrpc: '2.0', id: http.call.id, result });
};

/** Gives this error. The call is carried out only if `done`. */
export const error = (code, { done = false } = {}) => async (pass, { call }) => {
  if (done) await pass();
  const message = `${WHISPER}: blockhash not found, sign again`;
  return JSON.stringify({ jsonrpc: '2.0', id: call.id, error: { code, message, data: { logs: [WHISPER] } } });
};

/** Gives the answer to another call. `change` says which. */
export const answerTo = (change) => async (_, http) => {
  const body = JSON.stringify({ ...http.call, ...change(http) });
  return (await fetch(http.upstream, { method: 'POST', headers: JSON_TYPE, body })).text();
};

const honest = (pass) => pass();

/** Tells one lie after the other, and then the truth. `lies` is their number. */
export const inTurn = (...lies) =>
  Object.assign((pass, http, nth) => (lies[nth] ?? honest)(pass, http, nth), { lies: lies.length });

/** Tells one lie after the other, round and round. */
export const byTurns = (...lies) => (pass, http, nth) => lies[nth % lies.length](pass, http, nth);

/** Tells the same lie a number of times, and then the truth. */
export const times = (count, lie) => inTurn(...Array(count).fill(lie));

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Sends the head of an answer and this much of its body. Other functions decide how it goes on. */
const begun = (body, length) => async (_, { response }) => {
  response.writeHead(200, { ...JSON_TYPE, 'content-length': length });
  response.flushHeaders();
  if (body) await new Promise((resolve) => response.write(body, resolve));
};

const thenCut = (lie) => async (pass, http) => {
  await lie(pass, http);
  await later(20); // what was written must arrive
  http.request.socket.destroy();
};

const aByteASecond = async (pass, { response }) => {
  const answer = await pass();
  response.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(answer) });
  for (const byte of answer) {
    if (response.destroyed) return;
    response.write(byte);
    await later(1_000);
  }
};

const endless = async (_, { response }) => {
  const spaces = Buffer.alloc(1 << 16, ' ');
  const source = Readable.from((function* () { for (;;) yield spaces; })());
  response.writeHead(200, JSON_TYPE);
  response.once('close', () => source.destroy());
  source.pipe(response);
};

/** Never gives an answer. */
export const silence = async () => undefined;

/** Gives the true answer late. */
export const slowly = (ms) => async (pass) => (await later(ms), pass());

/** Answers that tell nothing, to any call: too late, incomplete, or meaningless. */
export const unreadable = {
  'it never answers': silence,
  'it answers a byte a second': aByteASecond,
  'it answers when nobody waits any more': slowly(7_000),
  'the connection is cut before the answer': async () => null,
  'the connection is cut after the head': thenCut(begun('', 500)),
  'the connection is cut within the body': thenCut(begun('{"jsonrpc":"2.0","id":1,"resu', 500)),
  'the body stops half-way, and nothing is closed': begun('{"jsonrpc":"2.0",', 500),
  'a page of HTML with 200': says(200, HTML, { 'content-type': 'text/html' }),
  'a page of HTML with 502': says(502, HTML, { 'content-type': 'text/html' }),
  '429 with Retry-After': says(429, HTML, { 'retry-after': '3600' }),
  '503 with Retry-After': says(503, '', { 'retry-after': '3600' }),
  '401 with words of its own': says(401, JSON.stringify({ error: WHISPER })),
  'a true result with status 500': async (pass, { response }) => void response.writeHead(500, JSON_TYPE).end(await pass()),
  'a redirect to a node that tells the truth': (_, http) => says(307, '', { location: http.upstream })(_, http),
  'a redirect to itself': says(302, '', { location: '/' }),
  'no content (204)': says(204),
  'an empty body': says(200, ''),
  'JSON that ends early': rewritten((text) => text.slice(0, -9)),
  'JSON with something behind it': rewritten((text) => `${text}${text}`),
  'JSON with a byte-order mark': rewritten((text) => `\ufeff${text}`),
  'text that is not UTF-8': rewritten((text) =>
    Buffer.concat([Buffer.from('{"note":"'), Buffer.from([0xff, 0xfe]), Buffer.from(`",${text.slice(1)}`)])),
  'a body of 10 MB': rewritten((text) => text + ' '.repeat(10 << 20)),
  'a body without an end': endless,
  'a head of 1 MB': async (_, { request }) => void request.socket.write(`HTTP/1.1 200 OK\r\n${`x-${WHISPER}: x\r\n`.repeat(40_000)}`),
  'something that is not HTTP': async (_, { request }) => void request.socket.end(`SSH-2.0-${WHISPER}\r\n`),
  'JSON nested 100,000 deep': says(200, `{"jsonrpc":"2.0","id":1,"result":${'['.repeat(100_000)}`),
  'a batch of answers': rewritten((text) => `[${text}]`),
  'an error without a code': says(200, JSON.stringify({ jsonrpc: '2.0', id: 1, error: WHISPER })),
  'an error beside the true result': changed((answer) => (answer.error = { code: -32005, message: WHISPER })),
  'neither a result nor an error': changed((answer) => delete answer.result),
};

/** Answers that some HTTP clients can read and others cannot. */
export const packed = {
  'a body that is packed, unasked': async (pass, { response }) =>
    void response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(gzipSync(await pass())),
};

/** Odd answers that can be read nevertheless. */
export const readable = {
  'the connection is cut after the body': async (pass, { request, response }) => {
    const answer = await pass();
    response.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(answer) });
    response.end(answer, () => request.socket.destroy()); // at once, because later it might carry the next call
  },
  'each call takes a second': slowly(1_000),
  'the body comes in pieces': async (pass, { response }) => {
    const answer = await pass();
    response.writeHead(200, JSON_TYPE);
    // Few pieces, because each may take a while beside all the other lies, and the call is given up after five seconds.
    const size = Math.ceil(answer.length / 5);
    for (let at = 0; at < answer.length; at += size) {
      response.write(answer.slice(at, at + size));
      await later(5);
    }
    response.end();
  },
  'it is said to be HTML': async (pass, { response }) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end(await pass()),
  'spaces around it, and members that nobody knows': async (pass) =>
    JSON.stringify({ ...JSON.parse(await pass()), error: null, warning: WHISPER }, null, 8),
  'another id': changed((answer) => (answer.id = 77)),
  'no id': changed((answer) => delete answer.id),
};
