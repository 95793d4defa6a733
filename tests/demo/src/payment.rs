//! What a transaction pays, for the person who is asked to approve it.

use coinop_core::Amount;
use coinop_core::svm::{Address, Instruction, Message, Network, TokenProgram, associated_token_account};
use serde_json::{Value, json};

/// What the demo's wallet signs for besides the transfer: what a transaction may cost, and its memo.
const OTHERS: [&str; 2] =
    ["ComputeBudget111111111111111111111111111111", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"];
/// The instruction of both token programs that names the mint and its decimals.
const TRANSFER_CHECKED: u8 = 12;

/// One transfer of tokens out of the wallet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) amount: Amount,
    pub(crate) decimals: u8,
    pub(crate) mint: Address,
    /// The token account that gets it.
    destination: Address,
    program: TokenProgram,
}

impl Payment {
    /// Reads a message that is exactly one payment by `payer`. The error is a sentence for people.
    ///
    /// Everything else is refused, because the person would approve what the wallet does not show.
    pub(crate) fn read(message: &Message, payer: &Address) -> Result<Self, &'static str> {
        signer(message, payer).ok_or("The transaction does not ask this wallet to sign.")?;
        let mut found = None;
        for instruction in &message.instructions {
            let program = message.account(instruction.program).ok_or(UNREADABLE)?;
            if let Some(token_program) = TokenProgram::at(program) {
                let transfer = transfer(message, instruction, token_program, payer)?;
                if found.replace(transfer).is_some() {
                    return Err(
                        "The transaction has more than one transfer. This wallet signs single payments.",
                    );
                }
            } else if !OTHERS.contains(&program.to_string().as_str()) {
                return Err("The transaction calls a program that this wallet does not know.");
            }
        }
        found.ok_or("The transaction pays nothing. This wallet signs payments only.")
    }

    /// Finds the signer whose single payment a message is; `None` if it is something else.
    pub(crate) fn of(message: &Message) -> Option<(Address, Self)> {
        let signers = message.accounts.iter().take(usize::from(message.required_signatures));
        signers.into_iter().find_map(|signer| Some((*signer, Self::read(message, signer).ok()?)))
    }

    /// Returns what is shown to the person. `pay_to` is a wallet that may be named as the receiver, if it is the one.
    pub(crate) fn shown(&self, pay_to: Option<&Address>) -> Value {
        json!({ "amount": self.amount_shown(), "to": self.receiver(pay_to) })
    }

    /// Returns the amount for people, such as `0.01 USDC`.
    pub(crate) fn amount_shown(&self) -> String {
        format!("{} {}", self.amount.to_decimal(self.decimals), symbol(&self.mint))
    }

    /// Returns who gets it: the wallet `pay_to` if it is the one, or else a token account.
    pub(crate) fn receiver(&self, pay_to: Option<&Address>) -> String {
        let of = |owner: &&Address| {
            associated_token_account(owner, &self.mint, self.program).as_ref() == Some(&self.destination)
        };
        match pay_to.filter(of) {
            Some(owner) => owner.to_string(),
            None => format!("token account {}", self.destination),
        }
    }
}

const UNREADABLE: &str = "The transaction cannot be read.";

/// Returns which of a message's signers `address` is.
pub(crate) fn signer(message: &Message, address: &Address) -> Option<usize> {
    let signers = message.accounts.iter().take(usize::from(message.required_signatures));
    signers.into_iter().position(|signer| signer == address)
}

/// Reads a transfer that `payer` authorises.
fn transfer(
    message: &Message,
    instruction: &Instruction,
    program: TokenProgram,
    payer: &Address,
) -> Result<Payment, &'static str> {
    let account = |index: &u8| message.account(*index).copied();
    let accounts: Option<Vec<Address>> = instruction.accounts.iter().map(account).collect();
    let Some([_, mint, destination, authority]) = accounts.as_deref() else {
        return Err("The transaction does something else with tokens than a transfer.");
    };
    let Some((&TRANSFER_CHECKED, rest)) = instruction.data.split_first() else {
        return Err("The transaction does something else with tokens than a transfer.");
    };
    let Some((amount, [decimals])) = rest.split_first_chunk::<8>() else {
        return Err(UNREADABLE);
    };
    if authority != payer {
        return Err("The transaction moves tokens of another wallet.");
    }
    Ok(Payment {
        amount: Amount::new(u64::from_le_bytes(*amount)),
        decimals: *decimals,
        mint: *mint,
        destination: *destination,
        program,
    })
}

/// Returns the name of a token for people: its symbol, or the address of its mint.
fn symbol(mint: &Address) -> String {
    let network = Network::Devnet;
    let symbols = network.known_symbols().into_iter();
    let known = symbols.filter_map(|symbol| network.known_token(symbol)).find(|token| token.mint == *mint);
    known.map_or_else(|| mint.to_string(), |token| token.symbol)
}
