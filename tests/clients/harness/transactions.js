// Transactions written by hand, as no honest client would make them.

import {
  AccountRole,
  appendTransactionMessageInstructions,
  compileTransaction,
  createTransactionMessage,
  getAddressEncoder,
  getBase64EncodedWireTransaction,
  getTransactionDecoder,
  partiallySignTransaction,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
} from '@solana/kit';
import { ASSOCIATED_TOKEN_PROGRAM, NETWORK_V1, TOKEN_PROGRAM, USDC, tokenAccount, usdcAccount } from './chain.js';
import { encode } from './wire.js';

export const SYSTEM_PROGRAM = '11111111111111111111111111111111';
export const COMPUTE_BUDGET = 'ComputeBudget111111111111111111111111111111';
export const MEMO = 'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr';
const LIGHTHOUSE = 'L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95';

const READS = AccountRole.READONLY;
const WRITES = AccountRole.WRITABLE;
const SIGNS = AccountRole.READONLY_SIGNER;
const SIGNS_AND_WRITES = AccountRole.WRITABLE_SIGNER;
const account = (address, role) => ({ address, role });
const u32 = (n) => Buffer.from(Uint32Array.of(n).buffer);
const u64 = (n) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const key = (address) => Buffer.from(getAddressEncoder().encode(address));
const instruction = (programAddress, accounts, ...data) => ({
  programAddress,
  accounts,
  data: Buffer.concat(data.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from([part])))),
});

/** Instructions, by what they do. */
export const does = {
  limit: (units = 20_000) => instruction(COMPUTE_BUDGET, [], 2, u32(units)),
  price: (microLamports = 1) => instruction(COMPUTE_BUDGET, [], 3, u64(microLamports)),
  heap: (bytes) => instruction(COMPUTE_BUDGET, [], 1, u32(bytes)),
  memo: (text, accounts = []) => instruction(MEMO, accounts.map((a) => account(a, SIGNS)), Buffer.from(text)),
  memoryWrite: (accounts) => instruction(LIGHTHOUSE, accounts.map((a) => account(a, READS)), 0),
  amountAtLeast: (of, amount) => instruction(LIGHTHOUSE, [account(of, READS)], 9, 4, 2, u64(amount), 4),

  transferChecked({ source, mint = USDC, destination, authority, amount, decimals = 6 }) {
    const accounts = [account(source, WRITES), account(mint, READS), account(destination, WRITES), account(authority, SIGNS)];
    return instruction(TOKEN_PROGRAM, accounts, 12, u64(amount), decimals);
  },
  transfer: ({ source, destination, authority, amount }) =>
    instruction(TOKEN_PROGRAM, [account(source, WRITES), account(destination, WRITES), account(authority, SIGNS)], 3, u64(amount)),
  approve: ({ source, delegate, owner, amount }) =>
    instruction(TOKEN_PROGRAM, [account(source, WRITES), account(delegate, READS), account(owner, SIGNS)], 4, u64(amount)),
  closeAccount: ({ of, destination, owner }) =>
    instruction(TOKEN_PROGRAM, [account(of, WRITES), account(destination, WRITES), account(owner, SIGNS)], 9),
  mintTo: ({ mint, to, authority, amount }) =>
    instruction(TOKEN_PROGRAM, [account(mint, WRITES), account(to, WRITES), account(authority, SIGNS)], 7, u64(amount)),
  initializeMint: ({ mint, authority, decimals = 6 }) =>
    instruction(TOKEN_PROGRAM, [account(mint, WRITES)], 20, decimals, key(authority), 0),
  initializeAccount: ({ address, mint = USDC, owner }) =>
    instruction(TOKEN_PROGRAM, [account(address, WRITES), account(mint, READS)], 18, key(owner)),
  /** Makes the associated account of `owner` at `payer`'s cost, if it does not exist. */
  async associatedAccount({ payer, owner, mint = USDC }) {
    const made = account(await tokenAccount(owner, mint), WRITES);
    const read = [owner, mint, SYSTEM_PROGRAM, TOKEN_PROGRAM].map((a) => account(a, READS));
    return instruction(ASSOCIATED_TOKEN_PROGRAM, [account(payer, SIGNS_AND_WRITES), made, ...read], 1);
  },

  sol: ({ from, to, lamports }) =>
    instruction(SYSTEM_PROGRAM, [account(from, SIGNS_AND_WRITES), account(to, WRITES)], u32(2), u64(lamports)),
  createAccount: ({ payer, address, space, lamports, owner = TOKEN_PROGRAM }) =>
    instruction(SYSTEM_PROGRAM, [account(payer, SIGNS_AND_WRITES), account(address, SIGNS_AND_WRITES)], u32(0), u64(lamports), u64(space), key(owner)),
};

/** Makes a transaction (base64) of these instructions, signed by these wallets only. `bend` may change the message. */
export async function transaction(w, { feePayer = w.feePayer, instructions, signers, blockhash, bend }) {
  let message = createTransactionMessage({ version: 0 });
  message = setTransactionMessageFeePayer(feePayer, message);
  message = setTransactionMessageLifetimeUsingBlockhash(blockhash ?? (await w.chain.blockhash()), message);
  const honest = compileTransaction(appendTransactionMessageInstructions(instructions, message));
  const compiled = bend ? { ...honest, messageBytes: bend(honest.messageBytes) } : honest;
  const keys = signers.map(({ signer }) => signer.keyPair);
  return getBase64EncodedWireTransaction(await partiallySignTransaction(keys, compiled));
}

/** Returns the same transaction with one more signature. */
export async function alsoSigned(text, { signer }) {
  const decoded = getTransactionDecoder().decode(Buffer.from(text, 'base64'));
  return getBase64EncodedWireTransaction(await partiallySignTransaction([signer.keyPair], decoded));
}

/** Returns the honest transfer for an offer. `bend` may change each part of it. */
export async function transferFor(offer, payer, bend = {}) {
  return {
    source: await usdcAccount(payer),
    mint: offer.asset,
    destination: await tokenAccount(offer.payTo, offer.asset),
    authority: payer,
    amount: offer.amount ?? offer.maxAmountRequired,
    ...bend,
  };
}

/** Returns the instructions of an honest payment for an offer. `memo` may be another memo, or null for none. */
export async function paying(offer, payer, { memo = offer.extra.memo, ...bend } = {}) {
  const transfer = does.transferChecked(await transferFor(offer, payer, bend));
  return [does.limit(), does.price(), transfer, ...(memo === null || memo === undefined ? [] : [does.memo(memo)])];
}

/** Returns a payment as request headers: v2 with what was accepted, v1 without it. */
export const asV2 = (accepted, text) => ({
  'PAYMENT-SIGNATURE': encode({ x402Version: 2, accepted, payload: { transaction: text } }),
});
export const asV1 = (text, network = NETWORK_V1) => ({
  'X-PAYMENT': encode({ x402Version: 1, scheme: 'exact', network, payload: { transaction: text } }),
});
