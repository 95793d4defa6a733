//! Reads a driver's keys, and refuses unknown ones.

use std::time::Duration;

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The key within the asset's `device` table. It may have an index.
    pub(crate) path: String,
    /// What to change.
    pub(crate) message: String,
}

impl Mistake {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Refuses every key that is not in `known`, and names it.
pub(crate) fn only(settings: &Map<String, Value>, known: &[&str]) -> Result<(), Mistake> {
    match settings.keys().find(|k| !known.contains(&k.as_str())) {
        None => Ok(()),
        Some(key) => Err(Mistake::new(
            key,
            if known.is_empty() {
                "unknown key; this driver has no keys".to_owned()
            } else {
                format!("unknown key; the keys of this driver are {}", known.join(", "))
            },
        )),
    }
}

/// Returns a command as a list of its name and arguments, or `None` if it is not given.
pub(crate) fn command(settings: &Map<String, Value>, key: &str) -> Result<Option<Vec<String>>, Mistake> {
    let example = || {
        format!(
            "must be a list of strings, the command and its arguments, such as [\"./door.sh\", \"{key}\"]"
        )
    };
    let list = match settings.get(key) {
        None => return Ok(None),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Mistake::new(key, example())),
    };
    let mut command = Vec::with_capacity(list.len());
    for (index, part) in list.iter().enumerate() {
        match part {
            Value::String(text) if !text.contains('\0') => command.push(text.clone()),
            _ => {
                return Err(Mistake::new(
                    format!("{key}[{index}]"),
                    "must be a string in double quotes, without NUL characters",
                ));
            }
        }
    }
    match command.first() {
        Some(name) if !name.is_empty() => Ok(Some(command)),
        _ => Err(Mistake::new(key, example())),
    }
}

/// Returns a whole number of seconds between 1 and `most`, or `default` if it is not given.
pub(crate) fn seconds(
    settings: &Map<String, Value>,
    key: &str,
    default: u64,
    most: u64,
) -> Result<Duration, Mistake> {
    match settings.get(key) {
        None => Ok(Duration::from_secs(default)),
        Some(value) => match value.as_u64() {
            Some(n) if (1..=most).contains(&n) => Ok(Duration::from_secs(n)),
            _ => Err(Mistake::new(key, format!("must be a whole number of seconds from 1 to {most}"))),
        },
    }
}
