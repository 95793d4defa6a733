// Wallets that change a transaction before they sign it: they add guards, as Phantom and Solflare do.
//
// A style decides which guards. It gets what the wallet sees and returns the guards `before` the transfer and `after`
// everything else. The compute budget stays as it was. `rewrite` applies a style to instructions that are written by
// hand. `wallet` is a signer that the real clients accept instead of a key.

import {
  compileTransaction,
  decompileTransactionMessage,
  getAddressDecoder,
  getCompiledTransactionMessageDecoder,
  partiallySignTransaction,
} from '@solana/kit';
import { TOKEN_PROGRAM } from './chain.js';
import { KIND, LEVEL, PROGRAM, clock, guard, info, lighthouse, token } from './guards.js';
import { COMPUTE_BUDGET } from './transactions.js';

const TRANSFER_CHECKED = 12;
const PER_SIGNATURE = 5_000n;

/** Returns the network's fee for these instructions with two signatures, in lamports. */
function feeOf(instructions) {
  const budget = instructions.filter(({ programAddress }) => programAddress === COMPUTE_BUDGET);
  const read = (form) => Buffer.from(budget.find(({ data }) => data[0] === form).data);
  const [limit, price] = [BigInt(read(2).readUInt32LE(1)), read(3).readBigUInt64LE(1)];
  return 2n * PER_SIGNATURE + (limit * price + 999_999n) / 1_000_000n;
}

/** Returns what a wallet sees: the transfer to sign, and the accounts as the chain has them now. */
export async function seen({ chain }, instructions, feePayer) {
  const transfer = instructions.find(({ programAddress, data }) => programAddress === TOKEN_PROGRAM && data[0] === TRANSFER_CHECKED);
  const [source, mint, destination, payer] = transfer.accounts.map(({ address }) => address);
  const [account, recipient, lamports, sponsor, slot] = await Promise.all([
    chain.account(source),
    chain.account(destination),
    chain.lamports(payer),
    chain.lamports(feePayer),
    chain.rpc('getSlot', { commitment: 'confirmed' }),
  ]);
  const amount = Buffer.from(transfer.data).readBigUInt64LE(1);
  const left = account.data.readBigUInt64LE(64) - amount;
  const merchant = getAddressDecoder().decode(recipient.data.subarray(32, 64));
  const sponsored = BigInt(sponsor);
  const floor = sponsored - feeOf(instructions);
  return { source, mint, destination, payer, feePayer, merchant, amount, account, recipient, left, lamports, sponsored, floor, slot };
}

const isWallet = (address) => guard.infoAll(address, [info.knownOwner(PROGRAM.system), info.dataLength(0, '==')]);
const isNobodyElses = [token.delegate(null), token.delegatedAmount(0, '<='), token.derived()];
const unchanged = ({ source, account: { data } }) =>
  guard.infoAll(source, [info.knownOwner(PROGRAM.token), info.dataLength(data.length, '=='), info.hash(data)]);
const keeps = ({ source, left }) => guard.tokenAll(source, [token.amount(left, '>='), ...isNobodyElses]);

/** Styles by name. Each makes `{before, after}` from what the wallet sees. */
export const styles = {
  plain: () => ({ before: [], after: [] }),

  /**
   * As Phantom has done since 2026-08-31: guards of 17, 52 and 16 bytes before the transfer, and one of 27 bytes after
   * the memo.
   */
  phantom: (it) => ({
    before: [guard.tokenAll(it.destination, isNobodyElses), unchanged(it), isWallet(it.payer)],
    after: [keeps(it)],
  }),

  /** The same, and a guard on which kind of account the fee payer is. */
  phantomWithFeePayer(it) {
    const { before, after } = styles.phantom(it);
    return { before: [...before, isWallet(it.feePayer)], after };
  },

  /** The same, and the fee payer must keep its lamports, except for this transaction's fee. */
  phantomWithFloor(it) {
    const { before, after } = styles.phantom(it);
    return { before, after: [...after, guard.info(it.feePayer, info.lamports(it.floor, '>='))] };
  },

  /** Two guards after everything else. It is known that Solflare adds two there, but not what they assert. */
  solflare: (it) => ({
    before: [],
    after: [guard.token(it.source, token.amount(it.left, '>=')), guard.info(it.payer, info.lamports(it.lamports, '>='))],
  }),

  /** Nine guards, of all the allowed forms. */
  many: (it) => ({
    before: [
      guard.token(it.destination, token.owner(it.merchant)),
      guard.tokenAll(it.destination, [token.mint(it.mint), token.delegate(null)]),
      unchanged(it),
      isWallet(it.payer),
      guard.token(it.source, token.state(1)),
    ],
    after: [
      keeps(it),
      guard.token(it.source, token.closeAuthority(null), LEVEL.silent),
      guard.info(it.payer, info.lamports(it.lamports - 1, '>'), LEVEL.plaintext),
      isWallet(it.feePayer),
    ],
  }),

  /** A guard that holds now, and fails once anything of the payer's token account changes. */
  fragile: (it) => ({ before: [unchanged(it)], after: [] }),

  /** A guard that holds now, and fails a few slots later. */
  expiring: ({ slot }) => ({ before: [lighthouse([], KIND.clock, LEVEL.failedPlaintext, clock.slot(slot + 20, '<'))], after: [] }),
};

/** Adds a wallet's guards to instructions. */
export async function rewrite(w, style, instructions, feePayer = w.feePayer) {
  const { before, after } = style(await seen(w, instructions, feePayer));
  const isBudget = ({ programAddress }) => programAddress === COMPUTE_BUDGET;
  return [...instructions.filter(isBudget), ...before, ...instructions.filter((it) => !isBudget(it)), ...after];
}

/**
 * Makes a wallet of this style with the buyer's key, for the real clients. They give it the transaction without a
 * signature, and accept whatever the wallet makes of it.
 */
export function wallet(w, style, buyer) {
  const { address, signer } = buyer;
  const rewritten = async (transaction) => {
    const message = decompileTransactionMessage(getCompiledTransactionMessageDecoder().decode(transaction.messageBytes));
    const instructions = await rewrite(w, style, message.instructions, message.feePayer.address);
    const compiled = compileTransaction({ ...message, instructions, lifetimeConstraint: transaction.lifetimeConstraint ?? message.lifetimeConstraint });
    return partiallySignTransaction([signer.keyPair], compiled);
  };
  return {
    ...buyer,
    signer: {
      address,
      keyPair: signer.keyPair,
      modifyAndSignTransactions: (transactions) => Promise.all(transactions.map(rewritten)),
      signMessages: (...messages) => signer.signMessages(...messages),
    },
  };
}
