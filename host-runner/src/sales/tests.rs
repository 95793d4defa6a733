//! `coinop sales` and the metrics of sales, on a journal that the core wrote.

use std::path::Path;

use coinop_core::config::Config;
use coinop_core::store::{Sql as _, SqlJournal, Value};
use coinop_core::{AssetId, Timestamp};
use serde_json::{Value as Json, json};

use super::meter::SalesMeter;
use super::print::{Filter, Format, Stopped, all};
use crate::db::{Db, ReadOnly};
use crate::metrics::Metrics;

const NETWORK: &str = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
const USDC: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
const PAYER: &str = "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5";

fn config() -> Config {
    let asset = |id: &str, unit: &str| json!({"id": id, "price": "0.01", "unit": unit});
    let config = json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": {"pay_to": PAYER, "tokens": ["USDC"]},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
        "settlement": {"mode": "local", "fee_payer_keypair": "fee-payer.json"},
        "asset": [asset("lamp", "second"), asset("door-1", "minute")],
    });
    Config::from_json(&config).unwrap()
}

/// One sale, as a row of the journal.
struct Sold {
    number: u64,
    asset: &'static str,
    quantity: u64,
    seconds: u64,
    amount: u64,
    token: &'static str,
    extends: bool,
}

const LAMP: Sold = Sold {
    number: 1,
    asset: "lamp",
    quantity: 10,
    seconds: 10,
    amount: 100_000,
    token: USDC,
    extends: false,
};

impl Sold {
    fn record(&self) -> Json {
        let session = format!("s_{:032x}", self.number);
        let operation = if self.extends { json!({"extend": {"session": session}}) } else { json!("access") };
        json!({
            "payment": format!("{:064x}", self.number),
            "stream": self.asset,
            "operation": operation,
            "session": session,
            "purchase": {
                "quantity": self.quantity,
                "allowance": {"time": {"seconds": self.seconds}},
                "price": {"network": NETWORK, "token": self.token, "amount": self.amount.to_string(), "decimals": 6},
            },
            "ticket": null,
            "payer": PAYER,
            "transaction": format!("tx{}", self.number),
            "status": "granted",
            "at": 1_795_165_429_123_u64,
        })
    }
}

/// A journal with the core's own tables.
async fn journal(folder: &Path) -> Db {
    let db = Db::open(folder, Metrics::new().unwrap()).unwrap();
    SqlJournal::new(db.clone(), "main".to_owned()).prepare().await.unwrap();
    db
}

async fn write(db: &Db, sold: &Sold) {
    let id = Value::Text(format!("{:064x}", sold.number));
    let payment = "INSERT INTO payment (id, record) VALUES (?1, ?2)";
    db.run(payment, &[id.clone(), Value::Text(sold.record().to_string())]).await.unwrap();
    let sale = "INSERT INTO sale (at, asset, payment, network, token, decimals, amount)
        VALUES (?1, ?2, ?3, ?4, ?5, 6, ?6)";
    let at = 1_795_165_429_123 + i64::try_from(sold.number).unwrap() * 3_600_000;
    let text = |text: &str| Value::Text(text.to_owned());
    let row = [
        Value::Integer(at),
        text(sold.asset),
        id,
        text(NETWORK),
        text(sold.token),
        text(&sold.amount.to_string()),
    ];
    db.run(sale, &row).await.unwrap();
}

const EVERYTHING: Filter = Filter { since: Timestamp::from_millis(0), asset: None };

async fn printed(folder: &Path, filter: &Filter, format: Format) -> Result<String, String> {
    let mut out = Vec::new();
    let ended = match super::open(folder, "main").await {
        Ok(journal) => all(&journal, &config(), filter, format, &mut out).await,
        Err(stopped) => Err(stopped),
    };
    match ended {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(Stopped::Failed(why)) => Err(why),
        Err(Stopped::ReaderGone) => panic!("a vector is always there"),
    }
}

fn sales() -> [Sold; 4] {
    [
        LAMP,
        Sold { number: 2, quantity: 5, seconds: 5, amount: 50_000, extends: true, ..LAMP },
        Sold { number: 3, asset: "door-1", quantity: 1, seconds: 60, amount: 10_001, ..LAMP },
        // The asset is gone and its token is no longer accepted.
        Sold {
            number: 4,
            asset: "gone",
            quantity: 1,
            seconds: 7,
            amount: 1,
            token: "MintOfSomething",
            ..LAMP
        },
    ]
}

#[tokio::test]
async fn the_table_shows_each_sale_and_below_it_the_totals_by_asset_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    assert_eq!(printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap(), "nothing was sold\n");
    for sold in sales() {
        write(&db, &sold).await;
    }
    let text = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines[0],
        ["time", "(UTC)", "asset", "bought", "paid", "kind", "payer", "session", "transaction"]
    );
    let row = |number: u8, time: &str, rest: &str| -> Vec<String> {
        let words = format!("2026-11-20 {time} {rest} H5jU…vNH5 s_00…{number:04x} tx{number}");
        words.split(' ').map(str::to_owned).collect()
    };
    assert_eq!(lines[1], row(1, "10:03:49", "lamp 10 seconds 0.10 USDC new session"));
    assert_eq!(lines[2], row(2, "11:03:49", "lamp 5 seconds 0.05 USDC more time"));
    assert_eq!(lines[3], row(3, "12:03:49", "door-1 1 minute 0.010001 USDC new session"));
    assert_eq!(lines[4], row(4, "13:03:49", "gone 1 0.000001 Mint…hing new session"));
    let totals: Vec<String> = lines[5..].iter().map(|line| line.join(" ")).collect();
    assert_eq!(
        totals,
        [
            "",
            "asset sales paid",
            "door-1 1 0.010001 USDC",
            "gone 1 0.000001 MintOfSomething",
            "lamp 2 0.15 USDC",
            "(all) 1 0.000001 MintOfSomething",
            "(all) 3 0.160001 USDC",
            "",
            "payers, sessions and transactions are shortened; --csv prints them in full",
        ]
    );
    drop(db);
    // After a clean stop, nobody else has the journal open.
    assert_eq!(printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap(), text);
}

#[tokio::test]
async fn comma_separated_values_have_a_header_and_a_line_for_each_sale() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    let header = "time,asset,quantity,unit,amount,token,mint,payer,session,transaction,extension\r\n";
    assert_eq!(printed(folder.path(), &EVERYTHING, Format::Csv).await.unwrap(), header);
    for sold in sales() {
        write(&db, &sold).await;
    }
    let filter = Filter { asset: AssetId::parse("lamp"), ..EVERYTHING };
    let expected = format!(
        "{header}2026-11-20T10:03:49.123Z,lamp,10,second,0.10,USDC,{USDC},{PAYER},s_{:032x},tx1,false\r\n\
         2026-11-20T11:03:49.123Z,lamp,5,second,0.05,USDC,{USDC},{PAYER},s_{:032x},tx2,true\r\n",
        1, 2
    );
    assert_eq!(printed(folder.path(), &filter, Format::Csv).await.unwrap(), expected);
    let since = Timestamp::parse_rfc3339("2026-11-20T13:00:00Z").unwrap();
    let late = printed(folder.path(), &Filter { since, asset: None }, Format::Csv).await.unwrap();
    assert_eq!(late.lines().count(), 2);
}

#[tokio::test]
async fn a_line_of_real_identifiers_fits_into_120_columns() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    let long =
        Sold { number: 1, asset: "front-door", quantity: 240, seconds: 14_400, amount: 2_400_001, ..LAMP };
    let mut record = long.record();
    record["transaction"] = json!("5".repeat(88));
    write(&db, &long).await;
    db.run("UPDATE payment SET record = ?1", &[Value::Text(record.to_string())]).await.unwrap();
    let text = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert!(text.contains("  5555…5555\n"), "{text}");
}

#[tokio::test]
async fn an_asset_that_nobody_knows_is_an_error_that_names_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    for sold in sales() {
        write(&db, &sold).await;
    }
    for format in [Format::Table, Format::Csv] {
        let of = |asset: &str| Filter { asset: AssetId::parse(asset), ..EVERYTHING };
        let error = printed(folder.path(), &of("nolamp"), format).await.unwrap_err();
        assert!(error.contains("--asset nolamp") && error.contains("door-1, gone and lamp"), "{error}");
        // Nobody offers it any more, but it was sold.
        assert!(printed(folder.path(), &of("gone"), format).await.unwrap().contains("Mint"));
        // It was not sold in this time.
        let late = Filter { since: Timestamp::from_millis(u64::MAX >> 12), ..of("lamp") };
        assert!(printed(folder.path(), &late, format).await.is_ok());
    }
}

#[test]
fn without_a_configuration_it_says_how_to_name_one() {
    let error = super::settings(Path::new("nowhere/coinop.toml"), "/x").err().unwrap();
    assert!(error.contains("--config FILE") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn a_long_list_is_printed_page_by_page_and_completely() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    for number in 1..=1_100 {
        write(&db, &Sold { number, ..LAMP }).await;
    }
    let text = printed(folder.path(), &EVERYTHING, Format::Csv).await.unwrap();
    let transactions: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(9).unwrap()).collect();
    let expected: Vec<String> = (1..=1_100).map(|number| format!("tx{number}")).collect();
    assert_eq!(transactions, expected);
    let text = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap();
    assert!(text.contains("\nlamp   1100   110 USDC\n"), "{text}");
}

#[tokio::test]
async fn a_journal_that_is_not_there_or_of_another_version_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap_err();
    assert!(error.contains("start `coinop serve` once"), "{error}");
    let db = Db::open(folder.path(), Metrics::new().unwrap()).unwrap();
    let error = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap_err();
    assert!(error.contains("start `coinop serve` once"), "{error}");
    drop(db);
    let db = journal(folder.path()).await;
    db.run("UPDATE schema_version SET version = 1", &[]).await.unwrap();
    let error = printed(folder.path(), &EVERYTHING, Format::Table).await.unwrap_err();
    assert!(error.contains("version 1") && !error.contains('\n'), "{error}");
}

/// Takes a few bytes, as `head -1` does, and is gone then.
struct Impatient(usize);

impl std::io::Write for Impatient {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_who_has_seen_enough_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    write(&db, &LAMP).await;
    let journal = SqlJournal::new(ReadOnly::open(folder.path()).unwrap().unwrap(), "main".to_owned());
    for format in [Format::Table, Format::Csv] {
        let stopped = all(&journal, &config(), &EVERYTHING, format, &mut Impatient(20)).await;
        assert!(matches!(stopped, Err(Stopped::ReaderGone)), "{stopped:?}");
    }
}

async fn page(meter: &SalesMeter) -> String {
    String::from_utf8(meter.page().await).unwrap()
}

#[tokio::test]
async fn the_metrics_have_what_was_sold_since_the_journal_began_also_after_a_restart_inv_5() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), Metrics::new().unwrap()).unwrap();
    let meter = || SalesMeter::new(db.clone(), &config(), Metrics::new().unwrap());
    assert!(!page(&meter()).await.contains("coinop_sales"), "there are no tables yet");
    SqlJournal::new(db.clone(), "main".to_owned()).prepare().await.unwrap();
    let running = meter();
    let has = |page: &str, line: &str| page.lines().any(|one| one == line);
    for sold in sales() {
        write(&db, &sold).await;
        // It is read after every sale, so that most reads find one that is new.
        page(&running).await;
    }
    for text in [page(&running).await, page(&meter()).await, page(&running).await] {
        for line in [
            r#"coinop_sales_total{asset="lamp",token="USDC"} 2"#,
            r#"coinop_sales_amount_total{asset="lamp",token="USDC"} 0.15"#,
            r#"coinop_sales_total{asset="door-1",token="USDC"} 1"#,
            r#"coinop_sales_amount_total{asset="door-1",token="USDC"} 0.010001"#,
            r#"coinop_sales_amount_total{asset="gone",token="MintOfSomething"} 0.000001"#,
        ] {
            assert!(has(&text, line), "{line}\n{text}");
        }
        assert!(!text.contains(PAYER) && !text.contains("s_0"), "{text}");
    }
}

#[tokio::test]
async fn readers_at_the_same_time_count_each_sale_once_inv_5() {
    let folder = tempfile::tempdir().unwrap();
    let db = journal(folder.path()).await;
    let meter = std::sync::Arc::new(SalesMeter::new(db.clone(), &config(), Metrics::new().unwrap()));
    for sold in sales() {
        write(&db, &sold).await;
    }
    let pages: Vec<_> = (0..8)
        .map(|_| {
            let meter = meter.clone();
            tokio::spawn(async move { page(&meter).await })
        })
        .collect();
    for one in pages {
        assert!(one.await.unwrap().contains(r#"coinop_sales_total{asset="lamp",token="USDC"} 2"#));
    }
}
