//! The shard of one payer: what is in flight from each balance, the payer's trust and failures, sessions and used proofs.

use super::history::{put_owed, put_sessions};
use super::hold::{self, ENDED, ENDED_AT, HOLD, HOLD_AT, NOTE_ENDED, fee_of, refuse_ended, run, text};
use super::request::HistoryOf;
use super::shard::ShardHandler;
use super::updates::{PayerUpdate, Reservation, Reserved};
use crate::error::StoreError;
use crate::ports::{Accounts as _, PayerHistory, PortError};
use crate::store::fees::{EARN_TRUST, TRUST, is_trusted, put_back_trust, take_trust};
use crate::store::guards::guard_message;
use crate::store::schema::{
    FAILURE, FAILURE_AT, IN_FLIGHT, IN_FLIGHT_SOURCE, OWED, SESSION, SESSION_PAYER, SOURCE_BALANCE,
    SOURCE_BALANCE_CLOSED, USED_PROOF, hold_against_source,
};
use crate::store::{Sql, SqlError, SqlJournal, Value, bound, integer, json};

/// The tables. One statement makes a whole reservation or none.
const TABLES: &[&str] = &[
    IN_FLIGHT,
    IN_FLIGHT_SOURCE,
    SOURCE_BALANCE,
    SOURCE_BALANCE_CLOSED,
    TRUST,
    OWED,
    concat!(
        "CREATE TRIGGER IF NOT EXISTS trust_put_back AFTER DELETE ON in_flight WHEN OLD.payer IS NOT NULL BEGIN
        ",
        put_back_trust!(),
        "
    END"
    ),
    FAILURE,
    FAILURE_AT,
    SESSION,
    SESSION_PAYER,
    EARN_TRUST[0],
    EARN_TRUST[1],
    HOLD,
    HOLD_AT,
    ENDED,
    ENDED_AT,
    USED_PROOF,
    "CREATE VIEW IF NOT EXISTS reservation (payment, attempt, stream, at, funds, fee) AS
        SELECT payment, attempt, stream, at, '', '' FROM hold WHERE 0",
    // A second attempt for the same payment takes nothing more from the balance.
    "CREATE TRIGGER IF NOT EXISTS reservation_repeated INSTEAD OF INSERT ON reservation
        WHEN EXISTS (SELECT 1 FROM in_flight WHERE payment = NEW.payment) BEGIN
        INSERT OR IGNORE INTO hold (payment, attempt, stream, at)
            VALUES (NEW.payment, NEW.attempt, NEW.stream, NEW.at);
    END",
    concat!(
        "CREATE TRIGGER IF NOT EXISTS reservation_made INSTEAD OF INSERT ON reservation
        WHEN NOT EXISTS (SELECT 1 FROM in_flight WHERE payment = NEW.payment) BEGIN
        ",
        refuse_ended!(),
        "
        ",
        hold_against_source!(),
        "
        INSERT INTO in_flight (stream, payment, source, amount, exclusive, fee, payer, bearer)
            SELECT NEW.stream, NEW.payment, funds ->> '$.source', CAST(funds ->> '$.amount' AS INTEGER),
                funds ->> '$.exclusive', NEW.fee ->> '$.lamports', NEW.fee ->> '$.payer',
                CASE WHEN ",
        is_trusted!("NEW.fee"),
        " THEN 'trust' END
            FROM (SELECT NEW.funds AS funds);
        ",
        take_trust!(
            "NEW.fee",
            "EXISTS (SELECT 1 FROM in_flight WHERE payment = NEW.payment AND bearer = 'trust')"
        ),
        "
        INSERT INTO hold (payment, attempt, stream, at)
            VALUES (NEW.payment, NEW.attempt, NEW.stream, NEW.at);
    END"
    ),
];

const RESERVE: &str =
    "INSERT INTO reservation (payment, attempt, stream, at, funds, fee) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
/// Returns what bears a payment's fee.
const BEARER: &str = "SELECT bearer FROM in_flight WHERE payment = ?1 AND bearer = 'trust'";
/// Notes how a payment has ended, before it is removed.
const ENDS: &str = "UPDATE in_flight SET ends = ?2 WHERE payment = ?1";
/// Removes a payment from what is in flight once no attempt holds it.
const DROP_UNHELD: &str =
    "DELETE FROM in_flight WHERE payment = ?1 AND NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1)";
const FORGET_FAILURES: &str = "DELETE FROM failure WHERE at < ?1";
const FAILED: &str = "INSERT OR IGNORE INTO failure (payer, at, payment, is_bounce) VALUES (?1, ?2, ?3, ?4)";

/// How long a failure is remembered, in milliseconds. It counts against its payer as long.
const FAILURE_KEPT_MS: u64 = 86_400_000;

/// One payer's shard, on its own database.
#[derive(Debug)]
pub struct PayerShard<S> {
    sql: S,
}

impl<S> PayerShard<S> {
    /// Returns the shard of one payer. Run [`ShardHandler::prepare`] before anything else.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }
}

impl<S: Sql + Clone> ShardHandler for PayerShard<S> {
    type Sql = S;
    type Update = PayerUpdate;
    type LookUp = HistoryOf;

    const TABLES: &'static [&'static str] = TABLES;
    const NOTE_ENDED: &'static [&'static str] = NOTE_ENDED;
    const GIVE_BACK: &'static [&'static str] = &[DROP_UNHELD];
    const SPEND: &'static [&'static str] = &[DROP_UNHELD];

    fn sql(&self) -> &S {
        &self.sql
    }

    /// Reserves what a payment takes from its balance, and its fee from its payer's trust if that covers it.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        let [payment, attempt, stream, at] = hold::attempt(reservation)?;
        // Without a source account, the reservation would check nothing.
        let funds = reservation.funds.as_ref().filter(|funds| funds.source.is_some());
        let funds = funds.ok_or(StoreError::Invariant("a reservation names no balance"))?;
        let funds = json(funds)?;
        let fee = fee_of(reservation)?;
        match self.sql.run(RESERVE, &[payment.clone(), attempt, stream, at, funds, fee]).await {
            Ok(_) => {
                let is_trusted = !run(&self.sql, BEARER, &[payment]).await?.is_empty();
                Ok(if is_trusted { Reserved::Trusted } else { Reserved::Done })
            }
            Err(SqlError::NotCovered) => Ok(Reserved::NotCovered),
            Err(SqlError::GuardAtRisk) => Ok(Reserved::GuardAtRisk),
            Err(SqlError::HasEnded) => Ok(Reserved::HasEnded),
            Err(error) => Err(StoreError::Database(error).into()),
        }
    }

    /// Records the payments that ended and the sessions that changed.
    async fn apply(&self, update: &PayerUpdate) -> Result<(), PortError> {
        let payer = update.payer.to_string();
        for ended in &update.ended {
            if let Some(ends) = ended.ends() {
                run(&self.sql, ENDS, &[text(ended.payment.as_str()), text(ends)]).await?;
            }
            self.holds().release_all(&ended.payment).await?;
            if let Some(failed) = ended.failed.as_ref().filter(|failed| failed.may_be_payers()) {
                let long_ago = failed.at.millis().saturating_sub(FAILURE_KEPT_MS);
                run(&self.sql, FORGET_FAILURES, &[bound(long_ago)]).await?;
                let is_bounce = Value::Integer(i64::from(failed.is_bounce()));
                let parameters =
                    [text(&payer), integer(failed.at.millis())?, text(ended.payment.as_str()), is_bounce];
                run(&self.sql, FAILED, &parameters).await?;
            }
        }
        put_owed(&self.sql, &update.owed).await?;
        put_sessions(&self.sql, &update.sessions).await
    }

    /// Returns the payer's history, from tables of the same form as a journal's.
    async fn look_up(&self, HistoryOf(payer, failures): &HistoryOf) -> Result<PayerHistory, PortError> {
        SqlJournal::new(self.sql.clone(), String::new()).history_of(payer, *failures).await
    }
}
