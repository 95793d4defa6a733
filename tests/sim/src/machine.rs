//! The clock and the randomness of a process.

use std::rc::Weak;

use coinop_core::ports::{Clock, Entropy};
use coinop_core::{Now, Timestamp};

use crate::executor::Process;
use crate::world::World;

/// The machine that a process runs on.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) world: Weak<World>,
    pub(crate) process: Process,
}

impl Clock for Machine {
    fn now(&self) -> Now {
        self.world.upgrade().map_or_else(|| Now::at(Timestamp::default()), |world| world.clocks())
    }

    async fn sleep(&self, ms: u64) {
        let Some(world) = self.world.upgrade() else { return };
        world.point(self.process).await;
        world.exec.sleep(ms.max(1)).await;
    }
}

impl Entropy for Machine {
    fn random(&self) -> [u8; 16] {
        self.world.upgrade().map_or([0; 16], |world| world.draws.bytes())
    }
}
