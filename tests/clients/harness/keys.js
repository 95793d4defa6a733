// Throwaway Solana keys.

import { generateKeyPairSync } from 'node:crypto';
import { createKeyPairSignerFromBytes } from '@solana/kit';

/** A wallet: `secret` is Solana's usual 64 bytes, `signer` what the client libraries take. */
export async function newWallet() {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  const signer = await createKeyPairSignerFromBytes(secret);
  return { address: signer.address, signer, secret };
}

export const newWallets = (count) => Promise.all(Array.from({ length: count }, newWallet));
