// Wallets in the browser, as the Wallet Standard finds them.

/** An account of a wallet. */
export interface Account {
  readonly address: string;
  readonly chains: readonly string[];
  readonly features: readonly string[];
}

/** A wallet, as far as the page uses it. */
export interface Wallet {
  readonly name: string;
  readonly icon: string;
  readonly chains: readonly string[];
  readonly features: Readonly<Record<string, unknown>>;
  readonly accounts: readonly Account[];
}

type Method<In, Out> = (input: In) => Promise<Out>;
type Signing = { account: Account; transaction: Uint8Array; chain: string };
type Message = { account: Account; message: Uint8Array };

const CONNECT = 'standard:connect';
const SIGN = 'solana:signTransaction';
const SIGN_MESSAGE = 'solana:signMessage';

/** Returns a method of a wallet's feature. */
function method<In, Out>(wallet: Wallet, feature: string, name: string): Method<In, Out> {
  const methods = wallet.features[feature] as Readonly<Record<string, Method<In, Out>>> | undefined;
  const found = methods?.[name];
  if (!methods || !found) throw new Error();
  return (input) => found.call(methods, input);
}

/** Returns whether a wallet can sign payments on a chain, and has a name that can be shown. */
function isFit(wallet: Wallet, chain: string): boolean {
  if (typeof wallet.icon !== 'string' || !/^\P{C}{1,40}$/u.test(wallet.name)) return false;
  return wallet.chains.includes(chain) && CONNECT in wallet.features && SIGN in wallet.features;
}

/** Finds wallets, now and later. `found` gets each of them once. */
export function discover(chain: string, found: (wallet: Wallet) => void): void {
  const seen = new Set<Wallet>();
  const register = (...wallets: readonly Wallet[]): (() => void) => {
    for (const wallet of wallets) {
      if (seen.has(wallet) || !isFit(wallet, chain)) continue;
      seen.add(wallet);
      found(wallet);
    }
    return () => undefined;
  };
  const api = Object.freeze({ register });
  window.addEventListener('wallet-standard:register-wallet', (event) => {
    const { detail } = event as CustomEvent<(given: typeof api) => void>;
    if (typeof detail === 'function') detail(api);
  });
  window.dispatchEvent(new CustomEvent('wallet-standard:app-ready', { detail: api }));
}

/** Connects a wallet, and returns the account that signs. */
export async function connect(wallet: Wallet, chain: string): Promise<Account> {
  const { accounts } = await method<object, { accounts: readonly Account[] }>(wallet, CONNECT, 'connect')({});
  const account = accounts.find((one) => one.chains.includes(chain)) ?? accounts[0];
  if (!account) throw new Error();
  return account;
}

/** Returns a transaction with the wallet's signature. */
export async function sign(wallet: Wallet, account: Account, transaction: Uint8Array, chain: string): Promise<Uint8Array> {
  const call = method<Signing, readonly { signedTransaction: Uint8Array }[]>(wallet, SIGN, 'signTransaction');
  const [output] = await call({ account, transaction, chain });
  if (!output?.signedTransaction) throw new Error();
  return output.signedTransaction;
}

/** Returns whether a wallet can sign a message, which signing in needs. */
export function canSignIn(wallet: Wallet): boolean {
  return SIGN_MESSAGE in wallet.features;
}

/** Returns the wallet's signature of a text. */
export async function signText(wallet: Wallet, account: Account, text: string): Promise<Uint8Array> {
  const call = method<Message, readonly { signature: Uint8Array }[]>(wallet, SIGN_MESSAGE, 'signMessage');
  const [output] = await call({ account, message: new TextEncoder().encode(text) });
  if (!output?.signature) throw new Error();
  return output.signature;
}

/** Returns whether a wallet's error means that its owner declined. */
export function isDeclined(error: unknown): boolean {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  return code === 4001 || /reject|declin|denied|cancel/i.test(`${String(name)} ${String(message)}`);
}
