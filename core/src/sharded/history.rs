//! The copies of sessions, and of what is owed, in the shards of payers and of the merchant, for their lists.

use super::hold::{run, text};
use super::updates::{OwedRow, SessionRow};
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

// A repeated update may arrive after a later one. What is decided stays so.
const PUT_OWED: &str = "INSERT INTO owed (id, payer, at, is_open, record) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, record = excluded.record
    WHERE is_open AND excluded.record ->> '$.status' <> 'unclear'";

/// Stores what is owed. What was decided about stays so.
///
/// # Errors
/// The same as of [`put_sessions`].
pub(super) async fn put_owed<S: Sql>(sql: &S, owed: &[OwedRow]) -> Result<(), PortError> {
    for OwedRow { id, payer, at, is_open, record } in owed {
        let is_open = Value::Integer(i64::from(*is_open));
        let parameters = [text(id), text(payer), integer(*at)?, is_open, text(record)];
        run(sql, PUT_OWED, &parameters).await?;
    }
    Ok(())
}
