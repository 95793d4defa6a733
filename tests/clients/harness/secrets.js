// Makes what the gateway itself would have written, with its own secret. So a test can use something that expired long
// ago, or that was made for another purpose, without anything else wrong with it.

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { getAddressEncoder } from '@solana/kit';
import { NETWORK, TOKEN_PROGRAM } from './chain.js';
import { leb128 } from './guards.js';

const mac = (key, text) => createHmac('sha256', key).update(text).digest();
const derive = (secret, label) => mac(secret, `coinop/1/${label}`);

const [KEY_ID, CODE, NONCE, SESSION] = [4, 16, 12, 16];
const EXTENDS = 1;
/** Returns bytes after their length. */
const sized = (bytes) => Buffer.concat([leb128(bytes.length), bytes]);
const addressBytes = (address) => Buffer.from(getAddressEncoder().encode(address));

/** Reads the quote in a ticket. Its layout is that of `core/src/quote/ticket.rs`. */
export function quoteIn(ticket) {
  let rest = Buffer.from(ticket, 'base64url').subarray(1 + KEY_ID, -CODE);
  const take = (length) => {
    const taken = rest.subarray(0, length);
    rest = rest.subarray(length);
    return taken;
  };
  const number = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const [byte] = take(1);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  const session = take(1)[0] === EXTENDS ? `s_${take(SESSION).toString('hex')}` : null;
  const asset = take(take(1)[0]).toString();
  const [generation, quantity, seconds, amount, expiresAt] = [number(), number(), number(), number(), number()];
  return { session, asset, generation, quantity, seconds, amount, expiresAt, nonce: take(NONCE).toString('hex') };
}

/** Seals a quote as a ticket of this merchant and network, for the token, payee and fee payer of an offer. */
export function sealed(secret, quote, { asset: mint, payTo, extra: { feePayer } }, { merchant, network = NETWORK }) {
  const code = derive(secret, 'ticket');
  const { session, asset, generation, quantity, seconds, amount, expiresAt, nonce } = quote;
  const operation = session ? Buffer.concat([Buffer.from([EXTENDS]), Buffer.from(session.slice(2), 'hex')]) : Buffer.from([0]);
  const signed = Buffer.concat([
    Buffer.from([1]),
    mac(code, 'key id').subarray(0, KEY_ID),
    operation,
    sized(Buffer.from(asset)),
    ...[generation, quantity, seconds, amount, expiresAt].map(leb128),
    Buffer.from(nonce, 'hex'),
    ...[mint, feePayer].map((address) => addressBytes(address).subarray(0, 4)),
  ]);
  const names = ['svm-exact', merchant, network].map((name) => sized(Buffer.from(name)));
  const covered = [...names, ...[mint, TOKEN_PROGRAM, payTo, feePayer].map(addressBytes), Buffer.from([6])];
  return Buffer.concat([signed, mac(code, Buffer.concat([signed, ...covered])).subarray(0, CODE)]).toString('base64url');
}

/** Returns the sign-in challenge with other contents, as if the gateway had made it so. */
export function challenged(secret, { info }, change) {
  const { domain, uri, issuedAt, expirationTime, statement, requestId, ...rest } = { ...info, ...change };
  const fields = [domain, uri, issuedAt, expirationTime, statement, requestId];
  const nonce = mac(derive(secret, 'sign-in-with-x'), JSON.stringify(fields)).toString('hex').slice(0, 32);
  const made = { ...rest, domain, uri, issuedAt, expirationTime, statement, requestId, nonce };
  return { info: made, supportedChains: [{ chainId: NETWORK, type: 'ed25519' }] };
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // the bytes before an ed25519 seed
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Returns the signing key of a purpose, `session token` or `grant`, with its `kid`. */
export function signingKey(secret, purpose) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, derive(secret, purpose)]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
  return { key, kid };
}

/** Makes a JWS over claims. Fields of the header that should differ are given. */
export function jws({ key, kid }, { typ, claims, ...header }) {
  const signed = `${part({ alg: 'EdDSA', typ, kid, ...header })}.${part(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/** Splits a JWS into its three parts: header and claims as objects, and the signature. */
export function opened(token) {
  const [header, claims, signature] = token.split('.');
  const read = (text) => JSON.parse(Buffer.from(text, 'base64url'));
  return { header: read(header), claims: read(claims), signature };
}

/** Joins the parts of a JWS, which may not belong together. */
export const joined = ({ header, claims, signature }) => `${part(header)}.${part(claims)}.${signature}`;
