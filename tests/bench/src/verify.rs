//! Measures the verification of a payment, natively and in WebAssembly, beside the one part of it that cannot
//! be saved: checking the signature.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ed25519_dalek::{Signature, VerifyingKey};
use wasmtime::{Config, Engine, Instance, Module, Store, TypedFunc};

use crate::counter::Counter;
use crate::payments::payments;

/// How many payments are verified, each of another payer. The work of finding a token account's address
/// differs from payer to payer.
const PAYMENTS: usize = 256;

/// How many passes one round has.
const PASSES: usize = 20;

pub(crate) struct Verify {
    /// The message, signature and key of each payment.
    signed: Vec<(Vec<u8>, Signature, VerifyingKey)>,
    native: Counter,
    wasm: Wasm,
}

/// The average time of one verification.
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

    /// Runs all three in turns, in short passes. Returns the fastest pass of each, because other work on the
    /// machine can only make a pass slower.
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

/// Runs `verify` for each payment. Returns the average time.
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
        // Configured as `coinop serve` runs its component.
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
