//! What the operator is told of money that is owed.

use crate::config::{AcceptedToken, Config};
use crate::session::index::OwedRecord;

/// Returns the line about what is owed in the operator's log. It names no buyer (invariant 9).
pub(super) fn owed_line(config: &Config, record: &OwedRecord) -> String {
    let OwedRecord { stream, owed, .. } = record;
    let money = &owed.money;
    let symbol = AcceptedToken::symbol_of(&config.merchant.tokens, config.network, money);
    let token = symbol.unwrap_or(money.token.as_str());
    let amount = money.amount.to_decimal(money.decimals);
    let (asset, session, reason) = (stream.asset(), &owed.session, owed.reason.name());
    if owed.reason.is_unclear() {
        return format!(
            "{asset} may not have been delivered, so {amount} {token} may be owed: session {session}. Decide about {id}",
            id = owed.id
        );
    }
    format!("owed {amount} {token} for {asset} ({reason}): session {session}, {id}", id = owed.id)
}
