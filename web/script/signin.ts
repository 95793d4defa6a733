// Signing in with the wallet that has paid: the x402 extension `sign-in-with-x`, in the form of Sign-In With Solana.

import { base64ToJson, jsonToBase64, toBase58 } from './base';
import { members } from './classify';

/** A challenge of the gateway. */
export interface Challenge {
  readonly info: Readonly<Record<string, string>>;
  readonly chainId: string;
  readonly type: string;
}

/** Returns the challenge in a `PAYMENT-REQUIRED` header, or null. */
export function challengeOf(header: string | null): Challenge | null {
  try {
    const extension = members(members(members(base64ToJson(header ?? '')).extensions)['sign-in-with-x']);
    const chains = Array.isArray(extension.supportedChains) ? extension.supportedChains : [];
    const { chainId, type } = members(chains[0]);
    if (typeof chainId !== 'string' || typeof type !== 'string') return null;
    return { info: members(extension.info) as Record<string, string>, chainId, type };
  } catch {
    return null;
  }
}

/** Returns the text that a wallet signs. */
export function messageOf({ info, chainId }: Challenge, address: string): string {
  const lines = [
    `${info.domain} wants you to sign in with your Solana account:`,
    address,
    '',
    info.statement,
    '',
    `URI: ${info.uri}`,
    `Version: ${info.version}`,
    `Chain ID: ${chainId.slice(chainId.lastIndexOf(':') + 1)}`,
    `Nonce: ${info.nonce}`,
    `Issued At: ${info.issuedAt}`,
    `Expiration Time: ${info.expirationTime}`,
    `Request ID: ${info.requestId}`,
  ];
  return lines.join('\n');
}

/** Returns the `SIGN-IN-WITH-X` header that proves an address. */
export function proofOf({ info, chainId, type }: Challenge, address: string, signature: Uint8Array): string {
  return jsonToBase64({ ...info, address, chainId, type, signature: toBase58(signature) });
}
