//! The test world's platform, with another catalogue beside its journal, and a journal that is watched.

use std::cell::Cell;

use crate::ports::{Catalogue, Ports};
use crate::store::{Sql, SqlError, Value};
use crate::testkit::platform::{Platform, Tables};

pub(super) struct WithCatalogue<'w, J, C> {
    pub(super) platform: Platform<'w, J>,
    pub(super) catalogue: C,
}

impl<'w, J, C: Catalogue> Ports for WithCatalogue<'w, J, C>
where
    Platform<'w, J>: Ports,
{
    type Clock = <Platform<'w, J> as Ports>::Clock;
    type Entropy = <Platform<'w, J> as Ports>::Entropy;
    type Journal = <Platform<'w, J> as Ports>::Journal;
    type Catalogue = C;
    type Settlement = <Platform<'w, J> as Ports>::Settlement;

    fn clock(&self) -> &Self::Clock {
        self.platform.clock()
    }
    fn entropy(&self) -> &Self::Entropy {
        self.platform.entropy()
    }
    fn journal(&self) -> &Self::Journal {
        self.platform.journal()
    }
    fn catalogue(&self) -> &C {
        &self.catalogue
    }
    fn settlement(&self) -> &Self::Settlement {
        self.platform.settlement()
    }
    fn log(&self, line: &str) {
        self.platform.log(line);
    }
}

/// A database that counts how often it is asked.
pub(super) struct Counted<'w> {
    pub(super) tables: Tables<'w>,
    pub(super) asked: &'w Cell<u32>,
}

impl Sql for Counted<'_> {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.asked.set(self.asked.get() + 1);
        self.tables.run(statement, parameters).await
    }
}
