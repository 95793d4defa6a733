//! Requests: whatever they say, the answer is JSON and no panic, what nobody paid leaves nothing behind, and the books
//! are right.
//!
//! An input is text: requests as `METHOD path?query`, with lines of `name: value` and, after an empty line, a body. A line
//! `===` begins the next request. Words such as `@payment` stand for what only the gateway or a wallet can make. An input
//! that begins with a byte below 8 says in choices what such a text is to be.

mod made;
mod started;

use std::cell::RefCell;

use coinop_core::http::{Context, Request, Response, handle};
use coinop_core::testkit::platform::Platform;
use coinop_core::testkit::world::World;
use serde_json::Value;

use self::started::Started;
use crate::input::Input;

/// The most requests of one input.
const MOST: usize = 6;

thread_local! {
    /// A world in which nothing has happened since it was made.
    static UNTOUCHED: RefCell<Option<Started>> = const { RefCell::new(None) };
}

/// Asks the gateway for whatever the text says, and checks the answers and the books.
pub fn check(bytes: &[u8]) {
    let text = match bytes.split_first() {
        Some((&count, choices)) if count < 8 => made(count, &mut Input::new(choices)),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    let started = UNTOUCHED.take().unwrap_or_else(Started::new);
    let world = &started.world;
    let (written, now) = (world.database.total_changes(), world.now());
    for request in text.split("\n===\n").take(MOST) {
        answer(world, &read(request, &started));
    }
    let has_written = world.database.total_changes() != written;
    if has_written {
        assert!(text.contains('@'), "nobody has paid, and nothing is left behind (invariant 8)");
        world.audit();
    }
    if !has_written && world.now() == now {
        UNTOUCHED.set(Some(started));
    }
}

/// Returns the text that the choices make.
fn made(count: u8, choices: &mut Input<'_>) -> String {
    let requests: Vec<_> = (0..=count).map(|_| made::request(choices)).collect();
    requests.join("\n===\n")
}

/// Reads a request from its text.
fn read(text: &str, started: &Started) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = started.spelt_out(lines.next().unwrap_or_default());
    let (method, target) = first.split_once(' ').unwrap_or(("GET", &first));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), started.spelt_out(value)))
    });
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers: headers.collect(),
        body: started.spelt_out(body).into_bytes(),
    }
}

/// Asks the gateway, and checks the form of the answer.
fn answer(world: &World, request: &Request) -> Response {
    let platform = Platform::new(world);
    let context = Context::new(&world.deployment, &platform);
    let response = world.run(handle(&context, request)).unwrap();
    assert!((200..500).contains(&response.status), "{} {request:?}", response.status);
    for (name, value) in &response.headers {
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
    }
    if !response.body.is_empty() {
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        if let Some(status) = body.get("status").and_then(Value::as_u64) {
            assert_eq!(status, u64::from(response.status), "{body}");
        }
    }
    response
}
