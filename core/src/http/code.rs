//! A code with which a buyer goes on with a session on another device. It works once, and for two minutes.
//!
//! The code names the session and how many codes the session has used so far. Using it counts one up, in the session's
//! own stream. So it works once without any list of codes, and every older code of the session stops working.

use serde::Deserialize;
use serde_json::json;

use super::catalogue::{asset_id, state_of};
use super::shard::{StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, query, sessions, views};
use crate::encoding::{base64url, from_base64url};
use crate::error::EncodeError;
use crate::gateway::CommandError;
use crate::grant::SessionToken;
use crate::ids::{AssetId, SessionId, StreamId};
use crate::keys::KeyRing;
use crate::ports::Ports;
use crate::session::Reject;
use crate::time::Timestamp;

/// How long a code works, in seconds.
const LIFETIME_SECONDS: u64 = 120;

/// What a code names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OneTimeCode {
    /// The stream of the session.
    pub(super) stream: StreamId,
    pub(super) session: SessionId,
    /// How many codes the session had used when this one was made.
    pub(super) used: u32,
}

/// The body of a request that uses a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    code: String,
}

/// Reads the session token of `POST /api/v1/sessions/{id}/code`.
pub(super) fn make<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&SessionId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let token = sessions::bearer_of_session(context, request, id)?;
    StatelessOutcome::at_shard(TaskKind::MakeCode(token))
}

/// Makes a code for a running session.
pub(super) async fn made<P: Ports>(
    context: &Context<'_, P>,
    token: &SessionToken,
) -> Result<Response, Problem> {
    let stream = token.stream();
    let state = state_of(context, &stream).await?;
    let now = state.clamped_now(&context.now());
    let running = state.session.as_ref().filter(|session| session.id == token.sub && !session.is_over(&now));
    let running = running.ok_or_else(|| Problem::of_reject(&Reject::SessionOver, now.wall))?;
    let expires_at = now.wall.plus_seconds(LIFETIME_SECONDS);
    let code = OneTimeCode { stream, session: token.sub.clone(), used: running.codes_used };
    let text = code.seal(&context.deployment().keys, expires_at);
    let text = text.map_err(|error| context.unwritten(error))?;
    let body = json!({ "code": text, "expiresAt": expires_at.to_string() });
    Ok(Response::json(200, &body).no_store())
}

/// Reads the code of `POST /api/v1/access/{id}/code`.
pub(super) fn redeem<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    query::no_parameters(request)?;
    let shown: Shown = query::body(request, r#"{"code": "..."}"#)?;
    let code = OneTimeCode::open(&context.deployment().keys, id, &shown.code, context.now().wall);
    StatelessOutcome::at_shard(TaskKind::UseCode(code.ok_or_else(invalid)?))
}

/// Uses a code, and shows the session as its buyer gets it.
pub(super) async fn redeemed<P: Ports>(
    context: &Context<'_, P>,
    code: &OneTimeCode,
) -> Result<Response, Problem> {
    let used = context.gateway().use_code(&code.stream, &code.session, code.used).await;
    let session = used.map_err(|error| match error {
        CommandError::Rejected(_) => invalid(),
        CommandError::Conflict => Problem::unavailable(),
        CommandError::Port(error) => context.failed(&error),
    })?;
    let record = views::record_of(&code.stream, &session);
    let body =
        views::granted(context.deployment(), &record, &session.purchase, session.transaction.as_deref());
    let body = body.map_err(|error| context.unwritten(error))?;
    Ok(Response::json(200, &body).no_store())
}

fn invalid() -> Problem {
    let detail = "The code is wrong, was used already, or is older than two minutes. You were not charged. Make a \
                  new code on the device that has the session, or sign in with the wallet that paid.";
    Problem::new(401, "invalid_code", "Unauthorized", detail)
}

impl OneTimeCode {
    /// Returns the code's text.
    fn seal(&self, keys: &KeyRing, expires_at: Timestamp) -> Result<String, EncodeError> {
        let mut bytes = vec![u8::from(self.stream.is_shared())];
        bytes.extend(self.session.to_bytes()?);
        bytes.extend(self.used.to_be_bytes());
        bytes.extend(expires_at.millis().to_be_bytes());
        let mac = keys.one_time_code().code(&[&bytes, self.stream.asset().as_str().as_bytes()]);
        bytes.extend(mac);
        Ok(base64url(&bytes))
    }

    /// Reads a code for this asset; `None` if it was not made here, or is too old.
    fn open(keys: &KeyRing, asset: &AssetId, text: &str, now: Timestamp) -> Option<Self> {
        let bytes = from_base64url(text)?;
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
        let parts = [content, asset.as_str().as_bytes()];
        if !keys.all_one_time_code().any(|key| key.verifies(&parts, mac)) {
            return None;
        }
        let (is_shared, rest) = content.split_first_chunk::<1>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (used, rest) = rest.split_first_chunk::<4>()?;
        let expires_at = Timestamp::from_millis(u64::from_be_bytes(*<&[u8; 8]>::try_from(rest).ok()?));
        let session = SessionId::from_bytes(*session);
        let stream = match is_shared {
            [0] => StreamId::of_asset(asset.clone()),
            _ => StreamId::of_session(asset.clone(), session.clone()),
        };
        let code = Self { stream, session, used: u32::from_be_bytes(*used) };
        (now < expires_at).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    fn keys() -> KeyRing {
        KeyRing::new(&Secret::new([7; 32]), None)
    }

    fn code(is_shared: bool) -> OneTimeCode {
        let (asset, session) = (AssetId::parse("lamp").unwrap(), SessionId::from_bytes([9; 16]));
        let stream = match is_shared {
            true => StreamId::of_session(asset, session.clone()),
            false => StreamId::of_asset(asset),
        };
        OneTimeCode { stream, session, used: 3 }
    }

    #[test]
    fn a_code_names_its_session_until_it_is_too_old() {
        let at = Timestamp::from_millis;
        for code in [code(true), code(false)] {
            let text = code.seal(&keys(), at(5_000)).unwrap();
            let lamp = code.stream.asset();
            assert_eq!(OneTimeCode::open(&keys(), lamp, &text, at(4_999)).as_ref(), Some(&code));
            assert_eq!(OneTimeCode::open(&keys(), lamp, &text, at(5_000)), None);
            let other = AssetId::parse("door").unwrap();
            assert_eq!(OneTimeCode::open(&keys(), &other, &text, at(0)), None);
            let others = KeyRing::new(&Secret::new([8; 32]), None);
            assert_eq!(OneTimeCode::open(&others, lamp, &text, at(0)), None);
            let next = KeyRing::new(&Secret::new([8; 32]), Some(&Secret::new([7; 32])));
            assert_eq!(OneTimeCode::open(&next, lamp, &text, at(0)), Some(code.clone()));
        }
    }

    #[test]
    fn no_altered_code_opens_inv_1() {
        let code = code(true);
        let (lamp, now) = (code.stream.asset(), Timestamp::default());
        let sealed = from_base64url(&code.seal(&keys(), Timestamp::from_millis(5_000)).unwrap()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[at] ^= 1 << bit;
                assert_eq!(OneTimeCode::open(&keys(), lamp, &base64url(&altered), now), None, "{at} {bit}");
            }
            assert_eq!(OneTimeCode::open(&keys(), lamp, &base64url(&sealed[..at]), now), None);
        }
        for text in ["", "=", "é", &"A".repeat(1_000)] {
            assert_eq!(OneTimeCode::open(&keys(), lamp, text, now), None);
        }
    }
}
