//! Reads what was sold, for the owner: the list of sales, and their totals.
//!
//! Each sale is a row of the table `sale`, and its details stand in the record of its payment.

use super::schema::VERSION;
use super::sql::{SqlJournal, parse};
use super::value::{Sql, Value, bound, corrupt, number};
use crate::account::Account;
use crate::error::StoreError;
use crate::ids::{AssetId, SessionId};
use crate::money::{Money, to_decimal};
use crate::ports::PortError;
use crate::quote::Operation;
use crate::session::index::PaymentRecord;
use crate::time::Timestamp;

/// Selects sales behind a number. A page that finds enough stops there, so reading everything reads each row once.
const SALES: &str = "SELECT number, sale.at, asset, record
    FROM sale LEFT JOIN payment ON payment.id = sale.payment
    WHERE number > ?1 AND sale.at >= ?2 AND (?3 IS NULL OR asset = ?3) ORDER BY number LIMIT ?4";
const LAST: &str = "SELECT number FROM sale WHERE number > ?1 ORDER BY number DESC LIMIT 1";
/// Sums sales up in two halves, because SQLite would refuse a sum above its largest integer: the last nine digits of
/// each amount, and those before them.
const TOTALS: &str = "SELECT asset, network, token, decimals, count(*),
        sum(CAST(substr(amount, 1, max(length(amount) - 9, 0)) AS INTEGER)),
        sum(CAST(substr(amount, -9) AS INTEGER))
    FROM sale WHERE number > ?1 AND number <= ?2 GROUP BY asset, network, token, decimals";

/// The statements that must find their rows by the number alone.
#[cfg(test)]
pub(super) const READS: &[&str] = &[SALES, LAST];

/// How many sales one statement sums up. It takes some tens of milliseconds, so a gateway can do it while it sells.
const SUMMED_AT_ONCE: u64 = 50_000;
/// What the first half of an amount counts in.
const HALF: u128 = 1_000_000_000;

/// A sale: a payment that landed and was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Its place in the order in which sales were recorded, from 1.
    pub number: u64,
    /// When it was seen that the money has moved.
    pub at: Timestamp,
    pub asset: AssetId,
    /// How many units of the tariff were bought.
    pub quantity: u64,
    /// The time that was bought, in seconds; `None` if it was something else than time.
    pub seconds: Option<u64>,
    /// What was paid.
    pub price: Money,
    /// The wallet that paid.
    pub payer: Account,
    /// The session that was started or extended.
    pub session: SessionId,
    /// The transaction's id, as its rail names it; `None` if there is none.
    pub transaction: Option<String>,
    /// Whether it has extended a session that was running.
    pub is_extension: bool,
}

/// What was sold of one asset for one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalesTotal {
    pub asset: AssetId,
    /// The network's CAIP-2 identifier.
    pub network: String,
    /// The token's address.
    pub token: Account,
    /// How many decimals the token has.
    pub decimals: u8,
    /// How many sales.
    pub sales: u64,
    /// What was paid in all, in atomic units.
    pub amount: u128,
}

impl From<&Sale> for SalesTotal {
    fn from(sale: &Sale) -> Self {
        let Money { network, token, amount, decimals } = sale.price.clone();
        Self { asset: sale.asset.clone(), network, token, decimals, sales: 1, amount: amount.atomic().into() }
    }
}

impl SalesTotal {
    /// Adds another total for the same token.
    pub fn add(&mut self, more: &Self) {
        self.sales = self.sales.saturating_add(more.sales);
        self.amount = self.amount.saturating_add(more.amount);
    }

    /// Returns what was paid in all, in token units, exactly.
    #[must_use]
    pub fn decimal(&self) -> String {
        to_decimal(self.amount, self.decimals)
    }
}

impl<S: Sql> SqlJournal<S> {
    /// Returns whether there are tables, and makes none.
    ///
    /// # Errors
    /// When the tables are of another version, or storage does not answer.
    pub async fn has_tables(&self) -> Result<bool, PortError> {
        match self.version().await? {
            Some(VERSION) => Ok(true),
            Some(found) => Err(StoreError::Version { found, own: VERSION }.into()),
            None => Ok(false),
        }
    }

    /// Returns sales with a higher number than `after`, in the order of their numbers and at most `limit`: those since a
    /// moment, and with `asset` only those of that asset.
    ///
    /// # Errors
    /// When storage does not answer, or a sale can't be read. No sale is left out instead.
    pub async fn sales(
        &self,
        after: u64,
        since: Timestamp,
        asset: Option<&AssetId>,
        limit: u32,
    ) -> Result<Vec<Sale>, PortError> {
        let asset = asset.map_or(Value::Null, |asset| Value::Text(asset.to_string()));
        let parameters = [bound(after), bound(since.millis()), asset, Value::Integer(i64::from(limit))];
        let rows = self.run(SALES, &parameters).await?;
        rows.iter().map(|row| sale(row)).collect()
    }

    /// Returns the totals of the sales with a higher number than `after`, and the highest number among them. An asset or
    /// a token may appear several times.
    ///
    /// The cost grows with the number of new sales: who asks again with the number of the last answer pays only for what
    /// was sold since.
    ///
    /// # Errors
    /// When storage does not answer, or a total can't be read.
    pub async fn sales_totals(&self, after: u64) -> Result<(u64, Vec<SalesTotal>), PortError> {
        let rows = self.run(LAST, &[bound(after)]).await?;
        let last = rows.first().map_or(Ok(after), |row| number(row.first()))?;
        let (mut from, mut totals) = (after, Vec::new());
        while from < last {
            let to = from.saturating_add(SUMMED_AT_ONCE).min(last);
            for row in &self.run(TOTALS, &[bound(from), bound(to)]).await? {
                totals.push(total(row)?);
            }
            from = to;
        }
        Ok((last, totals))
    }
}

fn sale(row: &[Value]) -> Result<Sale, PortError> {
    let record: PaymentRecord = parse(row.get(3), "the payment of a sale")?;
    Ok(Sale {
        number: number(row.first())?,
        at: Timestamp::from_millis(number(row.get(1))?),
        asset: asset(row.get(2))?,
        quantity: record.purchase.quantity,
        seconds: record.purchase.allowance.seconds(),
        price: record.purchase.price,
        payer: record.payer,
        session: record.session,
        transaction: record.transaction,
        is_extension: matches!(record.operation, Operation::Extend { .. }),
    })
}

fn total(row: &[Value]) -> Result<SalesTotal, PortError> {
    let [id, Value::Text(network), Value::Text(token), decimals, sales, high, low] = row else {
        return Err(corrupt("a total of sales"));
    };
    let (high, low) = (number(Some(high))?, number(Some(low))?);
    Ok(SalesTotal {
        asset: asset(Some(id))?,
        network: network.clone(),
        token: Account::new(token),
        decimals: u8::try_from(number(Some(decimals))?).map_err(|_| corrupt("a token's decimals"))?,
        sales: number(Some(sales))?,
        amount: u128::from(high) * HALF + u128::from(low),
    })
}

fn asset(value: Option<&Value>) -> Result<AssetId, PortError> {
    let id = match value {
        Some(Value::Text(text)) => AssetId::parse(text),
        _ => None,
    };
    id.ok_or_else(|| corrupt("the asset of a sale"))
}
