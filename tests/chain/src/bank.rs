//! A view of the accounts after one block.

use litesvm::LiteSVM;
use solana_account::Account;
use solana_address::Address;

use crate::blocks;
use crate::token::{Holding, Mint};

/// A view of the accounts as one block left them.
#[derive(Clone, Copy)]
pub(crate) struct Bank<'a> {
    /// The virtual machine that holds the accounts.
    pub(crate) svm: &'a LiteSVM,
    pub(crate) height: u64,
}

impl Bank<'_> {
    pub(crate) fn slot(&self) -> u64 {
        blocks::slot(self.height)
    }

    /// Returns the account at `address`, if there is one.
    pub(crate) fn account(&self, address: &Address) -> Option<Account> {
        self.svm.get_account(address)
    }

    /// Returns the mint at `address`, if there is one.
    pub(crate) fn mint(&self, address: &Address) -> Option<Mint> {
        self.account(address).as_ref().and_then(Mint::read)
    }

    /// Returns the token accounts of `owner` under `program`, by address.
    pub(crate) fn token_accounts(
        &self,
        owner: &Address,
        program: &Address,
    ) -> Vec<(Address, Account, Holding)> {
        let mut found: Vec<_> = self
            .svm
            .get_program_accounts(program)
            .into_iter()
            .filter_map(|(address, account)| {
                let holding = Holding::read(&account)?;
                (&holding.owner == owner).then_some((address, account, holding))
            })
            .collect();
        found.sort_by_key(|(address, ..)| *address);
        found
    }
}
