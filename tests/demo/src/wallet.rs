//! The wallet: a key that signs payments and messages.

use coinop_core::svm::{Address, Message, SigningKey, Transaction, keypair};
use ed25519_dalek::Signer as _;
use serde_json::Value;

use crate::payment::{Payment, signer};

/// The longest message that is signed, in bytes. Those of a sign-in are much shorter.
const LONGEST_MESSAGE: usize = 4096;

/// A wallet with play money.
pub(crate) struct Wallet {
    key: SigningKey,
    address: Address,
    /// The wallet that may be named as the receiver of a payment.
    pay_to: Option<Address>,
}

impl Wallet {
    /// Reads the wallet's key in the form of Solana's tools.
    pub(crate) fn read(text: &str, pay_to: Option<Address>) -> Option<Self> {
        let key = keypair::parse(text)?;
        let address = Address::new(key.verifying_key().to_bytes());
        Some(Self { key, address, pay_to })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the wallet that may be named as the receiver of a payment.
    pub(crate) const fn pay_to(&self) -> Option<&Address> {
        self.pay_to.as_ref()
    }

    /// Returns what a transaction pays, for the person who is asked. The error is a sentence for people.
    pub(crate) fn explain(&self, transaction: &[u8]) -> Result<Value, &'static str> {
        let transaction = decode(transaction)?;
        Ok(Payment::read(&transaction.message, &self.address)?.shown(self.pay_to.as_ref()))
    }

    /// Signs exactly the message of a transaction that is a payment by this wallet, and returns the transaction with
    /// that signature. Others' signatures stay as they are.
    pub(crate) fn sign(&self, transaction: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut transaction = decode(transaction)?;
        Payment::read(&transaction.message, &self.address)?;
        let place = signer(&transaction.message, &self.address)
            .and_then(|position| transaction.signatures.get_mut(position))
            .ok_or("The transaction does not ask this wallet to sign.")?;
        *place = self.key.sign(&transaction.message_bytes).to_bytes();
        transaction.encode().map_err(|_| "The transaction cannot be written.")
    }

    /// Signs a text, such as that of a sign-in. What could be a transaction is no text: its signature would pay.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Result<[u8; 64], &'static str> {
        if message.len() > LONGEST_MESSAGE {
            return Err("The message is too long.");
        }
        if message.is_empty() || std::str::from_utf8(message).is_err() {
            return Err("The message is not a text.");
        }
        if Message::decode(message).is_ok() {
            return Err("The message is a transaction.");
        }
        Ok(self.key.sign(message).to_bytes())
    }
}

fn decode(transaction: &[u8]) -> Result<Transaction, &'static str> {
    Transaction::decode(transaction).map_err(|_| "This is not a transaction that the wallet can read.")
}

#[cfg(test)]
mod tests {
    use coinop_core::Amount;
    use coinop_core::svm::{Instruction, Network, SYSTEM, TokenProgram, Transfer};
    use ed25519_dalek::Signature;

    use super::*;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn address(number: u8) -> Address {
        Address::new(key(number).verifying_key().to_bytes())
    }

    /// The wallet of key 1, which knows the wallet of key 2.
    fn wallet() -> Wallet {
        Wallet::read(&keypair::to_json(&key(1)), Some(address(2))).unwrap()
    }

    /// An unsigned payment by a wallet to another one, as the gateway prepares it.
    fn payment(from: u8, to: u8) -> Transaction {
        let transfer = Transfer {
            fee_payer: address(9),
            pay_to: address(to),
            mint: Network::Devnet.known_token("USDC").unwrap().mint,
            decimals: 6,
            program: TokenProgram::Spl,
            amount: Amount::new(10_000),
            blockhash: [7; 32],
            memo: Some("a memo"),
        };
        let mut transaction = transfer.sign(&key(from)).unwrap();
        transaction.signatures.fill([0; 64]);
        transaction
    }

    /// The bytes of a transaction after a change of its message.
    fn changed(mut transaction: Transaction, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        change(&mut transaction.message);
        transaction.message_bytes = transaction.message.encode().unwrap();
        transaction.encode().unwrap()
    }

    #[test]
    fn a_payment_is_shown_in_words_and_signed_as_it_is() {
        let transaction = payment(1, 2);
        let bytes = transaction.encode().unwrap();
        let shown = wallet().explain(&bytes).unwrap();
        assert_eq!(shown["amount"], "0.01 USDC");
        assert_eq!(shown["to"], address(2).to_string());
        let signed = Transaction::decode(&wallet().sign(&bytes).unwrap()).unwrap();
        assert_eq!(signed.message_bytes, transaction.message_bytes);
        assert_eq!(signed.signatures[0], [0; 64], "the fee payer signs last");
        let signature = Signature::from_bytes(&signed.signatures[1]);
        key(1).verifying_key().verify_strict(&signed.message_bytes, &signature).unwrap();
    }

    #[test]
    fn a_receiver_that_is_not_known_is_shown_as_a_token_account() {
        let shown = wallet().explain(&payment(1, 3).encode().unwrap()).unwrap();
        assert!(shown["to"].as_str().unwrap().starts_with("token account "), "{shown}");
    }

    #[test]
    fn only_one_payment_by_this_wallet_is_signed() {
        let transfers = |message: &mut Message| {
            let again = message.instructions[2].clone();
            message.instructions.push(again);
        };
        let call = |message: &mut Message| {
            message.accounts.push(SYSTEM);
            message.readonly_unsigned += 1;
            let program = u8::try_from(message.accounts.len() - 1).unwrap();
            message.instructions.push(Instruction { program, accounts: vec![1, 0], data: vec![2] });
        };
        for (what, bytes) in [
            ("another wallet's", payment(3, 2).encode().unwrap()),
            ("two transfers", changed(payment(1, 2), transfers)),
            ("no transfer", changed(payment(1, 2), |message| drop(message.instructions.remove(2)))),
            ("another program", changed(payment(1, 2), call)),
            ("an approval", changed(payment(1, 2), |message| message.instructions[2].data[0] = 13)),
            ("no amount", changed(payment(1, 2), |message| message.instructions[2].data.truncate(5))),
            ("another authority", changed(payment(1, 2), |message| message.instructions[2].accounts[3] = 0)),
            ("more authorities", changed(payment(1, 2), |message| message.instructions[2].accounts.push(0))),
            ("nothing", vec![]),
            ("a part", payment(1, 2).encode().unwrap()[..200].to_vec()),
        ] {
            assert!(wallet().explain(&bytes).is_err(), "{what}");
            assert!(wallet().sign(&bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn a_text_is_signed_and_a_transaction_is_no_text() {
        let text = "127.0.0.1:8402 wants you to sign in";
        let signature = Signature::from_bytes(&wallet().sign_message(text.as_bytes()).unwrap());
        key(1).verifying_key().verify_strict(text.as_bytes(), &signature).unwrap();
        for message in [&payment(1, 2).message_bytes[..], b"", b"\xff", &[b'a'; LONGEST_MESSAGE + 1]] {
            assert!(wallet().sign_message(message).is_err());
        }
        // A legacy message can be text as a whole.
        let readable = changed(payment(1, 2), |message| {
            *message = Message {
                versioned: false,
                required_signatures: 1,
                readonly_signed: 0,
                readonly_unsigned: 1,
                accounts: vec![Address::new([b'a'; 32]), Address::new([b'b'; 32])],
                blockhash: [b'c'; 32],
                instructions: vec![],
            };
        });
        let message = &readable[1 + 2 * 64..];
        assert!(std::str::from_utf8(message).is_ok());
        assert!(wallet().sign_message(message).is_err());
    }
}
