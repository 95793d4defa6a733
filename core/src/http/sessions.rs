//! Sessions, for who bought them.

use serde_json::{Map, Value, json};

use super::{Problem, Request, Response, query, views};
use crate::gateway::Gateway;
use crate::grant::{self, SessionToken};
use crate::ports::{Clock as _, Cursor, Entropy as _, Journal as _, Ports};
use crate::sign_in;
use crate::svm::Address;
use crate::x402::SIGN_IN_WITH_X;

impl<P: Ports> Gateway<'_, P> {
    /// The claims of the session token that the request carries.
    pub(super) fn bearer(&self, request: &Request) -> Result<SessionToken, Problem> {
        let deployment = self.deployment();
        let now = self.ports().clock().now().wall;
        let token = request.bearer().and_then(|token| {
            grant::session_token(&deployment.keys, &deployment.config.public_url, token, now)
        });
        token.ok_or_else(|| {
            let detail = "send the sessionToken of this session as `Authorization: Bearer ...`";
            Problem::new(401, "session_token_required", "Unauthorized", detail)
                .header("www-authenticate", "Bearer")
        })
    }

    pub(super) async fn session_status(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let token = self.bearer(request)?;
        if token.sub.as_str() != id {
            return Err(Problem::new(403, "other_session", "Forbidden", "this token is for another session"));
        }
        let record = self.ports().journal().session(&token.sub).await.map_err(|error| self.failed(&error))?;
        let record = record.ok_or_else(|| Problem::not_found("session"))?;
        let now = self.ports().clock().now();
        let status = views::session_status(&self.deployment().config, &record, &now);
        Ok(Response::json(200, &status).no_store())
    }

    /// The address that the request proves, if it carries a proof.
    pub(super) fn signed_in(&self, request: &Request) -> Result<Option<Address>, Problem> {
        let mut proofs = request.values(SIGN_IN_WITH_X);
        let Some(header) = proofs.next() else { return Ok(None) };
        if proofs.next().is_some() {
            return Err(self.sign_in_required(request, "send one proof in one header"));
        }
        let deployment = self.deployment();
        let config = &deployment.config;
        let now = self.ports().clock().now().wall;
        sign_in::verify(&deployment.keys, &config.public_url, config.network, now, header)
            .map(Some)
            .map_err(|error| self.sign_in_required(request, error.detail()))
    }

    /// Returns a fresh sign-in challenge for `path`, as the `extensions` of an answer.
    pub(super) fn sign_in_extensions(&self, path: &str) -> Result<Map<String, Value>, Problem> {
        let deployment = self.deployment();
        let config = &deployment.config;
        let uri = format!("{}{path}", config.public_url);
        let (now, random) = (self.ports().clock().now().wall, self.ports().entropy().random());
        let challenge =
            sign_in::challenge(&deployment.keys, &config.public_url, &uri, config.network, now, random);
        let challenge = challenge.map_err(|error| self.unwritten(error))?;
        Ok(Map::from_iter([(sign_in::EXTENSION.to_owned(), challenge)]))
    }

    fn sign_in_required(&self, request: &Request, detail: &str) -> Problem {
        match self.sign_in_extensions(&request.path) {
            Ok(extensions) => Problem::new(401, "sign_in_required", "Unauthorized", detail)
                .member("extensions", json!(extensions))
                .header("www-authenticate", "SIGN-IN-WITH-X"),
            Err(problem) => problem,
        }
    }

    pub(super) async fn sessions_of_payer(
        &self,
        request: &Request,
        address: &str,
    ) -> Result<Response, Problem> {
        let address: Address = address.parse().map_err(|_| Problem::not_found("payer"))?;
        let required = "sign the challenge in `extensions` with this wallet, and send it in SIGN-IN-WITH-X";
        let proven = self.signed_in(request)?.ok_or_else(|| self.sign_in_required(request, required))?;
        if proven != address {
            return Err(self.sign_in_required(request, "the proof is another wallet's"));
        }
        let limit = query::limit(request)?;
        let before = query::before(request)?;
        // One more than asked for tells whether there is a next page.
        let asked = u32::try_from(limit + 1).unwrap_or(u32::MAX);
        let found = self.ports().journal().sessions_of(&address, before.as_ref(), asked).await;
        let mut records = found.map_err(|error| self.failed(&error))?;
        let more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| more).map(|record| {
            query::cursor(&Cursor { starts: record.session.starts_at, session: record.session.id.clone() })
        });
        let now = self.ports().clock().now();
        let view = |record| views::session_of_payer(self.deployment(), record, &now);
        let sessions: Result<Vec<_>, _> = records.iter().map(view).collect();
        let sessions = sessions.map_err(|error| self.unwritten(error))?;
        Ok(Response::json(200, &json!({ "sessions": sessions, "next": next })).no_store())
    }
}
