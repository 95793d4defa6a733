//! The test world as the platform that a gateway runs on: its ports.

use std::task::Poll;

use super::world::{Chain, World, moved};
use crate::error::{SettleError, TransportError, TransportFault};
use crate::money::Amount;
use crate::ports::{
    Balances, Catalogue, Clock, Effort, Entropy, Found, Journal, Landing, Outcome, Ports, PrepareError,
    Prepared, Settlement, Submitted, Verified,
};
use crate::session::{Claim, Guarded, Rail, SvmExact};
use crate::store::{Sql, SqlError, SqlJournal, Value};
use crate::svm::{Address, RecentBlockhash};
use crate::time::{Monotonic, Now, Timestamp};

/// The ports of one gateway. Each run makes new ones, as after a start.
pub struct Platform<'w, J = SqlJournal<Tables<'w>>, S = World> {
    world: &'w World,
    pub journal: J,
    settlement: &'w S,
}

impl<'w> Platform<'w> {
    /// Returns the ports of a gateway that is started in this world, with the journal in the world's database.
    pub fn new(world: &'w World) -> Self {
        Self::settling(world, world)
    }
}

impl<'w, S> Platform<'w, SqlJournal<Tables<'w>>, S> {
    /// Returns the same with another settlement than the world's.
    pub fn settling(world: &'w World, settlement: &'w S) -> Self {
        Self { world, journal: SqlJournal::new(Tables(world), "main".to_owned()), settlement }
    }
}

impl<'w, J> Platform<'w, J> {
    /// Returns the same with another journal than the world's.
    pub const fn writing(world: &'w World, journal: J) -> Self {
        Self { world, journal, settlement: world }
    }
}

impl<J: Journal + Catalogue, S: Settlement> Ports for Platform<'_, J, S> {
    type Clock = World;
    type Entropy = World;
    type Journal = J;
    type Catalogue = J;
    type Settlement = S;

    fn clock(&self) -> &World {
        self.world
    }
    fn entropy(&self) -> &World {
        self.world
    }
    fn journal(&self) -> &Self::Journal {
        &self.journal
    }
    fn catalogue(&self) -> &Self::Catalogue {
        &self.journal
    }
    fn settlement(&self) -> &S {
        self.settlement
    }
    fn log(&self, line: &str) {
        self.world.logged.borrow_mut().push(line.to_owned());
    }
}

impl Clock for World {
    fn now(&self) -> Now {
        let mono = Monotonic { boot: format!("boot {}", self.boots.get()), ms: self.mono.get() };
        Now { wall: self.now(), mono: Some(mono) }
    }

    async fn sleep(&self, ms: u64) {
        self.point().await;
        let until = self.mono.get() + ms.max(1);
        std::future::poll_fn(|_| {
            if self.mono.get() >= until {
                return Poll::Ready(());
            }
            self.wake_at.set(self.wake_at.get().min(until));
            Poll::Pending
        })
        .await;
    }
}

impl Entropy for World {
    fn random(&self) -> [u8; 16] {
        u128::from(self.draw()).to_be_bytes()
    }
}

impl Settlement for World {
    fn fee_payers(&self) -> &[Address] {
        &self.fee_payers
    }

    fn recent_blockhash(&self, now: Timestamp) -> Option<RecentBlockhash> {
        self.recent.get().filter(|recent| recent.is_fresh(now))
    }

    async fn fetch_blockhash(&self, now: Timestamp) -> Result<RecentBlockhash, SettleError> {
        self.sleep(10).await;
        let blockhash = self.draw().to_be_bytes();
        Ok(RecentBlockhash {
            blockhash: std::array::from_fn(|at| blockhash[at % blockhash.len()]),
            last_valid_block_height: self.mono.get() / 400 + 150,
            seen_at: now,
        })
    }

    async fn prepare(&self, verified: &Verified, _: Timestamp) -> Result<Prepared, PrepareError> {
        let payment = &verified.exact().payment;
        self.point().await;
        self.prepares.set(self.prepares.get() + 1);
        let settled = self.ledger.landed(&payment.id).is_some();
        // While the answer travels, others get their turn, and it may be outdated when it arrives.
        let first = self.slow_first.take();
        self.sleep(first.unwrap_or(10)).await;
        if settled {
            return Err(PrepareError::AlreadySettled);
        }
        let too_little = PrepareError::Refused { reason: "insufficient_funds", detail: "too little" };
        let transfer = &payment.transaction.message.instructions[usize::from(payment.transfer_at)];
        let amount = u64::from_le_bytes(transfer.data[1..9].try_into().unwrap());
        let left = self.ledger.balance(&payment.source).checked_sub(amount).ok_or(too_little)?;
        self.sleep(10).await;
        Ok(Prepared {
            rail: Rail::SvmExact(SvmExact {
                source: payment.source,
                transaction: crate::encoding::base64(&payment.transaction.encode().unwrap()),
                signature: payment.id.as_str().to_owned(),
                height: self.mono.get() / 400,
                fee_payer: payment.fee_payer,
                fee_lamports: payment.fee_lamports,
                guarded: Guarded {
                    source: payment.guards.exclusive_source,
                    fee_payer_floor: payment.guards.fee_payer_floor,
                },
            }),
            balances: Some(Balances {
                remaining: Amount::new(left),
                shared: self.shared.get(),
                fee_payer: self.fee_payer_lamports.get(),
            }),
        })
    }

    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError> {
        self.point().await;
        self.sends.set(self.sends.get() + 1);
        // Without the bytes and their id in the journal, the payment could not be looked up after a crash.
        let journalled = format!(
            "head, json_each(state, '$.claims') AS claim WHERE claim.value ->> '$.rail.svm_exact.signature' = '{}'
                AND claim.value ->> '$.rail.svm_exact.transaction' = '{}'",
            claim.payment.as_str(),
            claim.rail.exact().transaction
        );
        assert_eq!(self.count_in_journals(&journalled), 1, "sent before it was journalled");
        if self.chain.get() != Chain::Drops {
            let bytes = crate::encoding::from_base64(&claim.rail.exact().transaction).unwrap();
            self.ledger.execute(claim, moved(&bytes), self.wall.get());
        }
        self.point().await;
        match self.chain.get() {
            Chain::LandsButErrs => {
                Err(SettleError::Rpc(TransportError::new("the RPC", TransportFault::Timeout(1)).into()))
            }
            _ => Ok(Submitted::AsClaimed),
        }
    }

    fn first_look_ms(&self) -> u64 {
        150
    }

    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome {
        self.point().await;
        let landed = self.ledger.landed(&claim.payment);
        let shown = !matches!(self.chain.get(), Chain::ShownFrom(at) if self.wall.get() < at);
        let dead = self.mono.get() / 400 > claim.rail.exact().height + 150 + 32;
        let outcome = match (landed, effort) {
            (Some(landed), _) if shown => landed.outcome(self.wall.get()),
            (None, Effort::Thorough) if dead => Outcome::Failed { reason: "transaction_expired" },
            _ => Outcome::Unclear,
        };
        self.point().await;
        outcome
    }

    async fn find(&self, verified: &Verified, since: Timestamp) -> Result<Option<Found>, SettleError> {
        let payment = &verified.exact().payment;
        self.point().await;
        self.finds.set(self.finds.get() + 1);
        let landed = self.ledger.landed(&payment.id).filter(|landed| landed.moved_since(since.millis()));
        Ok(landed.map(|landed| Found {
            rail: Rail::SvmExact(SvmExact {
                source: payment.source,
                transaction: crate::encoding::base64(&payment.transaction.encode().unwrap()),
                signature: payment.id.as_str().to_owned(),
                height: 0,
                fee_payer: payment.fee_payer,
                fee_lamports: payment.fee_lamports,
                guarded: Guarded::default(),
            }),
            landing: Landing::SvmExact { slot: 1 },
            at: Some(landed.at()),
        }))
    }

    async fn health(&self) -> Result<(), SettleError> {
        Ok(())
    }
}

/// The world's database, with a crash point before and after each write.
pub struct Tables<'w>(pub &'w World);

impl Sql for Tables<'_> {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        let writes = statement.starts_with("INSERT");
        if writes {
            self.0.point().await;
        }
        let result = execute(&self.0.database, statement, parameters);
        if writes {
            self.0.point().await;
        }
        // While the answer travels, others get their turn, and what was read may be outdated when it arrives.
        self.0.turn().await;
        result.map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

/// Runs one statement on a database.
pub fn execute(
    database: &rusqlite::Connection,
    statement: &str,
    parameters: &[Value],
) -> rusqlite::Result<Vec<Vec<Value>>> {
    let parameters = parameters.iter().map(|value| match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(number) => rusqlite::types::Value::Integer(*number),
        Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
    });
    let mut prepared = database.prepare(statement)?;
    let columns = prepared.column_count();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let value = |column| {
            Ok(match row.get_ref(column)? {
                rusqlite::types::ValueRef::Integer(number) => Value::Integer(number),
                rusqlite::types::ValueRef::Text(text) => {
                    Value::Text(String::from_utf8_lossy(text).into_owned())
                }
                _ => Value::Null,
            })
        };
        found.push((0..columns).map(value).collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}
