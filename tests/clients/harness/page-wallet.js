// A wallet in the browser, as the Wallet Standard has it. The page sees only the standard; what the wallet does is
// decided here, outside of the browser, where its key is.

import { getCompiledTransactionMessageDecoder, getCompiledTransactionMessageEncoder, getTransactionDecoder, getTransactionEncoder, partiallySignTransaction, signBytes } from '@solana/kit';
import { styles, wallet as styled } from './wallets.js';

const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));
const base64 = (octets) => Buffer.from(octets).toString('base64');

/** Signs a transaction as a wallet does that changes nothing. */
async function honest(it, transaction) {
  const decoded = getTransactionDecoder().decode(transaction);
  return getTransactionEncoder().encode(await partiallySignTransaction([it.buyer.signer.keyPair], decoded));
}

/** Adds a wallet's guards before it signs. */
const guarding = (style) => async (it, transaction) => {
  const { signer } = styled(it.world, style, it.buyer);
  const [signed] = await signer.modifyAndSignTransactions([getTransactionDecoder().decode(transaction)]);
  return getTransactionEncoder().encode(signed);
};

/** What a wallet does when it is asked to sign a transaction. */
export const manners = {
  honest,
  /** As Phantom: it adds assertions. */
  phantom: guarding(styles.phantom),
  /** The person declines. */
  async declines() {
    throw new Error('User rejected the request.');
  },
  /** The person does nothing, until `it.wake()`. */
  async hangs(it, transaction) {
    await new Promise((resolve) => {
      it.wake = resolve;
    });
    return honest(it, transaction);
  },
  /** It signs another transaction: one that pays another amount. */
  async otherBytes(it, transaction) {
    const decoded = getTransactionDecoder().decode(transaction);
    const message = getCompiledTransactionMessageDecoder().decode(decoded.messageBytes);
    const transfer = message.instructions.find(({ data }) => data?.[0] === 12);
    const data = Uint8Array.from(transfer.data);
    data[1] ^= 1;
    const instructions = message.instructions.map((one) => (one === transfer ? { ...one, data } : one));
    const messageBytes = getCompiledTransactionMessageEncoder().encode({ ...message, instructions });
    return honest(it, getTransactionEncoder().encode({ ...decoded, messageBytes }));
  },
  /** It returns what is no transaction at all. */
  async nonsense() {
    return new Uint8Array([1, 2, 3]);
  },
};

export class Wallet {
  /** Puts a buyer's wallet into a page, before the page is opened. */
  static async inject(page, world, buyer, name) {
    const it = new Wallet();
    Object.assign(it, { world, buyer, name, manner: manners.honest, signed: 0, wake: () => undefined });
    const id = `wallet_${name.replace(/\W/g, '_')}`;
    await page.exposeFunction(`${id}_sign`, async (transaction) => {
      try {
        const signed = await it.manner(it, bytes(transaction));
        it.signed += 1;
        return { signed: base64(signed) };
      } catch (error) {
        return { refused: error.message };
      }
    });
    await page.exposeFunction(`${id}_message`, async (message) => {
      return base64(await signBytes(buyer.signer.keyPair.privateKey, bytes(message)));
    });
    const key = base64(Buffer.from(buyer.secret).subarray(32));
    await page.addInitScript((told) => (globalThis.walletsOfTest ??= []).push(told), { id, name, address: buyer.address, key });
    return it;
  }
}

/** Runs in the page, after the wallets were told: registers them. */
export function installed() {
  const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const encode = (octets) => btoa(String.fromCharCode(...octets));
  const picture =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><rect width="28" height="28" rx="7" fill="#5b4bd6"/>' +
    '<rect x="6" y="9" width="16" height="12" rx="2" fill="#fff"/><circle cx="18" cy="15" r="2" fill="#5b4bd6"/></svg>';
  for (const { id, name, address, key } of globalThis.walletsOfTest ?? []) {
    const chains = ['solana:devnet'];
    const account = { address, publicKey: decode(key), chains, features: ['solana:signTransaction', 'solana:signMessage'] };
    const sign = async ({ transaction }) => {
      const { signed, refused } = await globalThis[`${id}_sign`](encode(transaction));
      if (refused) throw new Error(refused);
      return { signedTransaction: decode(signed) };
    };
    const wallet = {
      version: '1.0.0',
      name,
      icon: `data:image/svg+xml;base64,${btoa(picture)}`,
      chains,
      accounts: [account],
      features: {
        'standard:connect': { version: '1.0.0', connect: async () => ({ accounts: [account] }) },
        'standard:events': { version: '1.0.0', on: () => () => undefined },
        'solana:signTransaction': {
          version: '1.0.0',
          supportedTransactionVersions: ['legacy', 0],
          signTransaction: (...inputs) => Promise.all(inputs.map(sign)),
        },
        'solana:signMessage': {
          version: '1.0.0',
          signMessage: (...inputs) =>
            Promise.all(
              inputs.map(async ({ message }) => ({
                signedMessage: message,
                signature: decode(await globalThis[`${id}_message`](encode(message))),
              })),
            ),
        },
      },
    };
    const register = (api) => api.register(wallet);
    window.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: register }));
    window.addEventListener('wallet-standard:app-ready', ({ detail }) => register(detail));
  }
}
