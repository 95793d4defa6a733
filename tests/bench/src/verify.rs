//! What the verification of a payment costs, natively and in WebAssembly, beside the
//! one thing in it that can't be saved: checking the signature.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ed25519_dalek::{Signature, VerifyingKey};
use wasmtime::{Config, Engine, Instance, Module, Store, TypedFunc};

use crate::counter::Counter;
use crate::payments::payments;

/// Payments of as many payers: where a token account lies differs from payer to payer, and so
/// does what it takes to find it.
const PAYMENTS: usize = 256;

/// Passes of one round.
const PASSES: usize = 20;

pub(crate) struct Verify {
    /// The message, signature and key of each.
    signed: Vec<(Vec<u8>, Signature, VerifyingKey)>,
    native: Counter,
    wasm: Wasm,
}

/// What one took, on average.
pub(crate) struct Round {
    pub(crate) signature: Duration,
    pub(crate) native: Duration,
    pub(crate) wasm: Duration,
}

impl Verify {
    pub(crate) fn new(guest: &Path) -> Result<Self> {
        let payments = payments(PAYMENTS as u64)?;
        let native = Counter::read(&payments.json).context("the payments can't be read")?;
        let wasm = Wasm::new(guest, &payments.json)?;
        Ok(Self { signed: payments.signed, native, wasm })
    }

    /// Takes turns in short passes, and the fastest pass of each: what else the machine does can
    /// only slow one down.
    pub(crate) fn round(&mut self) -> Result<Round> {
        let mut round = Round { signature: Duration::MAX, native: Duration::MAX, wasm: Duration::MAX };
        for _ in 0..PASSES {
            round.signature = round.signature.min(each(|number| {
                let (message, signature, key) = &self.signed[number];
                Ok(black_box(key).verify_strict(message, signature).is_ok())
            })?);
            round.native = round.native.min(each(|number| Ok(self.native.verify(black_box(number))))?);
            round.wasm = round.wasm.min(each(|number| self.wasm.verify(number))?);
        }
        Ok(round)
    }
}

/// Runs it for each payment; what one took.
fn each(mut verify: impl FnMut(usize) -> Result<bool>) -> Result<Duration> {
    let start = Instant::now();
    for number in 0..PAYMENTS {
        ensure!(verify(number)?, "payment {number} is refused");
    }
    Ok(start.elapsed() / u32::try_from(PAYMENTS)?)
}

struct Wasm {
    store: Store<()>,
    verify: TypedFunc<u32, u32>,
}

impl Wasm {
    fn new(guest: &Path, json: &[u8]) -> Result<Self> {
        // As `coinop serve` runs its component.
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(wrong)?;
        let module = Module::from_file(&engine, guest).map_err(wrong)?;
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &module, &[]).map_err(wrong)?;
        let input = instance.get_typed_func::<u32, u32>(&mut store, "input").map_err(wrong)?;
        let prepare = instance.get_typed_func::<(), u32>(&mut store, "prepare").map_err(wrong)?;
        let verify = instance.get_typed_func::<u32, u32>(&mut store, "verify").map_err(wrong)?;
        let at = input.call(&mut store, u32::try_from(json.len())?).map_err(wrong)?;
        let memory = instance.get_memory(&mut store, "memory").context("the module has no memory")?;
        memory.write(&mut store, at as usize, json)?;
        ensure!(prepare.call(&mut store, ()).map_err(wrong)? == 1, "the module can't read the payments");
        Ok(Self { store, verify })
    }

    fn verify(&mut self, number: usize) -> Result<bool> {
        Ok(self.verify.call(&mut self.store, u32::try_from(number)?).map_err(wrong)? == 1)
    }
}

fn wrong(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
