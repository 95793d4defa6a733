//! The ports that an object gives its shard: a database, an alarm, the other objects, the catalogue in KV.

use std::rc::Rc;

use coinop_core::Timestamp;
use coinop_core::error::StoreError;
use coinop_core::ports::{Clock as _, Entropy as _, PortError};
use coinop_core::sharded::{AGAIN_MS, Publication, ShardPorts};
use worker::{Env, State, Storage, console_error};

use crate::alarm::ObjectAlarm;
use crate::call::Objects;
use crate::catalogue;
use crate::deployment::Instance;
use crate::hooks;
use crate::runtime::WorkerEntropy;
use crate::sql::ObjectSql;

/// The ports of one object's shard, or of no shard.
#[derive(Clone)]
pub(crate) struct ObjectPorts(Rc<Inside>);

struct Inside {
    sql: ObjectSql,
    alarm: ObjectAlarm,
    objects: Objects,
    /// The object's storage, or `None` without an object.
    storage: Option<Storage>,
}

impl ObjectPorts {
    /// Makes the ports of an object.
    pub(crate) fn of(state: &State, env: &Env, instance: &'static Instance) -> Self {
        let storage = state.storage();
        let (sql, alarm) = (ObjectSql::of(&storage), ObjectAlarm::new(Some(state.storage())));
        let objects = Objects { env: env.clone(), instance };
        Self(Rc::new(Inside { sql, alarm, objects, storage: Some(storage) }))
    }

    /// Makes ports without an object. Every use of the database or the alarm is an error.
    pub(crate) fn none(env: &Env, instance: &'static Instance) -> Self {
        let (sql, alarm) = (ObjectSql::none(), ObjectAlarm::new(None));
        let objects = Objects { env: env.clone(), instance };
        Self(Rc::new(Inside { sql, alarm, objects, storage: None }))
    }

    pub(crate) fn database(&self) -> ObjectSql {
        self.0.sql.clone()
    }

    /// Returns the bindings.
    pub(crate) fn env(&self) -> &Env {
        &self.0.objects.env
    }

    /// Notes that the alarm has gone off and was set again.
    pub(crate) fn on_alarm(&self) {
        self.0.alarm.on_alarm(self.now().plus_millis(AGAIN_MS));
    }
}

impl ShardPorts for ObjectPorts {
    type Sql = ObjectSql;
    type Alarm = ObjectAlarm;
    type Transport = Objects;

    fn sql(&self) -> &ObjectSql {
        &self.0.sql
    }
    fn alarm(&self) -> &ObjectAlarm {
        &self.0.alarm
    }
    fn transport(&self) -> &Objects {
        &self.0.objects
    }
    fn now(&self) -> Timestamp {
        hooks::CLOCK.now().wall
    }
    // Not the hooks' randomness: what a shard draws must not change what a request draws after it.
    fn random(&self) -> [u8; 16] {
        WorkerEntropy.random()
    }
    fn has_tables(&self) -> bool {
        !self.0.sql.is_absent()
    }
    fn begin(&self) {
        self.0.sql.begin();
    }

    async fn delete(&self) -> Result<(), PortError> {
        let Some(storage) = &self.0.storage else { return Ok(()) };
        // Comes first, so that a request during the deletion creates the tables again.
        self.0.sql.forget();
        storage.delete_all().await.map_err(|error| {
            StoreError::Service { name: "the object can't be deleted", words: error.to_string() }.into()
        })
    }

    async fn publish(&self, publication: &Publication) -> Result<(), PortError> {
        catalogue::publish(&self.0.objects.env, publication).await
    }

    fn log(&self, line: &str) {
        console_error!("{line}");
    }
}
