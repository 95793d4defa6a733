//! The transaction that pays for a purchase, ready for a wallet to sign. A web page that buys with it needs no Solana
//! library and no node.
//!
//! Nothing is written, and the node is asked at most once in five seconds for all who ask. Whether the asset is free is
//! decided when the payment arrives.

use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogue::{asset, asset_id};
use super::challenge::{offers, recent_blockhash};
use super::shard::{PurchaseRequest, StatelessOutcome};
use super::{Context, Problem, Request, Response, query, sessions, views};
use crate::config::Asset;
use crate::encoding::base64;
use crate::error::SettleError;
use crate::ids::AssetId;
use crate::ports::{Ports, Settlement as _};
use crate::quote::{Operation, QUOTE_SECONDS};
use crate::rail::{self, Unsigned};
use crate::session::Reject;
use crate::svm::{Address, RecentBlockhash};
use crate::x402::{self, PaymentRequirements};

/// The shape of the body, for a refusal.
const EXAMPLE: &str = r#"{"account": "<address of the wallet>", "quantity": 1}"#;

/// The body of a request for a transaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The wallet that will sign.
    account: String,
    #[serde(default, deserialize_with = "query::present")]
    quantity: Option<u64>,
    /// The mint of the token to pay with; the first accepted one by default.
    #[serde(default, deserialize_with = "query::present")]
    token: Option<String>,
}

/// Answers `POST /api/v1/access/{id}/transaction` with the transaction that starts a session.
pub(super) async fn to_start<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    answer(context, request, id, Operation::Access).await
}

/// Answers `POST /api/v1/access/{id}/extend/transaction` with the transaction that extends the bearer's session.
pub(super) async fn to_extend<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    let token = sessions::bearer_of(context, request, id)?;
    answer(context, request, id, Operation::Extend { session: token.sub }).await
}

async fn answer<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: &AssetId,
    operation: Operation,
) -> Result<StatelessOutcome<'a>, Problem> {
    query::no_parameters(request)?;
    let wanted: Wanted = query::body(request, EXAMPLE)?;
    let wallet = wallet(&wanted.account)?;
    let asset = asset(context, id).await?;
    if !asset.enabled {
        return Err(Problem::of_reject(&Reject::Disabled, context.now().wall));
    }
    let quantity = query::priced_quantity(&asset.tariff, wanted.quantity)?;
    let recent = blockhash(context, request).await?;
    let purchase = PurchaseRequest { asset: id.clone(), operation, stream: None, quantity: Some(quantity) };
    let offers = offers(context, &purchase, &asset, quantity, Some(recent))?;
    let offer = offered(&offers, wanted.token.as_deref())?;
    let transaction = rail::unsigned(offer, &wallet).map_err(|why| match why {
        Unsigned::OwnWallet => invalid_account(CANNOT_PAY),
        Unsigned::Encode(error) => context.unwritten(error),
    })?;
    let body = shown(context, &asset, quantity, offer, &transaction, &recent)?;
    Ok(StatelessOutcome::Answered(Response::json(200, &body).no_store()))
}

/// Says that a wallet can't pay, because the payment goes to it or names it already.
const CANNOT_PAY: &str = "This account can't pay here: it is the seller's own, or it is no wallet but a token or a \
                          program. Nothing was paid. Use another wallet.";

/// Reads the address of a wallet. Only an address on the curve has a key that can sign.
fn wallet(account: &str) -> Result<Address, Problem> {
    let wallet = account.parse().ok().filter(Address::is_on_curve);
    wallet.ok_or_else(|| {
        invalid_account(
            "`account` must be the Solana address of the wallet that will sign. Nothing was paid.",
        )
    })
}

fn invalid_account(detail: &str) -> Problem {
    Problem::malformed("invalid_account", detail)
}

/// Returns a fresh blockhash: one that is known here, or else one from the node.
async fn blockhash<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
) -> Result<RecentBlockhash, Problem> {
    if let Some(recent) = recent_blockhash(context, request) {
        return Ok(recent);
    }
    let fetched = context.ports().settlement().fetch_blockhash(context.now().wall).await;
    fetched.map_err(|error| {
        if error != SettleError::AskedJustNow {
            context.ports().log(&format!("a buyer's transaction can't be made now: {error}"));
        }
        let detail = "The gateway has no recent state of the Solana network at the moment. Nothing was paid. \
                      Try again in a second.";
        Problem::new(503, "blockhash_unavailable", "Temporarily unavailable", detail).retry_after(1)
    })
}

/// Returns the offer in this token, or the first one.
fn offered<'o>(
    offers: &'o [PaymentRequirements],
    token: Option<&str>,
) -> Result<&'o PaymentRequirements, Problem> {
    let is_wanted = |offer: &&PaymentRequirements| token.is_none_or(|token| offer.asset.as_str() == token);
    offers.iter().find(is_wanted).ok_or_else(|| {
        Problem::malformed(
            "invalid_token",
            "`token` must be the mint of a token that this gateway accepts, or be left out. Nothing was paid.",
        )
    })
}

/// Returns the answer. What is sent back with the signed transaction is in `accepted`.
fn shown<P: Ports>(
    context: &Context<'_, P>,
    asset: &Asset,
    quantity: u64,
    offer: &PaymentRequirements,
    transaction: &[u8],
    recent: &RecentBlockhash,
) -> Result<Value, Problem> {
    let accepted = x402::accepted(offer).map_err(|error| context.unwritten(error))?;
    let view = json!({
        "x402Version": 2,
        "transaction": base64(transaction),
        "accepted": accepted,
        "asset": asset.id,
        "quantity": quantity,
        "seconds": asset.tariff.seconds(quantity),
        "lastValidBlockHeight": recent.last_valid_block_height.to_string(),
        "expiresAt": context.now().wall.plus_seconds(QUOTE_SECONDS).to_string(),
    });
    Ok(views::with_offered_amount(context.config(), view, offer))
}
