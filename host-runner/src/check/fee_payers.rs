//! Checks that a fee payer belongs to one journal. Two journals with one key would each accept the same
//! payment.

use std::path::Path;
use std::time::{Duration, Instant};

use coinop_core::PaymentId;
use coinop_core::encoding::from_base64;
use coinop_core::svm::{Address, Message, TokenProgram, Transaction};
use serde_json::{Value, json};

use super::finding::Finding;
use crate::db::{self, Known};
use crate::settings::rpc;

/// How many transactions of the fee payer are searched, newest first. Most of them are its payments.
const LIMIT: u32 = 20;
/// The longest time that a search may take, because a starting gateway waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks whether the fee payer `address` may sign for the journal in `data_dir`.
pub(super) fn fits(rpc_url: &str, data_dir: &Path, address: &Address) -> Finding {
    let known = Known::open(data_dir)?;
    let own = known.has_fee_payer(address)?;
    match foreign_payment(rpc_url, &known, address) {
        Ok(None) if own => Ok("belongs to this gateway".to_owned()),
        Ok(None) => Ok(format!("no payment among its latest {LIMIT} transactions")),
        Ok(Some(signature)) if own => Ok(format!(
            "belongs to this gateway, but {} does not hold a later payment that it has signed ({signature}): \
             after a backup was restored that is expected; otherwise a copy of the data folder runs elsewhere: \
             stop it, because two copies would sell one payment twice",
            data_dir.join(db::FILE).display()
        )),
        Ok(Some(signature)) => Err(foreign(data_dir, address, &signature)),
        Err(error) => Err(format!(
            "the RPC failed when asked which payments {address} has signed: {error}; try again, or use \
             another RPC in `solana.rpc_url`"
        )),
    }
}

/// Refuses a fee payer that has signed a payment which the journal does not hold.
///
/// Returns the fee payers about which the RPC gave no answer.
pub(crate) fn refuse_foreign(
    rpc_url: &str,
    data_dir: &Path,
    fee_payers: &[Address],
) -> Result<Vec<Address>, String> {
    let known = Known::open(data_dir)?;
    let mut unanswered = Vec::new();
    for address in fee_payers {
        match foreign_payment(rpc_url, &known, address) {
            Ok(None) => {}
            Ok(Some(signature)) => {
                return Err(format!("fee payer {}", foreign(data_dir, address, &signature)));
            }
            Err(error) => {
                tracing::warn!(fee_payer = %address, %error, "the RPC did not say whether another gateway uses this key; \
                                                               it is asked again");
                unanswered.push(*address);
            }
        }
    }
    Ok(unanswered)
}

fn foreign(data_dir: &Path, address: &Address, signature: &str) -> String {
    format!(
        "{address} has signed a payment that {} does not hold ({signature}), and a fee payer belongs to one \
         journal; if another gateway uses this key, or the data folder was lost, make a key for this gateway \
         with `coinop keygen --out FILE`, use it in place of this one and send it SOL; if you have a backup \
         of the data folder that is newer than that payment, restore it instead",
        data_dir.join(db::FILE).display()
    )
}

/// Returns the signature of a payment whose fee this key paid and which the journal does not hold.
fn foreign_payment(rpc_url: &str, known: &Known, address: &Address) -> Result<Option<String>, String> {
    let nonsense = || "its answer cannot be read".to_owned();
    let started = Instant::now();
    let options = json!({ "limit": LIMIT, "commitment": "confirmed" });
    let listed = rpc::call(rpc_url, "getSignaturesForAddress", &json!([address, options]))?;
    for entry in listed.as_array().ok_or_else(nonsense)? {
        // The journal soon forgets a payment that landed with an error.
        if !entry.get("err").is_some_and(Value::is_null) {
            continue;
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("it took longer than {} s", PATIENCE.as_secs()));
        }
        let signature = entry.get("signature").and_then(Value::as_str).ok_or_else(nonsense)?;
        let options =
            json!({ "encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 0 });
        let found = rpc::call(rpc_url, "getTransaction", &json!([signature, options]))?;
        let bytes = found.pointer("/transaction/0").and_then(Value::as_str).and_then(from_base64);
        let transaction = bytes.and_then(|bytes| Transaction::decode(&bytes).ok());
        if let Some(Transaction { message, message_bytes, .. }) = transaction
            && is_payment(&message, address)
            && !known.has_payment(&PaymentId::of_message(&message_bytes))?
        {
            return Ok(Some(signature.to_owned()));
        }
    }
    Ok(None)
}

/// Tells whether the key pays the fee of a token transfer that somebody else has signed too.
fn is_payment(message: &Message, fee_payer: &Address) -> bool {
    let of_tokens = |program: u8| message.account(program).and_then(TokenProgram::at).is_some();
    message.accounts.first() == Some(fee_payer)
        && message.required_signatures > 1
        && message.instructions.iter().any(|instruction| of_tokens(instruction.program))
}

#[cfg(test)]
mod tests {
    use coinop_core::svm::{Instruction, SYSTEM};

    use super::*;

    const KEY: Address = Address::new([1; 32]);

    #[test]
    fn a_payment_is_told_from_what_an_owner_does_with_the_key_inv_1() {
        let with = |change: fn(&mut Message)| {
            let mut message = Message {
                versioned: true,
                required_signatures: 2,
                readonly_signed: 0,
                readonly_unsigned: 1,
                accounts: vec![KEY, Address::new([2; 32]), TokenProgram::Spl.address()],
                blockhash: [7; 32],
                instructions: vec![Instruction { program: 2, accounts: vec![1], data: vec![12] }],
            };
            change(&mut message);
            is_payment(&message, &KEY)
        };
        assert!(with(|_| {}));
        assert!(with(|it| it.accounts[2] = TokenProgram::Token2022.address()));
        assert!(!with(|it| it.required_signatures = 1), "its own transfer");
        assert!(!with(|it| it.accounts[2] = SYSTEM), "moves SOL");
        assert!(!with(|it| it.accounts.swap(0, 1)), "another pays the fee");
    }
}
