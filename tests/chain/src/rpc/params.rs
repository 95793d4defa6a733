//! Reads the parameters of a call.

use std::str::FromStr;

use serde_json::{Map, Value, json};
use solana_address::Address;
use solana_hash::Hash;
use solana_signature::Signature;

use super::{NO_CONFIG, RpcError};
use crate::blocks::Commitment;

/// The positional parameters of a call.
pub(super) struct Params<'a>(&'a [Value]);

/// The configuration object of a call, which is its last parameter.
pub(super) struct Config<'a>(&'a Map<String, Value>);

impl<'a> Params<'a> {
    pub(super) fn new(values: &'a [Value]) -> Self {
        Self(values)
    }

    /// Returns the parameter at `index`, unless it is missing or null.
    pub(super) fn get(&self, index: usize) -> Option<&'a Value> {
        self.0.get(index).filter(|value| !value.is_null())
    }

    fn required(&self, index: usize, what: &str) -> Result<&'a Value, RpcError> {
        self.get(index).ok_or_else(|| {
            RpcError::params(format!(
                "`params` should have at least {} argument(s): {what} is missing",
                index.saturating_add(1)
            ))
        })
    }

    pub(super) fn text(&self, index: usize, what: &str) -> Result<&'a str, RpcError> {
        self.required(index, what)?
            .as_str()
            .ok_or_else(|| RpcError::params(format!("Invalid params: {what} must be a string")))
    }

    pub(super) fn number(&self, index: usize, what: &str) -> Result<u64, RpcError> {
        self.required(index, what)?
            .as_u64()
            .ok_or_else(|| RpcError::params(format!("Invalid params: {what} must be a number of 0 or more")))
    }

    pub(super) fn list(&self, index: usize, what: &str) -> Result<&'a [Value], RpcError> {
        self.required(index, what)?
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| RpcError::params(format!("Invalid params: {what} must be an array")))
    }

    pub(super) fn object(&self, index: usize, what: &str) -> Result<Config<'a>, RpcError> {
        self.required(index, what)?;
        self.config(index)
    }

    pub(super) fn address(&self, index: usize) -> Result<Address, RpcError> {
        decode(self.text(index, "an address")?)
    }

    pub(super) fn blockhash(&self, index: usize) -> Result<Hash, RpcError> {
        decode(self.text(index, "a blockhash")?)
    }

    pub(super) fn signature(&self, index: usize) -> Result<Signature, RpcError> {
        decode(self.text(index, "a signature")?)
    }

    /// Returns the configuration at `index`, or an empty one if there is none.
    pub(super) fn config(&self, index: usize) -> Result<Config<'a>, RpcError> {
        match self.get(index) {
            None => Ok(Config(&NO_CONFIG)),
            Some(Value::Object(fields)) => Ok(Config(fields)),
            Some(_) => Err(RpcError::params("Invalid params: the configuration must be an object")),
        }
    }
}

impl<'a> Config<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, RpcError> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, "a string"))).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, RpcError> {
        self.get(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong(name, "true or false")))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, RpcError> {
        self.get(name)
            .map(|value| value.as_u64().ok_or_else(|| wrong(name, "a number of 0 or more")))
            .transpose()
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Config<'a>>, RpcError> {
        self.get(name)
            .map(|value| value.as_object().map(Config).ok_or_else(|| wrong(name, "an object")))
            .transpose()
    }

    pub(super) fn decoded<T: FromStr>(&self, name: &str) -> Result<Option<T>, RpcError> {
        self.text(name)?.map(decode).transpose()
    }

    /// Returns the commitment under `name`, or `default` if the call names none.
    pub(super) fn commitment(&self, name: &str, default: Commitment) -> Result<Commitment, RpcError> {
        match self.text(name)? {
            None => Ok(default),
            Some("processed") => Ok(Commitment::Processed),
            Some("confirmed") => Ok(Commitment::Confirmed),
            Some("finalized") => Ok(Commitment::Finalized),
            Some(_) => Err(wrong(name, "processed, confirmed or finalized")),
        }
    }

    /// Returns the commitment of a method that real nodes answer only from history. History does not contain
    /// what is only processed.
    pub(super) fn settled_commitment(&self) -> Result<Commitment, RpcError> {
        match self.commitment("commitment", Commitment::Finalized)? {
            Commitment::Processed => {
                Err(RpcError::params("Method does not support commitment below `confirmed`"))
            }
            commitment => Ok(commitment),
        }
    }

    /// Refuses if the caller has seen a later slot than `now`.
    pub(super) fn check_min_slot(&self, now: u64) -> Result<(), RpcError> {
        match self.number("minContextSlot")? {
            Some(wanted) if wanted > now => Err(RpcError {
                data: Some(json!({"contextSlot": now})),
                ..RpcError::new(-32016, "Minimum context slot has not been reached")
            }),
            _ => Ok(()),
        }
    }
}

fn wrong(name: &str, wanted: &str) -> RpcError {
    RpcError::params(format!("Invalid params: `{name}` must be {wanted}"))
}

/// Reads base58 of a fixed size.
pub(super) fn decode<T: FromStr>(text: &str) -> Result<T, RpcError> {
    text.parse().map_err(|_| RpcError::params("Invalid param: Invalid"))
}
