//! Changes JSON member by member, because a change of its bytes mostly leaves no JSON.

use serde_json::Value;

use crate::input::Input;

/// The most changes of one input.
const MOST_CHANGES: usize = 4;

/// Texts that are nearly right somewhere.
const TEXTS: [&str; 12] = [
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "00",
    "18446744073709551615",
    "18446744073709551616",
    "AQI=",
    "11111111111111111111111111111111",
    "\n",
    "\u{0}",
];

/// Returns JSON with the changes that the rest of the input says.
pub(crate) fn patched(input: &mut Input<'_>, honest: &Value) -> Value {
    let mut json = honest.clone();
    for _ in 0..MOST_CHANGES {
        if input.is_empty() {
            break;
        }
        let at = usize::from(input.byte()) % count(&json);
        let mut left = at;
        if let Some(value) = nth(&mut json, &mut left) {
            change(input, value);
        }
    }
    json
}

/// Returns how many values there are, with all that are inside of others.
fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Returns the value that comes after `left` others.
fn nth<'v>(json: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Value::Array(list) => list.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(members) => members.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}

/// Changes one value.
fn change(input: &mut Input<'_>, value: &mut Value) {
    let choice = input.byte();
    match choice % 9 {
        0 => *value = Value::Null,
        1 => *value = Value::Bool(choice > 127),
        2 => *value = Value::from(input.number()),
        3 => *value = Value::from(TEXTS[usize::from(input.byte()) % TEXTS.len()]),
        4 => *value = Value::Array(vec![value.take()]),
        5 => *value = value.as_u64().map_or(Value::Null, |n| n.wrapping_add(u64::from(choice)).into()),
        6 => {
            if let Value::Object(members) = value
                && let Some(name) =
                    members.keys().nth(usize::from(input.byte()) % members.len().max(1)).cloned()
            {
                members.remove(&name);
            }
        }
        7 => {
            let honest = value.as_str().unwrap_or_default().as_bytes().to_vec();
            let around = usize::from(choice >> 6);
            let text = match around {
                0 => [b" ", honest.as_slice()].concat(),
                1 => [honest.as_slice(), b" "].concat(),
                _ => input.altered(&honest),
            };
            *value = Value::from(String::from_utf8_lossy(&text).into_owned());
        }
        _ => {
            let count = usize::from(input.byte());
            if let Ok(given) = serde_json::from_slice(input.take(count)) {
                *value = given;
            }
        }
    }
}
