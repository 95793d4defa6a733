//! Every guard that a trigger raises, on every kind of database.

use super::{Database, now};
use crate::sharded::{MerchantShard, PayerShard, PaymentShard, ShardHandler as _};
use crate::store::{SqlError, SqlJournal, Value};
use crate::testkit::platform::execute;

/// Returns the messages that a database's triggers raise, as they are stored in the database.
fn raised(database: &Database) -> Vec<String> {
    let triggers = execute(&database.0, "SELECT sql FROM sqlite_master WHERE type = 'trigger'", &[]).unwrap();
    let texts = triggers.into_iter().flatten().map(|value| match value {
        Value::Text(text) => text,
        other => panic!("{other:?}"),
    });
    texts.flat_map(|text| text.split("RAISE(").skip(1).map(message).collect::<Vec<_>>()).collect()
}

/// Returns the message of one `RAISE`, given the text after its opening parenthesis.
fn message(raise: &str) -> String {
    let quoted = raise.strip_prefix("ABORT, '").expect("a guard undoes its statement alone");
    quoted.split_once("')").expect("a message").0.to_owned()
}

#[test]
fn every_guard_that_a_trigger_raises_is_recognised_inv_1_5() {
    let (all, payer, merchant, payment) =
        (Database::new(), Database::new(), Database::new(), Database::new());
    now(SqlJournal::new(&all, "main".to_owned()).prepare()).unwrap();
    now(PayerShard::new(&payer).prepare()).unwrap();
    now(MerchantShard::new(&merchant).prepare()).unwrap();
    now(PaymentShard::new(&payment).prepare()).unwrap();
    let kinds = |database: &Database| -> Vec<SqlError> {
        raised(database).iter().map(|message| SqlError::from_message(message)).collect()
    };
    use SqlError::{Full, GuardAtRisk, HasEnded, NotCovered, OverBudget, Unique};
    assert_eq!(kinds(&all), [Unique, GuardAtRisk, NotCovered, GuardAtRisk, OverBudget, OverBudget, Full]);
    assert_eq!(kinds(&payer), [HasEnded, GuardAtRisk, NotCovered]);
    assert_eq!(kinds(&merchant), [HasEnded, GuardAtRisk, Full, OverBudget, OverBudget]);
    assert_eq!(kinds(&payment), []);
}
