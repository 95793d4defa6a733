//! The tables of what fees may cost, and what a claim and a payment's end do there.
//!
//! The rule is in `session/fee.rs`. Fees are in lamports, moments in milliseconds since the epoch.

/// What a payer's next payments may cost: half of what its sessions have earned, without the fees that this bears now and
/// those of payments that landed with an error.
pub(crate) const TRUST: &str =
    "CREATE TABLE IF NOT EXISTS trust (payer TEXT PRIMARY KEY, lamports INTEGER NOT NULL) WITHOUT ROWID";

/// The statement that gives the payer of the row `NEW` of `session` the trust that `$earned` lamports are.
macro_rules! earn_trust {
    ($earned:literal) => {
        concat!(
            "INSERT INTO trust (payer, lamports) SELECT NEW.payer, ",
            $earned,
            " WHERE ",
            $earned,
            " > 0
            ON CONFLICT (payer) DO UPDATE SET lamports = min(lamports + excluded.lamports, 1000000000000000);"
        )
    };
}

/// The statement that gives as much to the budget of the row `NEW` of `session`.
macro_rules! earn_budget {
    ($earned:literal) => {
        concat!("UPDATE fee_budget SET spent = max(0, spent - (", $earned, ")) WHERE name = NEW.budget;")
    };
}

/// The two triggers that run `$earn` once for what a session has earned, when it is first known.
macro_rules! session_earned {
    ($earn:ident $(, $more:ident)?) => {
        [
            concat!(
                "CREATE TRIGGER IF NOT EXISTS session_earned AFTER UPDATE OF earned ON session
        WHEN NEW.earned > OLD.earned BEGIN
        ",
                $earn!("NEW.earned - OLD.earned"),
                $("
        ", $more!("NEW.earned - OLD.earned"),)?
                "
    END"
            ),
            concat!(
                "CREATE TRIGGER IF NOT EXISTS session_earned_at_once AFTER INSERT ON session
        WHEN NEW.earned > 0 BEGIN
        ",
                $earn!("NEW.earned"),
                $("
        ", $more!("NEW.earned"),)?
                "
    END"
            ),
        ]
    };
}

/// Gives trust for what a session has earned.
pub(crate) const EARN_TRUST: [&str; 2] = session_earned!(earn_trust);
/// Gives as much to a budget.
pub(crate) const EARN_BUDGET: [&str; 2] = session_earned!(earn_budget);
/// Does both.
pub(super) const EARN: [&str; 2] = session_earned!(earn_trust, earn_budget);

/// What is spent of each budget, as it was at the latest claim. Time has filled it again since.
pub(crate) const FEE_BUDGET: &str = "CREATE TABLE IF NOT EXISTS fee_budget (name TEXT PRIMARY KEY, spent INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID";

/// A condition: the payer's trust covers the fee of `$check`, which is a `FeeCheck` as JSON.
macro_rules! is_trusted {
    ($check:expr) => {
        concat!(
            "EXISTS (SELECT 1 FROM trust WHERE payer = (",
            $check,
            ") ->> '$.payer' AND lamports >= (",
            $check,
            ") ->> '$.lamports')"
        )
    };
}

/// The statement that takes a fee out of the payer's trust, if the condition `$bears` holds.
macro_rules! take_trust {
    ($check:expr, $bears:expr) => {
        concat!(
            "UPDATE trust SET lamports = lamports - ((",
            $check,
            ") ->> '$.lamports')
            WHERE payer = (",
            $check,
            ") ->> '$.payer' AND ",
            $bears,
            ";"
        )
    };
}

/// The statements that take a fee out of the budget `$name`, or refuse the claim, if the condition `$bears` holds.
/// `$limit` is the name of its limit in `$check`.
///
/// Claims arrive in another order than they were made in, and the same time must not fill a budget twice. So `at` goes back
/// only by a minute or more, which means that the clock was set back.
macro_rules! take_from_budget {
    ($check:expr, $name:expr, $limit:literal, $bears:expr) => {
        concat!(
            "INSERT INTO fee_budget (name, spent, at)
            SELECT ",
            $name,
            ", (",
            $check,
            ") ->> '$.lamports', (",
            $check,
            ") ->> '$.at' WHERE ",
            $bears,
            "
            ON CONFLICT (name) DO UPDATE SET
                at = CASE WHEN at - excluded.at < 60000 THEN max(at, excluded.at) ELSE excluded.at END,
                spent = excluded.spent + max(0, spent -
                ((",
            $check,
            ") ->> '$.",
            $limit,
            ".refill') * min(max(excluded.at - at, 0), (",
            $check,
            ") ->> '$.",
            $limit,
            ".period')
                / ((",
            $check,
            ") ->> '$.",
            $limit,
            ".period'));
        SELECT RAISE(ABORT, '",
            guard_message!(over_budget),
            "') FROM fee_budget
            WHERE name = ",
            $name,
            " AND spent > (",
            $check,
            ") ->> '$.",
            $limit,
            ".most' AND ",
            $bears,
            ";"
        )
    };
}

/// The statement that puts back what the payment of the deleted row `OLD` took from its payer's trust.
///
/// `OLD.ends` is `landed`, or `failed` if it landed with an error, or null if it never landed.
macro_rules! put_back_trust {
    () => {
        "UPDATE trust SET lamports = min(lamports + OLD.fee, 1000000000000000)
            WHERE payer = OLD.payer AND OLD.bearer IS 'trust' AND OLD.ends IS NOT 'failed';"
    };
}

/// The statements that do the same for the budgets.
///
/// `OLD.ends` may also be `spent`: it is over, but how it ended was never told. Then nothing is put back.
macro_rules! put_back_budgets {
    () => {
        "UPDATE fee_budget SET spent = max(0, spent - CASE OLD.ends
            WHEN 'failed' THEN 0
            WHEN 'spent' THEN 0
            ELSE OLD.fee END)
            WHERE name = OLD.bearer;
        UPDATE fee_budget SET spent = max(0, spent - OLD.fee)
            WHERE name = 'unprofitable' AND OLD.unprofitable
            AND coalesce(OLD.ends, 'never landed') NOT IN ('landed', 'spent');"
    };
}

pub(crate) use {is_trusted, put_back_budgets, put_back_trust, take_from_budget, take_trust};
