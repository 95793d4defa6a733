//! What a world is made of: how many of each kind of actor, and how often each thing goes wrong.

use crate::random::Random;

/// How the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// One database for all streams, on a machine with devices: `coinop serve`.
    Serve,
    /// One database for all streams, and nothing that runs between requests.
    Spin,
    /// A database for each stream, payer and payment, as on Workers.
    Sharded,
}

/// What can go wrong. The rates are cases in 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A process dies before or after it uses a port.
    Crash,
    /// The whole machine restarts: its monotonic clock starts anew.
    Reboot,
    /// The wall clock is set forward or back.
    ClockStep,
    /// Storage refuses a statement.
    StorageFails,
    /// Storage carries a statement out and says that it failed.
    StorageDoesAndFails,
    /// Storage says that it has written what it has not.
    StorageForgets,
    /// The database comes back from an older copy.
    StorageRestored,
    /// A call of the RPC is lost before it arrives.
    CallLost,
    /// The answer of the RPC is lost.
    CallAnswerLost,
    /// The RPC answers with an error of its own.
    CallFails,
    /// A node answers that is some slots behind.
    NodeLags,
    /// The RPC tells something untrue.
    NodeLies,
    /// The RPC sends on what it was only asked to simulate.
    NodeSendsSimulated,
    /// A transaction that was sent never reaches a leader.
    SendLost,
    /// A fork undoes blocks that are not final.
    Fork,
    /// A buyer's connection breaks before the answer arrives.
    AnswerLost,
    /// A message to a shard is lost.
    MessageLost,
    /// The answer of a shard is lost.
    MessageAnswerLost,
    /// A message to a shard arrives twice.
    MessageTwice,
    /// A message to a shard arrives a second time, much later.
    MessageLate,
    /// A device does not do what it is told, and says so.
    DeviceFails,
    /// A device does not answer.
    DeviceHangs,
    /// A device says that it has done what it has not.
    DeviceLies,
}

/// All faults with the highest rate of each.
const FAULTS: [(Fault, u32); 23] = [
    (Fault::Crash, 60),
    (Fault::Reboot, 3_000),
    (Fault::ClockStep, 5_000),
    (Fault::StorageFails, 100),
    (Fault::StorageDoesAndFails, 150),
    (Fault::StorageForgets, 30),
    (Fault::StorageRestored, 3_000),
    (Fault::CallLost, 1_500),
    (Fault::CallAnswerLost, 1_500),
    (Fault::CallFails, 1_500),
    (Fault::NodeLags, 2_000),
    (Fault::NodeLies, 2_000),
    (Fault::NodeSendsSimulated, 5_000),
    (Fault::SendLost, 4_000),
    (Fault::Fork, 600),
    (Fault::AnswerLost, 2_000),
    (Fault::MessageLost, 800),
    (Fault::MessageAnswerLost, 800),
    (Fault::MessageTwice, 1_500),
    (Fault::MessageLate, 800),
    (Fault::DeviceFails, 2_000),
    (Fault::DeviceHangs, 1_500),
    (Fault::DeviceLies, 1_000),
];

/// An actor of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Buys as a client should.
    Honest,
    /// Buys with an x402 v1 client.
    HonestV1,
    /// Tries to get a session without paying for it.
    Thief,
    /// Pays from one balance for many assets, and takes the money away meanwhile.
    Drainer,
    /// Reserves assets with payments whose blockhash is about to die.
    Holder,
    /// Pays for more than its balance covers, and twice for one offer.
    Spendthrift,
    /// Several wallets that pay for one asset at the same moment.
    Crowd,
    /// Changes the assets.
    Owner,
    /// Has payments of ever new wallets land with an error.
    Besieger,
    /// Wallets that come for the first time, one after the other.
    Newcomers,
    /// A buyer who has bought before.
    Regular,
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) keeping: Keeping,
    /// How long the actors act, in milliseconds.
    pub(crate) length: u64,
    pub(crate) doors: usize,
    /// Shared assets, each with its number of seats; 0 is no limit.
    pub(crate) shared: Vec<u64>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) faults: Vec<(Fault, u32)>,
    /// How long after a payment besiegers move the money away, in milliseconds: the shortest and the longest pause. `None`
    /// if there is no siege.
    pub(crate) siege: Option<(u64, u64)>,
}

/// Returns the actors and the faults of a world that is all about what is final: payments that fail, die or land after a
/// fork, and a node that lies about them.
fn about_finality(random: &Random) -> (Vec<Actor>, Vec<(Fault, u32)>) {
    let actors = vec![Actor::Honest, Actor::Honest, Actor::Drainer, Actor::Drainer, Actor::Holder];
    let all = [Fault::Fork, Fault::NodeLies, Fault::NodeLags, Fault::SendLost, Fault::CallAnswerLost];
    let mut faults = Vec::new();
    for (fault, most) in FAULTS.into_iter().filter(|(fault, _)| all.contains(fault)) {
        if random.happens(7_000) {
            let most = u64::from(most);
            faults.push((fault, u32::try_from(random.within(most / 2..2 * most)).unwrap_or_default()));
        }
    }
    (actors, faults)
}

/// How long besiegers have to use up what newcomers may cost, in milliseconds. Only newcomers who come later are counted.
pub(crate) const SIEGE_BEGINS_MS: u64 = 300_000;

impl Plan {
    /// Makes the plan of this seed. It is no siege.
    pub(crate) fn of(seed: u64) -> Self {
        let random = Random::of(seed, "plan");
        let keeping = [Keeping::Serve, Keeping::Serve, Keeping::Spin, Keeping::Sharded, Keeping::Sharded]
            [random.below(5)];
        let count = |most: u64| random.within(0..most + 1);
        let mut actors = vec![Actor::Honest; usize::try_from(1 + count(3)).unwrap_or(1)];
        for (actor, most) in [
            (Actor::HonestV1, 1),
            (Actor::Thief, 2),
            (Actor::Drainer, 1),
            (Actor::Holder, 1),
            (Actor::Spendthrift, 1),
            (Actor::Crowd, 1),
            (Actor::Owner, 1),
        ] {
            for _ in 0..count(most) {
                actors.push(actor);
            }
        }
        // Few faults, each often, find more than all of them, each rarely.
        let most = [0, 1, 2, 3, 5, 8, FAULTS.len()][random.below(7)];
        let mut faults: Vec<(Fault, u32)> = Vec::new();
        for _ in 0..most {
            let (fault, rate) = FAULTS[random.below(FAULTS.len())];
            if faults.iter().all(|(known, _)| *known != fault) {
                faults
                    .push((fault, 1 + u32::try_from(random.within(0..u64::from(rate))).unwrap_or_default()));
            }
        }
        if random.happens(1_000) {
            (actors, faults) = about_finality(&random);
        }
        Self {
            seed,
            keeping,
            length: random.within(60_000..420_000),
            doors: random.below(3) + 1,
            shared: (0..count(1)).map(|_| random.within(0..3)).collect(),
            actors,
            faults,
            siege: None,
        }
    }

    /// Makes a siege: besiegers, newcomers and a regular at one shared asset, and nothing that goes wrong by itself.
    pub(crate) fn siege(seed: u64) -> Self {
        let random = Random::of(seed, "siege");
        let mut actors = vec![Actor::Regular, Actor::Newcomers];
        actors.extend(vec![Actor::Besieger; 1 + random.below(6)]);
        let least = random.within(100..1_200);
        Self {
            seed,
            keeping: [Keeping::Serve, Keeping::Spin, Keeping::Sharded][random.below(3)],
            length: SIEGE_BEGINS_MS + 300_000,
            doors: 1,
            shared: vec![0],
            actors,
            faults: Vec::new(),
            siege: Some((least, least + 1 + random.within(0..1_000))),
        }
    }

    /// Returns how often a fault happens, in 10,000 cases.
    pub(crate) fn rate(&self, fault: Fault) -> u32 {
        self.faults.iter().find(|(known, _)| *known == fault).map_or(0, |(_, rate)| *rate)
    }

    /// Returns the plans that are one step smaller: without a fault, an actor, an asset, or of half the length.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        for at in 0..self.faults.len() {
            let mut plan = self.clone();
            plan.faults.remove(at);
            smaller.push(plan);
        }
        let may_leave = |at: &usize| self.siege.is_none() || self.actors[*at] == Actor::Besieger;
        for at in (0..self.actors.len()).filter(may_leave) {
            let mut plan = self.clone();
            plan.actors.remove(at);
            smaller.push(plan);
        }
        // Without its asset and its time, a siege is none.
        if self.siege.is_some() {
            return smaller;
        }
        for at in 0..self.shared.len() {
            let mut plan = self.clone();
            plan.shared.remove(at);
            smaller.push(plan);
        }
        if self.doors > 1 {
            smaller.push(Self { doors: self.doors - 1, ..self.clone() });
        }
        if self.length > 20_000 {
            smaller.push(Self { length: self.length / 2, ..self.clone() });
        }
        smaller
    }
}
