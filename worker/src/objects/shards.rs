//! The objects of payers, payments and the merchant. They are one kind of object over different tables.

use std::time::Duration;

use coinop_core::http::Response;
use coinop_core::ports::PortError;
use coinop_core::sharded::{AGAIN_MS, MerchantShard, PayerShard, PaymentShard, ShardHandler, ShardServer};
use worker::{DurableObject, Env, Result, State, Storage, durable_object};

use super::{ObjectRequest, answer, answer_client, unconfigured};
use crate::call::REQUEST;
use crate::deployment::{Instance, instance};
use crate::platform::Platform;
use crate::ports::ObjectPorts;
use crate::sql::ObjectSql;

/// An object that keeps reservations.
struct ShardObject<H> {
    inside: std::result::Result<Inside<H>, &'static str>,
    storage: Storage,
}

struct Inside<H> {
    instance: &'static Instance,
    server: ShardServer<H, ObjectPorts>,
}

impl<H: ShardHandler<Sql = ObjectSql>> ShardObject<H> {
    fn new(state: &State, env: &Env, handler: impl FnOnce(ObjectSql) -> H) -> Self {
        let inside = instance(env).map(|instance| {
            let ports = ObjectPorts::of(state, env, instance);
            let handler = handler(ports.database());
            Inside { instance, server: ShardServer::new(handler, ports) }
        });
        Self { inside, storage: state.storage() }
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        let Inside { instance, server } = match &self.inside {
            Ok(inside) => inside,
            Err(message) => return unconfigured(&request, message),
        };
        let request = ObjectRequest::read(request).await?;
        if request.path == REQUEST {
            return answer_client(client(instance, server.ports(), &request).await);
        }
        answer(server.answer(&request.path, &request.body).await)
    }

    async fn alarm(&self) -> Result<worker::Response> {
        // Set before anything else, so that the alarm goes off again whatever happens here.
        self.storage.set_alarm(Duration::from_millis(AGAIN_MS)).await?;
        if let Ok(Inside { server, .. }) = &self.inside {
            server.ports().on_alarm();
            server.run_due().await;
        }
        worker::Response::empty()
    }
}

/// Answers a client.
async fn client(
    instance: &'static Instance,
    ports: &ObjectPorts,
    request: &ObjectRequest,
) -> std::result::Result<Response, PortError> {
    let (request, to) = request.forwarded()?;
    let platform = Platform::of(instance, ports);
    if to.reads_kv {
        platform.read_catalogue_in_kv();
    }
    Ok(platform.handle(&request, None).await)
}

/// Makes a class of objects over a handler.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident, $handler:ident) => {
        $(#[$doc])*
        #[durable_object]
        pub(crate) struct $name {
            shard: ShardObject<$handler<ObjectSql>>,
        }

        impl DurableObject for $name {
            fn new(state: State, env: Env) -> Self {
                Self { shard: ShardObject::new(&state, &env, $handler::new) }
            }

            async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
                self.shard.fetch(request).await
            }

            async fn alarm(&self) -> Result<worker::Response> {
                self.shard.alarm().await
            }
        }
    };
}

object!(
    /// The object of one payer: what is in flight from its balances, its trust, its failures, its sessions.
    PayerObject,
    PayerShard
);
object!(
    /// The object of one payment, named by the hash of the payment's message. It stores which stream has claimed the
    /// payment.
    PaymentObject,
    PaymentShard
);
object!(
    /// The merchant's object: the budgets for fees, the seats, the catalogue, and the state of each asset.
    MerchantObject,
    MerchantShard
);
