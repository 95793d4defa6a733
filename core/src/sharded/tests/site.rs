//! One shard of a [`Cluster`]: its database, its alarm, and its transport to the others.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Waker};

use rusqlite::Connection;

use super::cluster::{AppendFault, Cluster, Fault, SILENCE_MS};
use crate::error::{SqlError, TransportError, TransportFault};
use crate::ports::{Clock as _, Entropy as _, PortError};
use crate::sharded::{Alarm, Boxed, Publication, ShardKey, ShardPorts, ShardedJournal, Transport};
use crate::store::{Sql, Value};
use crate::testkit::platform::{Platform, execute};
use crate::time::Timestamp;

/// One shard's database and alarm. They survive when what runs on them is cut off.
#[derive(Default)]
pub(super) struct Site {
    /// `None` means the world's database.
    pub(super) database: Option<Rc<Connection>>,
    pub(super) has_tables: Cell<bool>,
    pub(super) alarm: Cell<Option<Timestamp>>,
}

#[derive(Clone)]
pub(super) struct SitePorts<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) site: Rc<Site>,
}

impl Sql for SitePorts<'_> {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        if !self.site.has_tables.get() {
            return Ok(Vec::new());
        }
        let appends = statement.starts_with("INSERT INTO batch");
        let fault = if appends { self.cluster.spoil_append.take() } else { None };
        match fault {
            Some(AppendFault::CutOff) => self.cluster.cut_off().await,
            Some(AppendFault::Errs) => return Err(SqlError::Other("disk I/O error".to_owned())),
            Some(AppendFault::WrittenButErrs) | None => {}
        }
        let database = self.site.database.as_deref().unwrap_or(&self.cluster.world.database);
        let rows = execute(database, statement, parameters)
            .map_err(|error| SqlError::from_message(&error.to_string()))?;
        if fault.is_some() {
            return Err(SqlError::Other("disk I/O error".to_owned()));
        }
        Ok(rows)
    }
}

impl Alarm for SitePorts<'_> {
    async fn armed_before<T>(
        &self,
        at: Timestamp,
        work: Boxed<'_, Result<T, PortError>>,
    ) -> Result<T, PortError> {
        if self.site.alarm.get().is_none_or(|armed| armed > at) {
            self.site.alarm.set(Some(at));
        }
        work.await
    }

    async fn armed(&self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.site.alarm.get())
    }

    async fn set(&self, at: Option<Timestamp>) -> Result<(), PortError> {
        self.site.alarm.set(at);
        Ok(())
    }
}

impl Transport for SitePorts<'_> {
    #[allow(refining_impl_trait, reason = "a shard that answers may ask another one")]
    fn carry(
        &self,
        shard: &ShardKey,
        request: &'static str,
        body: String,
    ) -> Boxed<'_, Result<String, TransportError>> {
        let (cluster, key) = (self.cluster, shard.clone());
        Box::pin(async move {
            let nth = cluster.count();
            cluster.sent.borrow_mut().push(format!("{} {request}", key.kind()));
            let fault = (cluster.spoil.borrow())(nth, &key, request);
            let delay = cluster.delays.borrow_mut().pop();
            if let Some(ms) = delay.filter(|ms| *ms > 0) {
                cluster.world.sleep(ms).await;
            }
            let silence = || Err(TransportError::new(key.kind(), TransportFault::Timeout(SILENCE_MS)));
            match fault {
                Some(Fault::Lost) => return silence(),
                Some(Fault::Silence) => {
                    cluster.world.sleep(SILENCE_MS).await;
                    return silence();
                }
                Some(Fault::Late) => {
                    cluster.late.borrow_mut().push((key.clone(), request, body));
                    return silence();
                }
                Some(Fault::CutOff) => cluster.cut_off().await,
                Some(Fault::Twice) => drop(cluster.at(&key, Some((request, &body))).await),
                Some(Fault::AnswerLost | Fault::CutOffBehind) | None => {}
            }
            let answer = cluster.at(&key, Some((request, &body))).await;
            match fault {
                Some(Fault::AnswerLost) => return silence(),
                Some(Fault::CutOffBehind) => cluster.cut_off().await,
                _ => {}
            }
            answer
                .map_err(|error| TransportError::new(key.kind(), TransportFault::Refused(error.to_string())))
        })
    }

    /// Lets the message arrive at once, unless it is delayed: then it is lost.
    fn send(&self, shard: &ShardKey, request: &'static str, body: String) {
        let mut context = Context::from_waker(Waker::noop());
        let _ = self.carry(shard, request, body).as_mut().poll(&mut context);
    }
}

impl<'c> ShardPorts for SitePorts<'c> {
    type Sql = Self;
    type Alarm = Self;
    type Transport = Self;

    fn sql(&self) -> &Self {
        self
    }
    fn alarm(&self) -> &Self {
        self
    }
    fn transport(&self) -> &Self {
        self
    }
    fn now(&self) -> Timestamp {
        self.cluster.world.now()
    }
    fn random(&self) -> [u8; 16] {
        self.cluster.world.random()
    }
    fn has_tables(&self) -> bool {
        self.site.has_tables.get()
    }
    fn begin(&self) {
        self.site.has_tables.set(true);
    }
    async fn delete(&self) -> Result<(), PortError> {
        self.cluster.sites.borrow_mut().retain(|_, site| !Rc::ptr_eq(site, &self.site));
        Ok(())
    }
    async fn publish(&self, publication: &Publication) -> Result<(), PortError> {
        if self.cluster.readers_take.get() > 0 {
            self.cluster.world.sleep(self.cluster.readers_take.get()).await;
        }
        if self.cluster.readers_are_gone.get() {
            return Err(TransportError::new("KV", TransportFault::Timeout(5_000)).into());
        }
        self.cluster.published.borrow_mut().push(publication.clone());
        Ok(())
    }
    fn log(&self, line: &str) {
        self.cluster.world.logged.borrow_mut().push(line.to_owned());
    }
}

/// The ports of a gateway at one asset's shard.
pub(super) type Shop<'c> = Platform<'c, ShardedJournal<SitePorts<'c>>>;
