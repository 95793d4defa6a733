// Solana keys for tests.

import { createPrivateKey, randomBytes } from 'node:crypto';
import { createKeyPairSignerFromBytes } from '@solana/kit';

/** The start of an ed25519 key of 32 bytes in PKCS #8. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Returns the wallet of these 32 bytes. `secret` is Solana's usual 64 bytes, and `signer` is for the client libraries.
 */
export async function walletOf(bytes) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: 'der', type: 'pkcs8' });
  const { d, x } = key.export({ format: 'jwk' });
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  const signer = await createKeyPairSignerFromBytes(secret);
  return { address: signer.address, signer, secret };
}

export const newWallet = () => walletOf(randomBytes(32));

export const newWallets = (count) => Promise.all(Array.from({ length: count }, newWallet));
