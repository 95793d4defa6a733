import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { challengeOf, messageOf, proofOf } = await load('signin');
const { base64ToJson, fromBase64, jsonToBase64, toBase58, toBase64 } = await load('base');

const info = {
  domain: '127.0.0.1:8402',
  uri: 'http://127.0.0.1:8402/api/v1/access/door-1',
  version: '1',
  nonce: 'ab'.repeat(16),
  issuedAt: '1970-01-01T00:16:40.000Z',
  expirationTime: '1970-01-01T00:21:40.000Z',
  statement: 'Sign in to see the sessions that this wallet has paid for.',
  requestId: '05'.repeat(16),
};
const chain = { chainId: 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1', type: 'ed25519', signatureScheme: 'siws' };
const header = jsonToBase64({ x402Version: 2, extensions: { 'sign-in-with-x': { info, supportedChains: [chain] } } });

test('the message is the one that the gateway checks', () => {
  const text = messageOf(challengeOf(header), 'Address111');
  assert.equal(
    text,
    [
      '127.0.0.1:8402 wants you to sign in with your Solana account:',
      'Address111',
      '',
      info.statement,
      '',
      `URI: ${info.uri}`,
      'Version: 1',
      'Chain ID: EtWTRABZaYq6iMfeYKouRu166VU2xqa1',
      `Nonce: ${info.nonce}`,
      `Issued At: ${info.issuedAt}`,
      `Expiration Time: ${info.expirationTime}`,
      `Request ID: ${info.requestId}`,
    ].join('\n'),
  );
});

test('the proof has all of the challenge, the address and the signature in base58', () => {
  const proof = base64ToJson(proofOf(challengeOf(header), 'Address111', new Uint8Array(64).fill(1)));
  const { signature, ...rest } = proof;
  assert.deepEqual(rest, { ...info, address: 'Address111', chainId: chain.chainId, type: 'ed25519' });
  assert.match(signature, /^[1-9A-HJ-NP-Za-km-z]{80,88}$/);
});

test('what is no challenge gives none', () => {
  for (const text of [null, '', '%%%', btoa('null'), btoa('{}'), jsonToBase64({ extensions: { 'sign-in-with-x': {} } })]) {
    assert.equal(challengeOf(text), null);
  }
});

test('base58 is what Solana writes', () => {
  assert.equal(toBase58(new Uint8Array(32)), '1'.repeat(32));
  assert.equal(toBase58(new Uint8Array([0, 0, 1])), '112');
  assert.equal(toBase58(new TextEncoder().encode('Hello World!')), '2NEpo7TZRRrLZSi2U');
});

test('base64 carries every byte and every letter', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.deepEqual(base64ToJson(jsonToBase64({ name: 'Tür ☂' })), { name: 'Tür ☂' });
});
