//! A fee payer belongs to one journal. Two journals with one key would each take the same payment for theirs, because a
//! payment that names no ticket is told from another by its bytes alone.

use std::path::Path;

use coinop_core::encoding::from_base64;
use coinop_core::svm::transaction::Transaction;
use coinop_core::svm::{Address, TokenProgram};
use serde_json::{Value, json};

use super::Finding;
use crate::db;
use crate::settings::rpc;

/// How far back the chain is searched, in transactions of the fee payer: its payments are most of them.
const LIMIT: u32 = 20;

/// Says whether this journal's fee payer `address` may sign for it.
pub(super) fn fits(rpc_url: &str, data_dir: &Path, address: &Address) -> Finding {
    if db::fee_payers(data_dir)?.contains(address) {
        return Ok("this gateway's".to_owned());
    }
    match payment_of(rpc_url, address) {
        Ok(None) => Ok("has signed no payment yet".to_owned()),
        Ok(Some(signature)) => Err(strange(data_dir, address, &signature)),
        Err(error) => Err(format!(
            "the RPC was asked which payments {address} has signed and failed ({error}): try again, or take another in `solana.rpc_url`"
        )),
    }
}

/// Says which of the fee payers have signed payments for another journal, as an error, or which of them the RPC gave no
/// answer about.
pub(crate) fn unsure(rpc_url: &str, data_dir: &Path, of: &[Address]) -> Result<Vec<Address>, String> {
    let mut unsure = Vec::new();
    for address in of {
        match payment_of(rpc_url, address) {
            Ok(None) => {}
            Ok(Some(signature)) => {
                return Err(format!("fee payer {}", strange(data_dir, address, &signature)));
            }
            Err(error) => {
                tracing::warn!(fee_payer = %address, %error, "the RPC does not say whether another gateway uses this key: it is asked again");
                unsure.push(*address);
            }
        }
    }
    Ok(unsure)
}

fn strange(data_dir: &Path, address: &Address, signature: &str) -> String {
    format!(
        "{address} has signed a payment that {} does not hold ({signature}): a fee payer belongs to one journal. If that journal was lost, copy a backup of the data folder back. Else leave this key to the other gateway: make one with `coinop keygen --out FILE`, name it in `settlement.fee_payer_keypair` and send it SOL",
        data_dir.join(db::FILE).display()
    )
}

/// Finds a payment that this key has signed beside its payer.
fn payment_of(rpc_url: &str, address: &Address) -> Result<Option<String>, String> {
    let nonsense = || "the answer makes no sense".to_owned();
    let options = json!({ "limit": LIMIT, "commitment": "confirmed" });
    let listed = rpc::call(rpc_url, "getSignaturesForAddress", &json!([address, options]))?;
    for entry in listed.as_array().ok_or_else(nonsense)? {
        let signature = entry.get("signature").and_then(Value::as_str).ok_or_else(nonsense)?;
        let options =
            json!({ "encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 0 });
        let found = rpc::call(rpc_url, "getTransaction", &json!([signature, options]))?;
        let bytes = found.pointer("/transaction/0").and_then(Value::as_str).and_then(from_base64);
        if bytes.is_some_and(|bytes| is_payment(&bytes, address)) {
            return Ok(Some(signature.to_owned()));
        }
    }
    Ok(None)
}

/// Says whether the key pays the fee of a transfer of tokens that another one has signed.
fn is_payment(bytes: &[u8], fee_payer: &Address) -> bool {
    let Ok(Transaction { message, .. }) = Transaction::decode(bytes) else { return false };
    let of_tokens = |program: u8| message.account(program).and_then(TokenProgram::at).is_some();
    message.accounts.first() == Some(fee_payer)
        && message.required_signatures > 1
        && message.instructions.iter().any(|instruction| of_tokens(instruction.program))
}

#[cfg(test)]
mod tests {
    use coinop_core::svm::transaction::{Instruction, Message};

    use super::*;

    const KEY: Address = Address::new([1; 32]);

    fn bytes(change: impl FnOnce(&mut Message)) -> Vec<u8> {
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
        let signatures = vec![[0; 64]; usize::from(message.required_signatures)];
        Transaction { signatures, message_bytes: message.encode(), message }.encode()
    }

    #[test]
    fn a_payment_is_told_from_what_an_owner_does_with_the_key_inv_1() {
        assert!(is_payment(&bytes(|_| {}), &KEY));
        assert!(is_payment(&bytes(|it| it.accounts[2] = TokenProgram::Token2022.address()), &KEY));
        assert!(!is_payment(&bytes(|it| it.required_signatures = 1), &KEY), "its own transfer");
        assert!(!is_payment(&bytes(|it| it.accounts[2] = Address::new([0; 32])), &KEY), "moves SOL");
        assert!(!is_payment(&bytes(|it| it.accounts.swap(0, 1)), &KEY), "another pays the fee");
        assert!(!is_payment(b"nothing", &KEY));
    }
}
