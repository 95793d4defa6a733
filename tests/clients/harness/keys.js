// Throwaway Solana keys.

import { createPrivateKey, randomBytes } from 'node:crypto';
import { createKeyPairSignerFromBytes } from '@solana/kit';

/** How an ed25519 key of 32 bytes begins in PKCS #8. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The wallet of these 32 bytes: `secret` is Solana's usual 64, `signer` what the client libraries take. */
export async function walletOf(bytes) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: 'der', type: 'pkcs8' });
  const { d, x } = key.export({ format: 'jwk' });
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  const signer = await createKeyPairSignerFromBytes(secret);
  return { address: signer.address, signer, secret };
}

export const newWallet = () => walletOf(randomBytes(32));

export const newWallets = (count) => Promise.all(Array.from({ length: count }, newWallet));
