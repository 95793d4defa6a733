//! A world: everything that a seed makes, and the time in which it runs.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use coinop_core::config::Config;
use coinop_core::svm::{Address, TokenProgram, associated_token_account};
use coinop_core::testkit::keys;
use coinop_core::{Deployment, KeyRing, Monotonic, Now, Secret, Timestamp};
use serde_json::json;

use crate::audit::Audit;
use crate::chain::Chain;
use crate::clock::WallClock;
use crate::devices::Devices;
use crate::economy::Economy;
use crate::executor::{Executor, Process};
use crate::gateway::Gateways;
use crate::node::Node;
use crate::plan::{Fault, Keeping, Plan};
use crate::promises::Promises;
use crate::random::Random;
use crate::trace::Trace;

/// In the morning of 2026-11-20, in milliseconds since the epoch.
const START: u64 = 1_795_165_429_123;
/// The mint of devnet's USDC.
pub(crate) const MINT: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
/// The API key of the owner.
pub(crate) const API_KEY: &str = "coinop_api_world";
/// What the fee payer has at first, in lamports.
pub(crate) const FEE_PAYER_LAMPORTS: u64 = 1_000_000_000;

/// The price of a minute, in atomic units.
pub(crate) const MINUTE_PRICE: u64 = 10_000;
/// The price of a minute in a siege. It is hardly worth two fees, so that each sale fills the budget for fees little.
pub(crate) const SIEGE_PRICE: u64 = 5_000;
/// What fees may cost in a day of a siege, in lamports: so little that the besiegers soon have used it up.
const SIEGE_FEES: u64 = 10_000_000;

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) exec: Executor,
    pub(crate) deployment: Deployment,
    pub(crate) chain: RefCell<Chain>,
    pub(crate) node: Node,
    pub(crate) node_random: Random,
    pub(crate) storage_random: Random,
    pub(crate) crash_random: Random,
    pub(crate) draws: Random,
    pub(crate) gateways: Gateways,
    pub(crate) devices: Devices,
    pub(crate) audit: RefCell<Audit>,
    pub(crate) economy: RefCell<Economy>,
    pub(crate) promises: RefCell<Promises>,
    pub(crate) trace: Trace,
    /// Whether faults happen. They end when the world heals.
    pub(crate) is_faulty: Cell<bool>,
    /// Whether the actors act.
    pub(crate) is_open: Cell<bool>,
    pub(crate) clock: WallClock,
    /// The number of the machine's boot, and when it was.
    boot: Cell<(u64, u64)>,
    me: Weak<Self>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Rc<Self> {
        let seed = plan.seed;
        let part = |name: &str| Random::of(seed, name);
        let fork_rate = plan.rate(Fault::Fork);
        Rc::new_cyclic(|me| Self {
            exec: Executor::new(part("order")),
            deployment: deployment(&plan),
            chain: RefCell::new(Chain::new(part("chain"), fork_rate)),
            node: Node::default(),
            node_random: part("node"),
            storage_random: part("storage"),
            crash_random: part("crash"),
            draws: part("draws"),
            gateways: Gateways::new(plan.keeping, part("gateways"), me.clone()),
            devices: Devices::new(plan.doors, part("devices"), me.clone()),
            audit: RefCell::default(),
            economy: RefCell::default(),
            promises: RefCell::default(),
            trace: Trace::default(),
            is_faulty: Cell::new(true),
            is_open: Cell::new(true),
            clock: WallClock::new(plan.keeping == Keeping::Serve),
            boot: Cell::new((1, 0)),
            me: me.clone(),
            plan,
        })
    }

    /// Returns a handle that keeps the world alive.
    pub(crate) fn handle(&self) -> Option<Rc<Self>> {
        self.me.upgrade()
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        self.me.clone()
    }

    /// Returns the rate of a fault now, in cases of 10,000.
    pub(crate) fn rate_now(&self, fault: Fault) -> u32 {
        if self.is_faulty.get() { self.plan.rate(fault) } else { 0 }
    }

    /// Returns whether something goes wrong here.
    pub(crate) fn fails(&self, fault: Fault, random: &Random) -> bool {
        let fails = random.happens(self.rate_now(fault));
        if fails {
            self.trace.note(self.exec.now(), || format!("fault: {fault:?}"));
        }
        fails
    }

    /// A point at which a process may die.
    pub(crate) async fn point(&self, process: Process) {
        if self.fails(Fault::Crash, &self.crash_random) {
            self.gateways.crash(process);
            std::future::pending::<()>().await;
        }
    }

    /// Returns the clocks of the machine.
    pub(crate) fn clocks(&self) -> Now {
        let (boot, since) = self.boot.get();
        let mono = Monotonic { boot: format!("boot {boot}"), ms: self.exec.now() - since + 1_000 };
        Now { wall: self.wall(), mono: (self.plan.keeping == Keeping::Serve).then_some(mono) }
    }

    /// Returns what the wall clock shows.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(START.saturating_add_signed(self.clock.shown(self.exec.now())))
    }

    /// Restarts the machine.
    pub(crate) fn reboot(&self) {
        let (boot, _) = self.boot.get();
        self.boot.set((boot + 1, self.exec.now()));
    }

    /// Returns the account of a wallet for the token that is paid with.
    pub(crate) fn token_account(&self, owner: &Address) -> Address {
        let mint = self.deployment.config.merchant.tokens[0].token.mint;
        associated_token_account(owner, &mint, TokenProgram::Spl).unwrap_or(mint)
    }

    /// Returns the wallet that is paid.
    pub(crate) fn merchant(&self) -> Address {
        self.deployment.config.merchant.pay_to
    }
}

/// Returns the ids of the doors.
pub(crate) fn doors(plan: &Plan) -> Vec<String> {
    (1..=plan.doors).map(|number| format!("door-{number}")).collect()
}

/// Returns the ids of the shared assets.
pub(crate) fn shared(plan: &Plan) -> Vec<String> {
    (1..=plan.shared.len()).map(|number| format!("api-{number}")).collect()
}

fn deployment(plan: &Plan) -> Deployment {
    let has_devices = plan.keeping == Keeping::Serve;
    let mut assets: Vec<_> = doors(plan)
        .iter()
        .map(|id| {
            let mut asset = json!({ "id": id, "price": "0.01", "unit": "minute", "max_quantity": 240 });
            if has_devices {
                asset["device"] = json!({ "driver": "simulated" });
            }
            asset
        })
        .collect();
    for (id, seats) in shared(plan).iter().zip(&plan.shared) {
        let capacity = if *seats == 0 { json!("unlimited") } else { json!(seats) };
        let price = if plan.siege.is_some() { "0.005" } else { "0.01" };
        assets.push(
            json!({ "id": id, "price": price, "unit": "minute", "max_quantity": 240, "capacity": capacity }),
        );
    }
    let key = {
        use sha2::Digest as _;
        coinop_core::encoding::hex(&sha2::Sha256::digest(API_KEY))
    };
    let mut settlement = json!({ "mode": "local" });
    if plan.siege.is_some() {
        settlement["max_fee_lamports_per_day"] = json!(SIEGE_FEES);
    }
    let config = json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": {
            "pay_to": keys::address(&keys::merchant()),
            "tokens": ["USDC"],
            "api_keys": [format!("sha256:{key}")],
        },
        "solana": { "network": "devnet", "rpc_url": "http://127.0.0.1:8899" },
        "settlement": settlement,
        "asset": assets,
    });
    let config = Config::from_json(&config).unwrap_or_else(|error| panic!("{error}"));
    Deployment { config, keys: KeyRing::new(&Secret::new([7; 32]), None), epoch: 0 }
}
