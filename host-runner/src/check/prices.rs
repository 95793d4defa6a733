//! Compares what the smallest purchase brings with what its transaction may cost the owner.
//!
//! Nothing is fetched, so both sides are estimates. Tokens that are known by name are stablecoins and count
//! as 1 US dollar, and one SOL counts as [`USD_PER_SOL`].

use coinop_core::config::{Asset, Config};
use coinop_core::svm::{Network, Token};
use coinop_core::{Amount, USD_PER_SOL};

const LAMPORTS_PER_SOL: u128 = 1_000_000_000;
/// How many times the fee must fit into a purchase: once for its own transaction, and once for a payment that
/// fails on the chain after its fee was paid.
const FEES: u64 = 2;
/// The most assets that a warning names. It only counts the others.
const NAMED: usize = 3;

/// Returns the warnings about prices.
pub(super) fn all(config: &Config) -> Vec<String> {
    let most = config.settlement.max_fee_lamports;
    // In millionths of a dollar. A lamport is a billionth of a SOL.
    let least = Amount::new((FEES * USD_PER_SOL).saturating_mul(most) / 1_000);
    let mut warnings = Vec::new();
    let cheap = named(config, |asset, token| {
        is_a_dollar(config.network, token).then_some(())?;
        let amount = smallest(asset, token)?;
        let worth = u128::from(amount.atomic()) * LAMPORTS_PER_SOL;
        let fees =
            u128::from(FEES * USD_PER_SOL) * u128::from(most) * 10u128.checked_pow(token.decimals.into())?;
        (worth < fees).then_some(amount)
    });
    if let Some(cheap) = cheap {
        let least = least.to_decimal(6);
        warnings.push(format!(
            "the smallest purchase of {cheap} may cost you more than it earns: it is worth less than ${least}, \
             the network fees of {FEES} transactions at the most (`settlement.max_fee_lamports` = {most}; 1 SOL \
             counts as ${USD_PER_SOL}, a stablecoin as $1); raise `price` or `min_quantity`, or lower \
             `settlement.max_fee_lamports`"
        ));
    }
    let tiny = named(config, |asset, token| {
        // A thousand of the smallest purchases cost less than a thousand atomic units, so one of them is
        // rounded up.
        let thousand = asset.tariff.min_quantity.checked_mul(1_000)?;
        let rounded_up = asset.tariff.price.times(thousand, token.decimals)?.atomic() < 1_000;
        smallest(asset, token).filter(|_| rounded_up)
    });
    if let Some(tiny) = tiny {
        warnings.push(format!(
            "the smallest purchase of {tiny} is rounded up to that amount, the smallest that can be paid; \
             make sure that `price` is what you mean"
        ));
    }
    warnings
}

/// Names the assets for which `amount` returns an amount, each with that amount: `lamp (1 x second for 0.001
/// USDC), fan (...) and 3 more`.
fn named(config: &Config, amount: impl Fn(&Asset, &Token) -> Option<Amount>) -> Option<String> {
    let mut names = Vec::new();
    let mut more = 0usize;
    for asset in config.assets.iter() {
        let tokens = config.merchant.tokens.iter().map(|accepted| &accepted.token);
        let Some((token, amount)) = tokens.filter_map(|token| Some((token, amount(asset, token)?))).next()
        else {
            continue;
        };
        if names.len() == NAMED {
            more += 1;
            continue;
        }
        let (quantity, unit) = (asset.tariff.min_quantity, asset.tariff.unit.name());
        let amount = amount.to_decimal(token.decimals);
        names.push(format!("{} ({quantity} x {unit} for {amount} {})", asset.id, token.symbol));
    }
    let last = if more > 0 { Some(format!("{more} more")) } else { names.pop() };
    match (names.join(", "), last) {
        (_, None) => None,
        (first, Some(last)) if first.is_empty() => Some(last),
        (first, Some(last)) => Some(format!("{first} and {last}")),
    }
}

fn smallest(asset: &Asset, token: &Token) -> Option<Amount> {
    asset.tariff.price(asset.tariff.min_quantity, token.decimals).ok()
}

/// Tells whether the token is a stablecoin of US dollars. All tokens that are known by name are.
fn is_a_dollar(network: Network, token: &Token) -> bool {
    network.known_token(&token.symbol).is_some_and(|known| known.mint == token.mint)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(change: impl FnOnce(&mut Value)) -> Config {
        let mut value = json!({
            "public_url": "http://127.0.0.1:8402",
            "merchant": {"pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"]},
            "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
            "settlement": {"mode": "local"},
            "asset": [{"id": "lamp", "price": "0.008", "unit": "second"}],
        });
        change(&mut value);
        Config::from_json(&value).unwrap()
    }

    #[test]
    fn a_purchase_that_is_worth_less_than_two_fees_is_named_with_what_to_change() {
        // 20,000 lamports are 0.00002 SOL, which is $0.004 at $200.
        assert_eq!(all(&config(|_| {})), Vec::<String>::new());
        let warnings = all(&config(|v| v["asset"][0]["price"] = json!("0.007999")));
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        for part in [
            "lamp (1 x second for 0.007999 USDC)",
            "$0.008,",
            "= 20000;",
            "1 SOL counts as $200",
            "a stablecoin as $1",
            "`min_quantity`",
            "`settlement.max_fee_lamports`",
        ] {
            assert!(warning.contains(part), "{part}: {warning}");
        }
        assert!(!warning.contains('\n'));
    }

    #[test]
    fn a_larger_least_quantity_or_a_smaller_fee_is_fine() {
        let cheap = |v: &mut Value| v["asset"][0]["price"] = json!("0.001");
        assert_eq!(all(&config(cheap)).len(), 1);
        let more = config(|v| {
            cheap(v);
            v["asset"][0]["min_quantity"] = json!(8);
        });
        assert_eq!(all(&more), Vec::<String>::new());
        let half = |price: &str| {
            config(|v| {
                v["asset"][0]["price"] = json!(price);
                v["settlement"]["max_fee_lamports"] = json!(10_000);
            })
        };
        assert_eq!(all(&half("0.004")), Vec::<String>::new());
        assert!(all(&half("0.0039"))[0].contains("$0.004,"));
    }

    #[test]
    fn nothing_is_said_of_a_token_whose_worth_is_unknown() {
        let own =
            json!({"mint": "So11111111111111111111111111111111111111112", "decimals": 9, "symbol": "USDC"});
        let cheap = config(|v| {
            v["merchant"]["tokens"] = json!([own]);
            v["asset"][0]["price"] = json!("0.001");
        });
        assert_eq!(all(&cheap), Vec::<String>::new());
    }

    #[test]
    fn a_price_below_the_least_amount_is_told_to_be_rounded_up() {
        let tiny = all(&config(|v| v["asset"][0]["price"] = json!("0.0000000001")));
        let said = "lamp (1 x second for 0.000001 USDC) is rounded up";
        assert!(tiny.iter().any(|warning| warning.contains(said)), "{tiny:?}");
        for price in ["0.000001", "0.0000015", "0.00000999"] {
            let fine = all(&config(|v| v["asset"][0]["price"] = json!(price)));
            assert!(!fine.iter().any(|warning| warning.contains("rounded up")), "{price}: {fine:?}");
        }
    }

    #[test]
    fn many_assets_make_one_line() {
        let names = |count: usize| {
            let asset = |n: usize| json!({"id": format!("a-{n}"), "price": "0.001", "unit": "second"});
            let list: Vec<_> = (0..count).map(asset).collect();
            let warnings = all(&config(|v| v["asset"] = list.into()));
            let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
            let named = warning.split_once("purchase of ").unwrap().1.split_once(" may cost").unwrap().0;
            named.replace(" (1 x second for 0.001 USDC)", "")
        };
        assert_eq!(names(1), "a-0");
        assert_eq!(names(2), "a-0 and a-1");
        assert_eq!(names(3), "a-0, a-1 and a-2");
        assert_eq!(names(500), "a-0, a-1, a-2 and 497 more");
    }
}
