//! Builds the cases' bytes, encoded by Solana's crates.

use ed25519_dalek::{Signer as _, SigningKey};
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::v0::{self, MessageAddressTableLookup};
use solana_message::{VersionedMessage, legacy, v1};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;

use super::agreement::{self, MEMO, theirs};
use super::cases::{Case, Edit, Flaw, Guard, Saying, Twist, Who};
use super::reference::Wanted;
use crate::svm::TokenProgram;
use crate::testkit::keys;

fn known(text: &str) -> Address {
    text.parse().unwrap()
}

fn key_of(key: &SigningKey) -> Address {
    theirs(keys::address(key))
}

impl Case {
    pub(super) fn wanted(&self) -> Wanted {
        let program = if self.token_2022 { TokenProgram::Token2022 } else { TokenProgram::Spl };
        agreement::wanted(program, self.memo_wanted)
    }

    fn payer(&self) -> SigningKey {
        let merchant = self.twists.iter().any(|twist| matches!(twist, Twist::Merchant));
        if merchant { keys::merchant() } else { keys::payer() }
    }

    fn own(&self, owner: &Address) -> Address {
        let mint = known("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU");
        let seeds =
            [owner.as_ref(), self.who(Who::Token).to_bytes().as_slice(), mint.as_ref()].map(<[u8]>::to_vec);
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        Address::find_program_address(&seeds, &known("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")).0
    }

    fn who(&self, who: Who) -> Address {
        let programs =
            ["TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"];
        match who {
            Who::FeePayer => key_of(&keys::fee_payer()),
            Who::Payer => key_of(&self.payer()),
            Who::Source => self.own(&key_of(&self.payer())),
            Who::Merchant => key_of(&keys::merchant()),
            Who::Destination => self.own(&key_of(&keys::merchant())),
            Who::Mint => known("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
            Who::Stranger => key_of(&keys::numbered(9)),
            // The right token program, and the other one.
            Who::Token => known(programs[usize::from(self.token_2022)]),
            Who::Token2022 => known(programs[usize::from(!self.token_2022)]),
            Who::Memo => known("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
            Who::Lighthouse => known("L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95"),
            Who::Budget => known("ComputeBudget111111111111111111111111111111"),
            Who::System => Address::default(),
        }
    }

    fn instructions(&self) -> (Address, Vec<Instruction>) {
        let call = |program: Who, accounts: Vec<AccountMeta>, data: &[u8]| Instruction {
            program_id: self.who(program),
            accounts,
            data: data.to_vec(),
        };
        let data = |kind: u8, value: &[u8], end: &[u8]| [&[kind], value, end].concat();
        let transfer = vec![
            AccountMeta::new(self.who(Who::Source), false),
            AccountMeta::new_readonly(self.who(Who::Mint), false),
            AccountMeta::new(self.who(Who::Destination), false),
            AccountMeta::new_readonly(self.who(Who::Payer), true),
        ];
        let mut list = vec![
            call(Who::Budget, vec![], &data(2, &20_000u32.to_le_bytes(), &[])),
            call(Who::Budget, vec![], &data(3, &1u64.to_le_bytes(), &[])),
            call(Who::Token, transfer, &data(12, &10_000u64.to_le_bytes(), &[6])),
        ];
        list.extend((0..self.memos).map(|_| call(Who::Memo, vec![], MEMO.as_bytes())));
        for guard in &self.guards {
            list.insert(2 + guard.at % (list.len() - 1), self.guard(guard));
        }
        let mut fee_payer = self.who(Who::FeePayer);
        for twist in &self.twists {
            self.twist(twist, &mut list, &mut fee_payer);
        }
        (fee_payer, list)
    }

    fn guard(&self, guard: &Guard) -> Instruction {
        let said = guard.sayings.iter().map(|saying| match saying {
            Saying::Bytes(bytes) => bytes.clone(),
            Saying::OwnProgram => [&[2], self.who(Who::Token).as_ref(), &[0]].concat(),
            Saying::OwnKnownProgram => vec![3, 1 + u8::from(self.token_2022), 0],
        });
        let said: Vec<Vec<u8>> = said.collect();
        let count = u8::try_from(said.len()).unwrap();
        // A single saying is encoded half of the time as an instruction for one assertion.
        let single = count == 1 && guard.at.is_multiple_of(2);
        let count: &[u8] = match (&guard.flaw, single) {
            (Flaw::Count(count), _) => &[*count],
            (Flaw::LongCount, _) => &[count | 0x80, 0],
            (_, true) => &[],
            (_, false) => &[count],
        };
        let kind = if guard.of_token { 9 } else { 5 } + u8::from(!single);
        let mut data = [&[kind, guard.level], count, &said.concat()].concat();
        let mut accounts = vec![AccountMeta::new_readonly(self.who(guard.of), false)];
        match &guard.flaw {
            Flaw::None | Flaw::Count(_) | Flaw::LongCount => {}
            Flaw::Kind(kind) => data[0] = *kind,
            Flaw::Level(level) => data[1] = *level,
            Flaw::Trailing(byte) => data.push(*byte),
            Flaw::Cut(less) => data.truncate(data.len().saturating_sub(*less)),
            Flaw::Flip(at, mask) => {
                let at = at % data.len();
                data[at] ^= mask;
            }
            Flaw::NoAccount => accounts.clear(),
            Flaw::OneMoreAccount(who) => accounts.push(AccountMeta::new_readonly(self.who(*who), false)),
        }
        Instruction { program_id: self.who(Who::Lighthouse), accounts, data }
    }

    fn twist(&self, twist: &Twist, list: &mut Vec<Instruction>, fee_payer: &mut Address) {
        if list.is_empty() {
            return;
        }
        let (count, any) = (list.len(), |at: &usize| at % list.len());
        // The position of the transfer; another twist may have removed it.
        let transfer =
            list.iter().position(|i| i.program_id == self.who(Who::Token) && i.accounts.len() == 4);
        match twist {
            Twist::Budget(units, price) if count > 1 => {
                list[0].data = [&[2], units.to_le_bytes().as_slice()].concat();
                list[1].data = [&[3], price.to_le_bytes().as_slice()].concat();
            }
            Twist::Amount(amount) => {
                if let Some(at) = transfer {
                    list[at].data = [&[12], amount.to_le_bytes().as_slice(), &[6]].concat();
                }
            }
            Twist::Decimals(decimals) => {
                if let Some(last) = transfer.and_then(|at| list[at].data.last_mut()) {
                    *last = *decimals;
                }
            }
            Twist::Move(from, to) => {
                let (from, to) = (any(from), any(to));
                let moved = list.remove(from);
                list.insert(to, moved);
            }
            Twist::Again(at) => list.push(list[any(at)].clone()),
            Twist::Drop(at) => drop(list.remove(any(at))),
            Twist::DurableNonce => {
                let nonce = AccountMeta::new(self.who(Who::Stranger), false);
                let authority = AccountMeta::new_readonly(self.who(Who::Payer), true);
                let (program_id, data) = (Address::default(), vec![4, 0, 0, 0]);
                list.insert(0, Instruction { program_id, accounts: vec![nonce, authority], data });
            }
            Twist::OneMoreSigner(_) => {
                list[count - 1].accounts.push(AccountMeta::new_readonly(self.who(Who::Stranger), true));
            }
            Twist::OneMoreAccount(at, who) => {
                let at = any(at);
                list[at].accounts.push(AccountMeta::new_readonly(self.who(*who), false));
            }
            Twist::Account(at, who) => {
                if let Some(transfer) = transfer {
                    list[transfer].accounts[*at].pubkey = self.who(*who);
                }
            }
            Twist::Data(at, more) => {
                let at = any(at);
                list[at].data.extend(more);
            }
            Twist::Cut(at, less) => {
                let at = any(at);
                let left = list[at].data.len().saturating_sub(*less);
                list[at].data.truncate(left);
            }
            Twist::Program(at, who) => {
                let at = any(at);
                list[at].program_id = self.who(*who);
            }
            Twist::FeePayer(who) => *fee_payer = self.who(*who),
            Twist::Delegate => {
                if let Some(at) = transfer {
                    list[at].accounts[0].pubkey = self.own(&self.who(Who::Stranger));
                }
            }
            _ => {}
        }
    }

    fn message(&self) -> VersionedMessage {
        let (fee_payer, list) = self.instructions();
        // Created for each use, because `Hash` is `Copy` only in a build that includes the native crates.
        let blockhash = || Hash::new_from_array([9; 32]);
        if self.twists.iter().any(|twist| matches!(twist, Twist::Version1))
            && let Ok(message) = v1::Message::try_compile(&fee_payer, &list, blockhash())
        {
            return VersionedMessage::V1(message);
        }
        let mut message = if self.versioned {
            VersionedMessage::V0(v0::Message::try_compile(&fee_payer, &list, &[], blockhash()).unwrap())
        } else {
            VersionedMessage::Legacy(legacy::Message::new_with_blockhash(
                &list,
                Some(&fee_payer),
                &blockhash(),
            ))
        };
        for twist in &self.twists {
            let mut lookups = Vec::new();
            let (header, keys, instructions, tables) = match &mut message {
                VersionedMessage::Legacy(m) => {
                    (&mut m.header, &mut m.account_keys, &mut m.instructions, &mut lookups)
                }
                VersionedMessage::V0(m) => {
                    (&mut m.header, &mut m.account_keys, &mut m.instructions, &mut m.address_table_lookups)
                }
                VersionedMessage::V1(_) => unreachable!(),
            };
            match twist {
                Twist::Listed(at) => {
                    let at = at % keys.len();
                    let (from, to) = (u8::try_from(at).unwrap(), u8::try_from(keys.len()).unwrap());
                    keys.push(keys[at]);
                    for index in instructions.iter_mut().flat_map(|i| &mut i.accounts) {
                        if *index == from {
                            *index = to
                        }
                    }
                }
                Twist::Unused(who) => {
                    keys.push(self.who(*who));
                    header.num_readonly_unsigned_accounts += 1;
                }
                Twist::Table(writable, readonly) => tables.push(MessageAddressTableLookup {
                    account_key: self.who(Who::Stranger),
                    writable_indexes: writable.clone(),
                    readonly_indexes: readonly.clone(),
                }),
                Twist::Header(signers, readonly, others) => {
                    header.num_required_signatures = *signers;
                    header.num_readonly_signed_accounts = *readonly;
                    header.num_readonly_unsigned_accounts = *others;
                }
                _ => {}
            }
        }
        message
    }

    /// Returns the transaction's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let message = self.message();
        let mut signed = message.serialize();
        // A message of version 1 comes before its signatures, so there is nothing to cut.
        let prefixed = !matches!(message, VersionedMessage::V1(_));
        if prefixed {
            self.edits.iter().for_each(|edit| edit.apply(&mut signed));
        }
        let signs = |key: &Address| {
            let known = [self.payer(), keys::numbered(9), keys::merchant()];
            let lazy = self.twists.iter().any(|twist| matches!(twist, Twist::OneMoreSigner(false)));
            let key = known
                .iter()
                .find(|known| key_of(known) == *key && !(lazy && key_of(known) == self.who(Who::Stranger)));
            key.map_or_else(Signature::default, |key| Signature::from(key.sign(&signed).to_bytes()))
        };
        let required = usize::from(message.header().num_required_signatures);
        let mut signatures: Vec<_> = message.static_account_keys().iter().take(required).map(signs).collect();
        for twist in &self.twists {
            if let (Twist::Signature(mask), Some(signature)) = (twist, signatures.get_mut(1)) {
                let mut bytes: [u8; 64] = (*signature).into();
                bytes[40] ^= mask;
                *signature = Signature::from(bytes);
            }
        }
        let length = message.serialize().len();
        let mut bytes = wincode::serialize(&VersionedTransaction { signatures, message }).unwrap();
        if prefixed {
            bytes.truncate(bytes.len() - length);
            bytes.extend(signed);
        }
        self.scars.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let count = bytes.len().max(1);
        match self {
            Self::Flip(at, mask) => {
                if let Some(byte) = bytes.get_mut(at % count) {
                    *byte ^= mask;
                }
            }
            Self::Insert(at, byte) => bytes.insert(at % count, *byte),
            Self::Delete(at) => {
                drop(bytes.drain((at % count).min(bytes.len())..bytes.len().min(at % count + 1)))
            }
            Self::Splice(from, length, to) => {
                let from = from % count;
                let part = bytes[from..(from + length).min(bytes.len())].to_vec();
                let to = to % count;
                bytes.splice(to..to, part);
            }
            Self::Lengthen(at) => {
                let at = at % count;
                if let Some(byte) = bytes.get_mut(at).filter(|byte| **byte < 0x80) {
                    *byte |= 0x80;
                    bytes.insert(at + 1, 0);
                }
            }
            Self::Append(more) => bytes.extend(more),
        }
    }
}
