//! What each payment on the chain is, as the journal and the owner's word say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use coinop_core::config::{AcceptedToken, Config};
use coinop_core::ports::PortError;
use coinop_core::reconcile::recognise;
use coinop_core::store::{SqlJournal, Verdict};
use coinop_core::svm::Address;
use coinop_core::{Amount, KeyRing, Timestamp};

use super::chain::{self, Listed, Moved};
use super::line::{Class, Line};
use super::print::Printer;
use crate::db::ReadOnly;

/// How many wallets to which the merchant has sent tokens are remembered.
const WALLETS: usize = 100_000;

/// Which transactions are read.
pub(super) struct Scope {
    pub(super) since: Timestamp,
    /// How many of each account at most.
    pub(super) limit: usize,
    pub(super) account: Option<Address>,
    pub(super) before: Option<String>,
}

/// What tells payments apart.
pub(super) struct Reader<'a> {
    pub(super) config: &'a Config,
    pub(super) keys: &'a KeyRing,
    /// `None` if there is no database yet.
    pub(super) journal: Option<&'a SqlJournal<ReadOnly>>,
    /// Whether the journal has tables.
    pub(super) has_tables: bool,
}

/// What was sent from the merchant's wallet to each other one, in atomic units.
type SentBack = HashMap<String, u64>;

impl<'a> Reader<'a> {
    /// Reads all of the merchant's accounts, the latest transactions first.
    pub(super) async fn all(&self, scope: &Scope, printer: &mut Printer) -> Result<(), String> {
        let mut accounts = self.config.merchant.tokens.iter().collect::<Vec<_>>();
        if let Some(only) = scope.account {
            accounts.retain(|accepted| accepted.account == only);
            if accounts.is_empty() {
                return Err(format!("--account {only}: no accepted token is paid to this account"));
            }
        }
        for accepted in accounts {
            self.account(accepted, scope, printer).await?;
        }
        Ok(())
    }

    async fn account(
        &self,
        accepted: &'a AcceptedToken,
        scope: &Scope,
        printer: &mut Printer,
    ) -> Result<(), String> {
        let (mut before, mut left) = (scope.before.clone(), scope.limit);
        let mut sent_back = SentBack::new();
        loop {
            let account = &accepted.account;
            let go_on = |error: String| match &before {
                Some(last) => format!("{error}; go on with --account {account} --before {last}"),
                None => error,
            };
            let page = chain::page(&self.config.rpc_url, account, before.as_deref()).map_err(go_on)?;
            let listed: Vec<Listed> =
                page.landed.into_iter().filter(|it| it.at.is_none_or(|at| at >= scope.since)).collect();
            let lines = self.lines(accepted, &listed, &mut sent_back).await.map_err(go_on)?;
            printer.page(&lines)?;
            left = left.saturating_sub(page.seen);
            let is_over = page.until.is_some_and(|until| until < scope.since);
            let Some(last) = page.last.filter(|_| !is_over) else { return Ok(()) };
            if left == 0 {
                return Err(format!(
                    "there may be more: go on with --account {account} --before {last}, or raise --limit"
                ));
            }
            before = Some(last);
        }
    }

    /// Returns the payments among these transactions of an account.
    async fn lines(
        &self,
        accepted: &'a AcceptedToken,
        listed: &[Listed],
        sent_back: &mut SentBack,
    ) -> Result<Vec<Line<'a>>, String> {
        let signatures: Vec<String> = listed.iter().map(|it| it.signature.clone()).collect();
        let words = |error: PortError| error.to_string();
        let known = match self.journal.filter(|_| self.has_tables) {
            Some(journal) => journal.known_transactions(&signatures).await.map_err(words)?,
            None => BTreeSet::new(),
        };
        let decided = match self.journal {
            Some(journal) => journal.decided(&signatures).await.map_err(words)?,
            None => Vec::new(),
        };
        let decided: BTreeMap<String, Verdict> = decided.into_iter().collect();
        let mut lines = Vec::new();
        for it in listed {
            lines.extend(self.line(accepted, it, &known, &decided, sent_back)?);
        }
        Ok(lines)
    }

    fn line(
        &self,
        accepted: &'a AcceptedToken,
        listed: &Listed,
        known: &BTreeSet<String>,
        decided: &BTreeMap<String, Verdict>,
        sent_back: &mut SentBack,
    ) -> Result<Option<Line<'a>>, String> {
        let line = |class| Line {
            accepted,
            signature: listed.signature.clone(),
            at: listed.at,
            amount: None,
            paid_back: Amount::ZERO,
            payer: None,
            class,
        };
        if known.contains(&listed.signature) {
            return Ok(Some(line(Class::Known)));
        }
        let (url, pay_to) = (&self.config.rpc_url, &self.config.merchant.pay_to);
        let Some(moved) = chain::found(url, pay_to, accepted, &listed.signature)? else {
            return Err(format!("the RPC lists {} and does not have it", listed.signature));
        };
        let Some(amount) = moved.gained() else {
            remember(sent_back, &moved);
            return Ok(None);
        };
        let verdict = decided.get(&listed.signature).copied();
        let (class, payer) = match (self.payer(accepted, &moved, amount), verdict) {
            (payer, Some(verdict)) => (Class::Decided(verdict), payer),
            (Some(payer), None) => (Class::Unexplained, Some(payer)),
            (None, None) => (Class::Foreign, None),
        };
        let payer = payer.or_else(|| moved.payer().map(str::to_owned));
        let mut line = Line { amount: Some(amount), payer, at: listed.at.or(moved.at), ..line(class) };
        if matches!(class, Class::Unexplained | Class::Decided(Verdict::Owed)) {
            line.paid_back = taken(sent_back, line.payer.as_deref(), amount);
        }
        Ok(Some(line))
    }

    /// Returns the wallet that has paid, if the transaction carries a memo of this gateway for what the account gained.
    fn payer(&self, accepted: &AcceptedToken, moved: &Moved, amount: Amount) -> Option<String> {
        let recognised = recognise(self.keys, self.config, accepted, &moved.transaction)?;
        (recognised.amount == amount).then(|| recognised.payer.to_string())
    }

    /// Returns the payment that a transaction makes to one of the merchant's accounts.
    pub(super) async fn one(&self, signature: &str) -> Result<Option<Line<'a>>, String> {
        for accepted in &self.config.merchant.tokens {
            let listed = [Listed { signature: signature.to_owned(), at: None }];
            let lines = self.lines(accepted, &listed, &mut SentBack::new()).await?;
            if let Some(line) = lines.into_iter().next() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

/// Remembers to whom the merchant's wallet has sent tokens.
fn remember(sent_back: &mut SentBack, moved: &Moved) {
    // Others may move tokens among themselves in a transaction that names the account.
    if moved.change >= 0 {
        return;
    }
    for (owner, change) in &moved.others {
        let Ok(gained @ 1..) = u64::try_from(*change) else { continue };
        if sent_back.len() < WALLETS || sent_back.contains_key(owner) {
            let sum = sent_back.entry(owner.clone()).or_default();
            *sum = sum.saturating_add(gained);
        }
    }
}

/// Takes up to `amount` of what was sent to this wallet later.
fn taken(sent_back: &mut SentBack, payer: Option<&str>, amount: Amount) -> Amount {
    let Some(left) = payer.and_then(|payer| sent_back.get_mut(payer)) else { return Amount::ZERO };
    let taken = amount.atomic().min(*left);
    *left = left.saturating_sub(taken);
    Amount::new(taken)
}
