//! What all streams share: payers with their trust and proofs, budgets and seats.

#![allow(async_fn_in_trait, reason = "as the ports")]

use std::collections::BTreeMap;

use super::sql::SqlJournal;
use super::value::{Sql, Value, bound, integer, number, text};
use crate::account::Account;
use crate::error::{SqlError, StoreError};
use crate::ids::AssetId;
use crate::ports::{Accounts, PayerHistory, PortError};
use crate::session::PastFailure;
use crate::session::fee::{Budget, Limit};
use crate::sign_in::Proven;
use crate::time::Timestamp;

pub(super) const FAILURES_OF: &str =
    "SELECT at, is_bounce FROM failure WHERE payer = ?1 ORDER BY at DESC LIMIT ?2";
pub(super) const TRUST_OF: &str = "SELECT max(lamports, 0) FROM trust WHERE payer = ?1";
pub(super) const SPENT_OF: &str = "SELECT spent, at FROM fee_budget WHERE name = ?1";
pub(super) const HAS_BOUGHT: &str = "SELECT 1 FROM session WHERE payer = ?1 LIMIT 1";
pub(super) const SEATS_OF: &str =
    "SELECT asset, count(*) FROM seat WHERE asset IN (SELECT value FROM json_each(?1)) GROUP BY asset";
pub(super) const FORGET_PROOFS: &str = "DELETE FROM used_proof WHERE expires <= ?1";
pub(super) const USE_PROOF: &str = "INSERT INTO used_proof (nonce, payer, expires) VALUES (?1, ?2, ?3)";
pub(crate) const SEATS: &str = "SELECT count(*) FROM seat WHERE asset = ?1";

impl<S: Sql> Accounts for SqlJournal<S> {
    async fn history_of(&self, payer: &Account, failures: u32) -> Result<PayerHistory, PortError> {
        let payer = Value::Text(payer.to_string());
        let rows = self.run(FAILURES_OF, &[payer.clone(), Value::Integer(i64::from(failures))]).await?;
        let failures = rows.iter().map(|row| {
            let at = Timestamp::from_millis(number(row.first())?);
            Ok::<_, PortError>(PastFailure { at, is_bounce: number(row.get(1))? != 0 })
        });
        let failures = failures.collect::<Result<_, _>>()?;
        let trust = self.run(TRUST_OF, std::slice::from_ref(&payer)).await?;
        let trust = trust.first().map_or(Ok(0), |row| number(row.first()))?;
        let has_bought = !self.run(HAS_BOUGHT, &[payer]).await?.is_empty();
        Ok(PayerHistory { failures, trust, has_bought })
    }

    fn counts_fees(&self) -> bool {
        true
    }

    async fn fees_of_newcomers(
        &self,
        budget: Budget,
        limit: Limit,
        now: Timestamp,
    ) -> Result<u64, PortError> {
        let rows = self.run(SPENT_OF, &[Value::Text(budget.name().to_owned())]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let at = Timestamp::from_millis(number(row.get(1))?);
        Ok(number(row.first())?.saturating_sub(limit.refilled(now.millis_since(at))))
    }

    async fn seats_taken(&self, asset: &AssetId) -> Result<u64, PortError> {
        let rows = self.run(SEATS, &[self.key(asset)]).await?;
        rows.first().map_or(Ok(0), |row| number(row.first()))
    }

    async fn seats_taken_of(&self, assets: &[AssetId]) -> Result<Vec<u64>, PortError> {
        let rows = self.run(SEATS_OF, &[self.keys(assets)?]).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            found.insert(text(row.first(), "an asset's key")?, number(row.get(1))?);
        }
        Ok(assets.iter().map(|asset| found.get(self.key_of(asset).as_str()).copied().unwrap_or(0)).collect())
    }

    async fn use_proof(&self, proven: &Proven, now: Timestamp) -> Result<bool, PortError> {
        self.run(FORGET_PROOFS, &[bound(now.millis())]).await?;
        let Proven { payer, nonce, expires_at } = proven;
        let proof =
            [Value::Text(nonce.clone()), Value::Text(payer.to_string()), integer(expires_at.millis())?];
        match self.sql().run(USE_PROOF, &proof).await {
            Ok(_) => Ok(true),
            Err(SqlError::Unique) => Ok(false),
            Err(error) => Err(StoreError::Database(error).into()),
        }
    }
}
