//! Takes a payment header and returns a verdict. It does all of the verification that comes before the first
//! network call, with the gateway's own code.

use coinop_core::bench::{BuyRequest, Operation, Presented};
use coinop_core::config::{Asset, Config};
use coinop_core::svm::Address;
use coinop_core::x402::{PaymentPayload, Version};
use coinop_core::{Deployment, KeyRing, Secret, Timestamp};
use serde_json::Value;

/// The gateway's side of a sale, and the payments to verify.
pub(crate) struct Counter {
    deployment: Deployment,
    asset: Asset,
    fee_payer: Address,
    now: Timestamp,
    headers: Vec<String>,
}

impl Counter {
    /// Reads `{config, secret, feePayer, now, headers}`. The payments are for the first asset.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let input: Value = serde_json::from_slice(json).ok()?;
        let config = Config::from_json(input.get("config")?).ok()?;
        let secret = Secret::from_base64(input.get("secret")?.as_str()?)?;
        let headers = input.get("headers")?.as_array()?.iter();
        Some(Self {
            asset: config.assets.first()?.clone(),
            deployment: Deployment { config, keys: KeyRing::new(&secret, None), epoch: 0 },
            fee_payer: input.get("feePayer")?.as_str()?.parse().ok()?,
            now: Timestamp::from_millis(input.get("now")?.as_u64()?),
            headers: headers.map(|header| header.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        })
    }

    /// Tells whether the payment of this number is what the gateway asked for.
    pub(crate) fn verify(&self, number: usize) -> bool {
        let Some(header) = self.headers.get(number) else { return false };
        let network = self.deployment.config.network;
        let Ok(payment) = PaymentPayload::read(Version::V2, header, network) else { return false };
        let Ok(presented) = Presented::read(&payment) else { return false };
        let operation = Operation::Access;
        let buy = BuyRequest::new(&self.asset.id, operation, &payment);
        let fee_payers = [self.fee_payer];
        let quoted = self.deployment.quoted(&payment, &fee_payers);
        self.deployment.verify(&self.asset, &buy, &presented, quoted.as_ref(), &fee_payers, self.now).is_ok()
    }
}
