use super::*;
use crate::encoding::from_base64;
use crate::svm::Network;
use crate::testkit::keys;
use crate::time::Timestamp;

/// Returns a 402 with this many tokens, and with the longest possible tickets and memos.
fn required(tokens: usize) -> PaymentRequired {
    let token = |symbol: &str| Network::Mainnet.known_token(symbol).unwrap();
    let offers = ["USDC", "PYUSD", "CASH"].into_iter().take(tokens).map(|symbol| PaymentRequirements {
        method: Method::SvmExact(Network::Mainnet),
        amount: Amount::new(u64::MAX),
        asset: token(symbol).mint.into(),
        pay_to: keys::address(&keys::merchant()).into(),
        ticket: Ticket::from_text("t".repeat(220)),
        extra: Extra::SvmExact(SvmExactExtra {
            fee_payer: keys::address(&keys::fee_payer()),
            memo: "q".repeat(28),
            decimals: token(symbol).decimals,
            token_program: token(symbol).program.address(),
            recent: Some(RecentBlockhash {
                blockhash: [9; 32],
                last_valid_block_height: 291_470_237,
                seen_at: Timestamp::default(),
            }),
        }),
    });
    PaymentRequired {
        error: "payment_required".to_owned(),
        detail: None,
        url: "https://coinop.example/api/v1/access/door-1?quantity=1".to_owned(),
        description: "Front door: 1 x minute".to_owned(),
        presentation: Presentation {
            service_name: Some("Coin & Co".to_owned()),
            icon_url: Some("https://coinop.example/icon.png".to_owned()),
            tags: vec!["door".to_owned(), "city".to_owned()],
        },
        offers: offers.collect(),
        extensions: Map::new(),
    }
}

fn read(header: &str) -> Value {
    serde_json::from_slice(&from_base64(header).unwrap()).unwrap()
}

/// Returns which optional members are present, in the order in which they are left out.
fn optional(required: &PaymentRequired, max_header_bytes: usize) -> [bool; 5] {
    let body = read(&v2_header(required, max_header_bytes).unwrap());
    let is_there = |pointer: &str| body.pointer(pointer).is_some();
    let heights = is_there("/accepts/0/extra/lastValidBlockHeight");
    assert_eq!(is_there("/accepts/0/extra/recentBlockhash"), heights, "they go together");
    let whole = body["resource"]["description"] == json!(required.description);
    [
        is_there("/resource/iconUrl"),
        is_there("/resource/tags"),
        is_there("/resource/serviceName"),
        heights,
        whole,
    ]
}

#[test]
fn a_recent_blockhash_is_written_as_the_scheme_says() {
    let extra = &read(&v2_header(&required(1), 10_000).unwrap())["accepts"][0]["extra"];
    assert_eq!(extra["recentBlockhash"], json!(Address::new([9; 32])));
    assert_eq!(extra["lastValidBlockHeight"], "291470237");
}

#[test]
fn what_is_optional_goes_in_a_fixed_order_and_the_rest_stays() {
    let required = required(3);
    let whole = v2_header(&required, 100_000).unwrap().len();
    let mut seen = vec![[true; 5]];
    for max_header_bytes in (2_000..=whole).rev() {
        let header = v2_header(&required, max_header_bytes).unwrap();
        let there = optional(&required, max_header_bytes);
        if seen.last() != Some(&there) {
            seen.push(there);
        }
        let body = read(&header);
        assert!(
            header.len() <= max_header_bytes || body["resource"]["description"] == "",
            "{max_header_bytes}"
        );
        assert_eq!(body["accepts"].as_array().unwrap().len(), 3);
        assert_eq!(body["resource"]["url"], json!(required.url));
    }
    let order: Vec<_> = (0..=5).map(|gone| [0, 1, 2, 3, 4].map(|member| member >= gone)).collect();
    assert_eq!(seen, order);
}

#[test]
fn three_tokens_fit_with_a_blockhash_and_a_name() {
    let required = required(3);
    let header = v2_header(&required, 3_600).unwrap();
    assert!(header.len() <= 3_600, "{}", header.len());
    assert!(optional(&required, 3_600)[3], "a browser needs it more than an icon");
}

#[test]
fn a_description_is_shortened_between_characters() {
    let mut required = required(1);
    required.description = "Größe \"XL\" \u{1}\u{1}: 12 x Stück".to_owned();
    let whole = v2_header(&required, 100_000).unwrap().len();
    let mut lengths = std::collections::BTreeSet::new();
    for max_header_bytes in 400..whole {
        let header = v2_header(&required, max_header_bytes).unwrap();
        let text = read(&header)["resource"]["description"].as_str().unwrap().to_owned();
        match text.strip_suffix(ELLIPSIS) {
            Some(kept) => assert!(required.description.starts_with(kept) && !kept.is_empty()),
            None => assert!(text.is_empty() || text == required.description),
        }
        assert!(header.len() <= max_header_bytes || text.is_empty());
        lengths.insert(text.chars().count());
    }
    assert!(lengths.len() > 8, "{lengths:?}");
}

#[test]
fn an_extension_takes_the_room_of_all_offers_but_the_first() {
    let mut required = required(3);
    required.extensions.insert("other".to_owned(), json!({"info": "x".repeat(1_400)}));
    let body = read(&v2_header(&required, 3_600).unwrap());
    assert!(body["extensions"]["other"].is_object());
    assert_eq!(body["accepts"].as_array().unwrap().len(), 1);
    assert_eq!(body["resource"]["description"], json!(required.description));
    assert_eq!(v1_body(&required)["accepts"].as_array().unwrap().len(), 3);
}
