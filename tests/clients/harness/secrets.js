// What the gateway itself would have written, made with its own secret: so that a test can hold what
// is long past, or what was made for something else, and nothing but that one thing is wrong with it.

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { NETWORK } from './chain.js';

const mac = (key, text) => createHmac('sha256', key).update(text).digest();
const derive = (secret, label) => mac(secret, `coinop/1/${label}`);

/** The quote in a ticket. */
export const quoteIn = (ticket) => JSON.parse(Buffer.from(ticket.split('.')[1], 'base64url'));

/** A quote as a ticket. */
export function sealed(secret, quote) {
  const key = derive(secret, 'ticket');
  const body = Buffer.from(JSON.stringify(quote)).toString('base64url');
  const signed = `${mac(key, 'key id').subarray(0, 4).toString('base64url')}.${body}`;
  return `${signed}.${mac(key, signed).subarray(0, 16).toString('base64url')}`;
}

/** The memo that binds a payment to a ticket. */
export const memoOf = (ticket) => `q${createHash('sha256').update(ticket).digest('hex').slice(0, 32)}`;

/** The sign-in challenge with other contents, as if it had been made so. */
export function challenged(secret, { info }, change) {
  const { domain, uri, issuedAt, expirationTime, statement, requestId, ...rest } = { ...info, ...change };
  const fields = [domain, uri, issuedAt, expirationTime, statement, requestId];
  const nonce = mac(derive(secret, 'sign-in-with-x'), JSON.stringify(fields)).toString('hex').slice(0, 32);
  const made = { ...rest, domain, uri, issuedAt, expirationTime, statement, requestId, nonce };
  return { info: made, supportedChains: [{ chainId: NETWORK, type: 'ed25519' }] };
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // what stands before an ed25519 seed
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** The signing key of a purpose, `session token` or `grant`, with its `kid`. */
export function signingKey(secret, purpose) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, derive(secret, purpose)]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
  return { key, kid };
}

/** A JWS over claims. Whatever of the header is to differ is given. */
export function jws({ key, kid }, { typ, claims, ...header }) {
  const signed = `${part({ alg: 'EdDSA', typ, kid, ...header })}.${part(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/** The three parts of a JWS: header and claims as objects, and the signature. */
export function opened(token) {
  const [header, claims, signature] = token.split('.');
  const read = (text) => JSON.parse(Buffer.from(text, 'base64url'));
  return { header: read(header), claims: read(claims), signature };
}

/** A JWS put together again, with parts that may not belong together. */
export const joined = ({ header, claims, signature }) => `${part(header)}.${part(claims)}.${signature}`;
