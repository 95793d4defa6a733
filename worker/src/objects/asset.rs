//! The object of one stream: an exclusive asset, a shared asset's listing, or one session of a shared asset.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use coinop_core::http::{NO_WAIT, Response};
use coinop_core::ports::{PortError, Ports as _};
use coinop_core::sharded::{AGAIN_MS, StreamShard};
use futures::channel::oneshot;
use futures::future::{Either, select};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{DurableObject, Env, Result, State, Storage, console_error, durable_object};

use super::{ObjectRequest, answer, answer_client, unconfigured};
use crate::call::REQUEST;
use crate::deployment::instance;
use crate::platform::Platform;
use crate::ports::ObjectPorts;
use crate::runtime::sleep;

/// How many requests may wait here at once. A further one is told at once that its payment is pending.
const MOST_WAITING: u32 = 256;
/// How long a request waits until the payer's and the payment's objects are told what it did, in milliseconds.
const TELL_MS: u64 = 2_000;

#[durable_object]
pub(crate) struct AssetObject {
    inside: std::result::Result<Rc<Inside>, &'static str>,
    waiting: Cell<u32>,
    storage: Storage,
}

struct Inside {
    platform: Platform,
}

impl DurableObject for AssetObject {
    fn new(state: State, env: Env) -> Self {
        let inside = instance(&env).map(|instance| {
            let ports = ObjectPorts::of(&state, &env, instance);
            Rc::new(Inside { platform: Platform::of_stream(instance, &ports) })
        });
        Self { inside, waiting: Cell::new(0), storage: state.storage() }
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        let inside = match &self.inside {
            Ok(inside) => inside,
            Err(message) => return unconfigured(&request, message),
        };
        let request = ObjectRequest::read(request).await?;
        if request.path != REQUEST {
            return answer(inside.shard().answer(&request.path, &request.body).await);
        }
        self.waiting.set(self.waiting.get().saturating_add(1));
        let no_wait = self.waiting.get() > MOST_WAITING;
        let response = inside.respond(&request, no_wait).await;
        self.waiting.set(self.waiting.get().saturating_sub(1));
        answer_client(response)
    }

    async fn alarm(&self) -> Result<worker::Response> {
        // Set before anything else, so that the alarm goes off again whatever happens here. The runtime
        // retries only six times, and an outage may last longer. A configuration that cannot be read may be
        // corrected next week.
        self.storage.set_alarm(Duration::from_millis(AGAIN_MS)).await?;
        if let Ok(inside) = &self.inside {
            inside.platform.journal().ports().on_alarm();
            if let Err(error) = inside.shard().run_due().await {
                console_error!("{error}");
            }
        }
        worker::Response::empty()
    }
}

impl Inside {
    const fn shard(&self) -> StreamShard<'_, Platform> {
        StreamShard::new(self.platform.gateway())
    }

    async fn respond(
        self: &Rc<Self>,
        request: &ObjectRequest,
        no_wait: bool,
    ) -> std::result::Result<Response, PortError> {
        self.platform.journal().open().await?;
        let (mut request, to) = request.forwarded()?;
        if to.reads_kv {
            self.platform.read_catalogue_in_kv();
        }
        if no_wait {
            request.headers.push((NO_WAIT.to_owned(), "1".to_owned()));
        }
        let response = self.platform.handle(&request, Some(&to.name)).await;
        self.tell().await;
        Ok(response)
    }

    /// Lets the other objects be told what happened, and waits until it is in the payer's history, unless that takes long.
    ///
    /// Nothing waits for the merchant's object. This one lives for as long as it waits for an answer, and whatever fails
    /// is left to the alarm.
    async fn tell(self: &Rc<Self>) {
        let (told, is_told) = oneshot::channel();
        let inside = Rc::clone(self);
        spawn_local(async move {
            inside
                .shard()
                .tidy(|| {
                    let _ = told.send(());
                })
                .await
        });
        if let Either::Right(_) = select(is_told, pin!(sleep(TELL_MS))).await {
            console_error!("updates to other objects take more than {TELL_MS} ms");
        }
    }
}
