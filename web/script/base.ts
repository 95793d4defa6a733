// Base64 and base58.

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Returns standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Returns the bytes of standard base64. Throws if it is none. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Returns a value as base64 of its JSON in UTF-8. */
export function jsonToBase64(value: unknown): string {
  return toBase64(new TextEncoder().encode(JSON.stringify(value)));
}

/** Returns the value of base64 of JSON in UTF-8. Throws if it is none. */
export function base64ToJson(text: string): unknown {
  return JSON.parse(new TextDecoder().decode(fromBase64(text)));
}

/** Returns base58 as Bitcoin writes it. */
export function toBase58(bytes: Uint8Array): string {
  let text = '';
  let number = 0n;
  for (const byte of bytes) number = number * 256n + BigInt(byte);
  for (; number > 0n; number /= 58n) text = ALPHABET.charAt(Number(number % 58n)) + text;
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = `1${text}`;
  }
  return text;
}

/** Returns what a text says as JSON; null if it says nothing. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
