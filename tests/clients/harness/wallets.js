// Wallets that change a transaction before they sign it: they put guards into it, as Phantom and Solflare do.
//
// A style says which guards: it is given what the wallet sees and answers those `before` the transfer and those `after`
// everything else. The compute budget stays as it was built. `rewrite` does it to instructions that are written by hand,
// `wallet` is a signer that the real clients take in the place of a key.

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

/** What the network takes for these instructions with two signatures, in lamports. */
function feeOf(instructions) {
  const budget = instructions.filter(({ programAddress }) => programAddress === COMPUTE_BUDGET);
  const read = (form) => Buffer.from(budget.find(({ data }) => data[0] === form).data);
  const [limit, price] = [BigInt(read(2).readUInt32LE(1)), read(3).readBigUInt64LE(1)];
  return 2n * PER_SIGNATURE + (limit * price + 999_999n) / 1_000_000n;
}

/** What a wallet sees: the transfer that it is asked to sign, and the accounts as the chain has them now. */
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

/** Styles by name: what the wallet sees to `{before, after}`. */
export const styles = {
  plain: () => ({ before: [], after: [] }),

  /** As Phantom has done since 2026-08-31: guards of 17, 52 and 16 bytes before the transfer, one of 27 behind the memo. */
  phantom: (it) => ({
    before: [guard.tokenAll(it.destination, isNobodyElses), unchanged(it), isWallet(it.payer)],
    after: [keeps(it)],
  }),

  /** The same, and it looks at the fee payer too: what kind of account it is. */
  phantomWithFeePayer(it) {
    const { before, after } = styles.phantom(it);
    return { before: [...before, isWallet(it.feePayer)], after };
  },

  /** The same, and the fee payer has to keep what it has, but for this transaction's fee. */
  phantomWithFloor(it) {
    const { before, after } = styles.phantom(it);
    return { before, after: [...after, guard.info(it.feePayer, info.lamports(it.floor, '>='))] };
  },

  /** Two guards behind all else. That Solflare adds two there is known, what they say is not. */
  solflare: (it) => ({
    before: [],
    after: [guard.token(it.source, token.amount(it.left, '>=')), guard.info(it.payer, info.lamports(it.lamports, '>='))],
  }),

  /** Nine guards, of all the forms that are allowed. */
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

  /** It holds now, and no more once anything of the payer's token account changes. */
  fragile: (it) => ({ before: [unchanged(it)], after: [] }),

  /** It holds now, and no more a few slots later. */
  expiring: ({ slot }) => ({ before: [lighthouse([], KIND.clock, LEVEL.failedPlaintext, clock.slot(slot + 20, '<'))], after: [] }),
};

/** Puts a wallet's guards into instructions. */
export async function rewrite(w, style, instructions, feePayer = w.feePayer) {
  const { before, after } = style(await seen(w, instructions, feePayer));
  const isBudget = ({ programAddress }) => programAddress === COMPUTE_BUDGET;
  return [...instructions.filter(isBudget), ...before, ...instructions.filter((it) => !isBudget(it)), ...after];
}

/**
 * A wallet of this style with the buyer's key, for the real clients: they hand the transaction over without a signature, and
 * take back whatever the wallet has made of it.
 */
export function wallet(w, style, buyer) {
  const { address, signer } = buyer;
  const rewritten = async (transaction) => {
    const message = decompileTransactionMessage(getCompiledTransactionMessageDecoder().decode(transaction.messageBytes));
    const instructions = await rewrite(w, style, message.instructions, message.feePayer.address);
    const compiled = compileTransaction({ ...message, instructions, lifetimeConstraint: transaction.lifetimeConstraint });
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
