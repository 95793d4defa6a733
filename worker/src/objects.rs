//! The Durable Objects.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

macro_rules! objects {
    ($($name:ident),+) => {$(
        #[durable_object]
        pub(crate) struct $name {}

        impl DurableObject for $name {
            fn new(_state: State, _env: Env) -> Self {
                Self {}
            }

            async fn fetch(&self, _request: Request) -> Result<Response> {
                Response::error("not found", 404)
            }
        }
    )+};
}

objects!(AssetObject, PayerObject, PaymentObject, MerchantObject);
