//! A session whose end is not known yet, as the API shows it.

use super::*;
use crate::grant;
use crate::http::views::{self, Availability};
use crate::session::index::SessionRecord;
use crate::session::{Entitlement, MAX_SECONDS, StreamState};
use crate::time::Now;

const GRACE_SECONDS: u64 = 7 * 86_400;

#[test]
fn a_session_whose_end_is_not_known_is_shown_without_one_and_has_no_grant_inv_4() {
    let world = World::new();
    let deployment = &world.deployment;
    let mut record = world.bought(1, "door-1", 2).0.session;
    let shown = |record: &SessionRecord| {
        let granted = views::granted(deployment, record, &record.session.purchase, None).unwrap();
        let mut listed = views::session_status(&deployment.config, record, &[], &Now::at(world.now()));
        views::add_tokens(deployment, record, &mut listed).unwrap();
        assert_eq!((&granted["grant"], &granted["endsAt"]), (&listed["grant"], &listed["endsAt"]));
        granted
    };
    assert!(shown(&record)["grant"].is_string() && shown(&record)["endsAt"].is_string());

    record.session.entitlement = Entitlement::Paused { left: 90_500 };
    let granted = shown(&record);
    assert_eq!((&granted["grant"], &granted["endsAt"]), (&Value::Null, &Value::Null));

    // Its token works as long as that of the longest session.
    let token = granted["sessionToken"].as_str().unwrap();
    let works_at = |seconds| {
        let at = record.session.starts_at.plus_seconds(seconds);
        grant::session_token(&deployment.keys, &deployment.config.public_url, token, at).is_some()
    };
    assert!(works_at(0) && works_at(MAX_SECONDS + GRACE_SECONDS - 1));
    assert!(!works_at(MAX_SECONDS + GRACE_SECONDS));

    // The time left does not change, and the asset stays taken.
    for later in [0, 1_000_000] {
        let now = Now::at(world.now().plus_seconds(later));
        let status = views::session_status(&deployment.config, &record, &[], &now);
        assert_eq!((&status["status"], &status["secondsLeft"]), (&json!("active"), &json!(91)));
        assert_eq!(status["endsAt"], Value::Null);
        let state = StreamState { session: Some(record.session.clone()), ..StreamState::default() };
        let asset = deployment.config.asset(record.stream.asset()).unwrap();
        let status =
            views::asset_status(&deployment.keys, asset, &Availability::of_exclusive(asset, state, &now));
        assert_eq!((&status["available"], &status["session"]), (&json!(false), &json!({"endsAt": null})));
    }
}
