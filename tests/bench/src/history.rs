//! Loads an asset with a long history beside one with a short history.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use coinop_core::bench::{
    Allowance, ClaimRequest, Command, Fulfilment, Guarded, Operation, Purchase, Rail, StreamState, SvmExact,
    Ticket, decide,
};
use coinop_core::device::{LockState, ReportedState};
use coinop_core::ports::{Appended, Batch, Claim, Landing, Streams as _};
use coinop_core::store::{Sql, SqlError, SqlJournal, Value};
use coinop_core::svm::Network;
use coinop_core::{Amount, Money, Now, PaymentId, SessionId, StreamId, Timestamp};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::payments::{address, key};

/// How many loads are timed together.
const LOADS: u32 = 200;

/// A database with two assets: one with few past sessions, and one with many.
pub(crate) struct History {
    journal: SqlJournal<File>,
    few: StreamId,
    many: StreamId,
    _folder: tempfile::TempDir,
}

/// The average time of one load.
pub(crate) struct Round {
    pub(crate) few: Duration,
    pub(crate) many: Duration,
}

impl History {
    pub(crate) async fn new(few: u64, many: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let journal = SqlJournal::new(File::open(&folder.path().join("coinop.db"))?, "main".to_owned());
        wrong(journal.prepare().await)?;
        let id = |text| StreamId::parse(text).context("an id");
        let history = Self { journal, few: id("few")?, many: id("many")?, _folder: folder };
        history.live_through(&history.few, few).await?;
        history.live_through(&history.many, many).await?;
        Ok(history)
    }

    /// Appends this many sessions, one after the other, each from the claim to the lock.
    async fn live_through(&self, asset: &StreamId, sessions: u64) -> Result<()> {
        let (mut state, mut revision) = (StreamState::default(), 0);
        for number in 0..sessions {
            let start = 1_700_000_000_000 + number * 10_000;
            let claim = claim(asset, number);
            let payment = claim.payment.clone();
            let steps = [
                (start, Command::Claim(Box::new(ClaimRequest { claim, waits_until: None, generation: 0 }))),
                (
                    start + 500,
                    Command::Landed {
                        payment,
                        landing: Landing::SvmExact { slot: number },
                        is_awaited: false,
                    },
                ),
                (start + 600, Command::Reported(report(number * 2 + 1, LockState::Unlocked, start + 600))),
                (start + 1_500, Command::EndDue),
                (start + 1_600, Command::Reported(report(number * 2 + 2, LockState::Locked, start + 1_600))),
            ];
            for (at, command) in steps {
                let now = Now { wall: Timestamp::from_millis(at), mono: None };
                let events = decide(&state, command, &now).map_err(|reject| anyhow::anyhow!("{reject:?}"))?;
                let batch = Batch::new(asset, &state, events, &now).context("nothing happened")?;
                let appended = wrong(self.journal.append(asset, revision, &batch).await)?;
                ensure!(appended == Appended::Done, "an append met a conflict");
                (state, revision) = (batch.state, revision + 1);
            }
        }
        ensure!(state.session.is_none(), "the last session has not ended");
        Ok(())
    }

    /// Loads both in turns, in short passes. Returns the fastest pass of each.
    pub(crate) async fn round(&self) -> Result<Round> {
        let mut round = Round { few: Duration::MAX, many: Duration::MAX };
        for _ in 0..20 {
            round.few = round.few.min(self.load(&self.few).await?);
            round.many = round.many.min(self.load(&self.many).await?);
        }
        Ok(round)
    }

    async fn load(&self, asset: &StreamId) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..LOADS {
            let snapshot = wrong(self.journal.load(asset).await)?;
            ensure!(snapshot.revision > 0, "nothing was loaded");
        }
        Ok(start.elapsed() / LOADS)
    }
}

fn report(sequence: u64, state: LockState, at: u64) -> ReportedState {
    ReportedState::of_lock(sequence, state, Timestamp::from_millis(at))
}

fn claim(asset: &StreamId, number: u64) -> Claim {
    let payer = address(&key(number % 1_000));
    let name = format!("{asset} {number}");
    let mut random = [0; 16];
    random[..8].copy_from_slice(&number.to_be_bytes());
    random[8..12].copy_from_slice(
        &asset.asset().as_str().as_bytes()[..3].iter().copied().chain([0]).collect::<Vec<_>>(),
    );
    Claim {
        payment: PaymentId::of_message(name.as_bytes()),
        operation: Operation::Access,
        session: SessionId::from_bytes(random),
        purchase: Purchase {
            quantity: 1,
            allowance: Allowance::Time { seconds: 1 },
            price: Money {
                network: Network::Devnet.caip2().to_owned(),
                token: payer.into(),
                amount: Amount::new(10_000),
                decimals: 6,
            },
        },
        ticket: Some(Ticket::from_text(&name).id()),
        payer: payer.into(),
        rail: Rail::SvmExact(SvmExact {
            source: payer,
            transaction: "A".repeat(600),
            signature: name,
            height: number,
            fee_payer: payer,
            fee_lamports: 10_001,
            guarded: Guarded::default(),
        }),
        fulfilment: Fulfilment::Lock,
        seats: None,
        refund: Default::default(),
        at: Timestamp::default(),
    }
}

fn wrong<T>(result: Result<T, coinop_core::ports::PortError>) -> Result<T> {
    result.map_err(|error| anyhow::anyhow!("{error}"))
}

/// A database file, opened as `coinop serve` opens its own, but without fsyncs, because only reading is
/// measured.
struct File(Connection);

impl File {
    fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "off")?;
        Ok(Self(connection))
    }

    fn execute(&self, statement: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => (*number).into(),
            Value::Text(text) => text.clone().into(),
        });
        let mut statement = self.0.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    _ => Value::Null,
                })
            };
            all.push((0..columns).map(value).collect::<rusqlite::Result<_>>()?);
        }
        Ok(all)
    }
}

impl Sql for File {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.execute(statement, parameters).map_err(|error| SqlError::from_message(&error.to_string()))
    }
}
