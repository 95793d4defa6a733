//! The copies of sessions in the shards of payers and of the merchant, for their lists.

use super::hold::{run, text};
use super::updates::SessionRow;
use crate::ports::PortError;
use crate::store::{Sql, Value, integer};

// A repeated update may arrive after a later one, so an older record changes nothing.
const PUT: &str = "INSERT INTO session (id, asset, payer, starts, record, earned, budget)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (id) DO UPDATE SET record = excluded.record, earned = excluded.earned, budget = excluded.budget
    WHERE (excluded.record ->> '$.ended', excluded.record ->> '$.session.grant',
            coalesce(excluded.record ->> '$.session.delivery.times_owed', 0))
        >= (record ->> '$.ended', record ->> '$.session.grant',
            coalesce(record ->> '$.session.delivery.times_owed', 0))";

/// Stores these sessions. A session that is known in a later state stays as it is.
///
/// # Errors
/// When storage does not answer, or a number is too large for it. Repeating it is harmless.
pub(super) async fn put_sessions<S: Sql>(sql: &S, sessions: &[SessionRow]) -> Result<(), PortError> {
    for SessionRow { id, asset, payer, starts, record, earned, budget } in sessions {
        let budget = budget.as_ref().map_or(Value::Null, text);
        let [starts, earned] = [integer(*starts)?, integer(*earned)?];
        let parameters = [text(id), text(asset), text(payer), starts, text(record), earned, budget];
        run(sql, PUT, &parameters).await?;
    }
    Ok(())
}
