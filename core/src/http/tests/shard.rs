//! Which requests are answered before any shard is asked, and which shard answers the others.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::assets::{room, with_room};
use super::proofs;
use super::readers::{Counted, WithCatalogue};
use super::strange::{config, words};
use super::*;
use crate::account::Account;
use crate::config::Asset;
use crate::ids::AssetId;
use crate::ports::{Catalogue, PortError, Ports};
use crate::store::{Sql, SqlError, SqlJournal, Value as Field};
use crate::testkit::platform::Tables;
use crate::testkit::world::API_KEY;

const DOOR: &str = "/api/v1/access/door-1";

/// A database that must not be asked.
struct NoDatabase;

impl Sql for NoDatabase {
    async fn run(&self, statement: &str, _: &[Field]) -> Result<Vec<Vec<Field>>, SqlError> {
        panic!("the journal is asked: {statement}")
    }
}

/// The catalogue as a place without a journal reads it: one asset at a time.
struct Readers<'w>(Platform<'w>);

impl Catalogue for Readers<'_> {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        self.0.catalogue().find(id).await
    }

    async fn page(&self, _: Option<&AssetId>, _: u32) -> Result<Vec<Asset>, PortError> {
        panic!("only the merchant's shard has the list")
    }
}

/// Returns what becomes of a request where there is no journal: its response, or its shard.
fn before(world: &World, request: &Request) -> Result<Response, Shard> {
    let ports = WithCatalogue {
        platform: Platform::writing(world, SqlJournal::new(NoDatabase, "main".to_owned())),
        catalogue: Readers(Platform::new(world)),
    };
    let context = Context::new(&world.deployment, &ports);
    match world.run(handle_stateless(&context, request)).unwrap() {
        StatelessOutcome::Answered(response) => Ok(response),
        StatelessOutcome::AtShard(task) => Err(task.shard()),
    }
}

/// Returns the response of a platform that has one journal for everything, and whether the journal was asked.
fn whole(world: &World, request: &Request) -> (Response, bool) {
    let asked = Cell::new(0);
    let journal = SqlJournal::new(Counted { tables: Tables(world), asked: &asked }, "main".to_owned());
    let ports = WithCatalogue {
        platform: Platform::writing(world, journal),
        catalogue: SqlJournal::new(Tables(world), "main".to_owned()),
    };
    let context = Context::new(&world.deployment, &ports);
    let response = world.run(crate::http::handle(&context, request)).unwrap();
    (response, asked.get() > 0)
}

/// An entry of what is owed at the first door.
const OWED_OF_DOOR: &str = "/api/v1/merchant/owed/door-1/o_00112233445566778899aabbccddeeff";

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q.to_owned())));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// What callers know: a payment, one with a changed signature, a session's path and token, a wallet's history and
/// proof.
struct Known {
    paid: String,
    unsigned: String,
    session: String,
    bearer: String,
    history: String,
    /// For the door.
    proof: String,
    /// For the history.
    history_proof: String,
}

impl Known {
    fn new() -> Self {
        let world = with_room();
        let history = proofs::history(1);
        let [proof, history_proof] = [DOOR, &history].map(|path| proofs::proof(&world, 1, path));
        let paid = payment(&world, 1, &get(&world, DOOR));
        let mut unsigned: Value = serde_json::from_slice(&from_base64(&paid).unwrap()).unwrap();
        let mut transaction = from_base64(unsigned["payload"]["transaction"].as_str().unwrap()).unwrap();
        transaction[70] ^= 1;
        unsigned["payload"]["transaction"] = json!(base64(&transaction));
        let sold = ask(&world, "GET", DOOR, &[("payment-signature", &paid)], "").body;
        Self {
            paid,
            unsigned: base64(unsigned.to_string().as_bytes()),
            session: format!("/api/v1/sessions/{}/status", sold["sessionId"].as_str().unwrap()),
            bearer: format!("Bearer {}", sold["sessionToken"].as_str().unwrap()),
            history,
            proof,
            history_proof,
        }
    }
}

thread_local! {
    static KNOWN: std::rc::Rc<Known> = std::rc::Rc::new(Known::new());
}

fn asset(id: &str) -> Shard {
    Shard::Stream(AssetId::parse(id).unwrap().into())
}

#[test]
fn what_can_be_refused_without_a_journal_wakes_no_shard_inv_8() {
    let known = Known::new();
    let key = format!("Bearer {API_KEY}");
    let key = [("authorization", key.as_str())];
    let bearer = [("authorization", known.bearer.as_str())];
    let undecodable = base64(
        br#"{"x402Version":1,"scheme":"exact","network":"solana-devnet","payload":{"transaction":"AAAA"}}"#,
    );
    let version = base64(
        br#"{"x402Version":7,"scheme":"exact","network":"solana-devnet","payload":{"transaction":"AAAA"}}"#,
    );
    let other_door = "/api/v1/access/door-2/extend";
    let cases: &[(&str, &str, &[(&str, &str)], &str, u16)] = &[
        ("GET", "/health", &[], "", 200),
        ("GET", "/.well-known/jwks.json", &[], "", 200),
        ("OPTIONS", "/ready", &[], "", 204),
        ("OPTIONS", DOOR, &[("payment-signature", &known.paid)], "", 204),
        ("GET", "/nothing", &[], "", 404),
        ("POST", "/ready", &[], "", 405),
        ("GET", "/api/v1/tick", &key, "", 405),
        ("GET", "/api/v1/access/room-7", &[], "", 402),
        ("GET", "/api/v1/access/room-7?signin", &[], "", 402),
        ("GET", "/api/v1/access/room-8", &[], "", 404),
        ("GET", "/api/v1/access/-", &[("payment-signature", &known.paid)], "", 404),
        ("POST", DOOR, &[("payment-signature", &known.paid)], "{", 400),
        ("GET", DOOR, &[("payment-signature", &known.unsigned)], "", 402),
        ("GET", DOOR, &[("payment-signature", "x")], "", 400),
        ("GET", DOOR, &[("x-payment", &undecodable)], "", 402),
        ("GET", DOOR, &[("x-payment", &version)], "", 402),
        ("GET", DOOR, &[("x-payment", &known.paid), ("payment-signature", &known.paid)], "", 400),
        ("GET", DOOR, &[("sign-in-with-x", "e30=")], "", 401),
        ("GET", "/api/v1/access/door-1/extend", &[], "", 401),
        ("GET", other_door, &bearer, "", 403),
        ("GET", "/api/v1/access/door-1/extend?quantity=x", &bearer, "", 400),
        ("GET", "/api/v1/assets?limit=0", &[], "", 400),
        ("GET", "/api/v1/assets/room-8", &[], "", 404),
        ("GET", "/api/v1/assets/room-8/status", &[], "", 404),
        ("POST", "/api/v1/assets", &[], "{}", 401),
        ("POST", "/api/v1/assets", &key, "{}", 400),
        ("POST", "/api/v1/assets", &key, &room(json!({"id": "door-1"})).to_string(), 409),
        ("PATCH", "/api/v1/assets/room-7", &[], "{}", 401),
        ("PATCH", "/api/v1/assets/room-7", &key, "[]", 400),
        ("PATCH", "/api/v1/assets/door-1", &key, "{}", 409),
        ("DELETE", "/api/v1/assets/room-7", &[], "", 401),
        ("DELETE", "/api/v1/assets/door-1", &key, "", 409),
        ("DELETE", "/api/v1/assets/-", &key, "", 404),
        ("GET", &known.session, &[], "", 401),
        ("GET", "/api/v1/sessions/s_1/status", &bearer, "", 403),
        ("GET", &known.history, &[], "", 401),
        ("GET", "/api/v1/payers/me/sessions", &[], "", 404),
        ("GET", &format!("{}?limit=0", known.history), &[("sign-in-with-x", &known.history_proof)], "", 400),
        ("GET", "/api/v1/merchant/sessions", &[], "", 401),
        ("GET", "/api/v1/merchant/sessions?limit=101", &key, "", 400),
        ("GET", "/api/v1/merchant/sessions?before=x", &key, "", 400),
        ("POST", "/api/v1/merchant/sessions", &key, "", 405),
        ("GET", "/api/v1/merchant/owed", &[], "", 401),
        ("GET", "/api/v1/merchant/owed?status=x", &key, "", 400),
        ("GET", "/api/v1/merchant/owed?before=x", &key, "", 400),
        ("POST", OWED_OF_DOOR, &[], "{}", 401),
        ("POST", OWED_OF_DOOR, &key, "{}", 400),
        ("POST", "/api/v1/tick", &[], "", 401),
    ];
    let world = with_room();
    for (method, target, headers, body, status) in cases {
        let answer = before(&world, &request(method, target, headers, body));
        assert_eq!(answer.map(|response| response.status), Ok(*status), "{method} {target} {body}");
    }
}

#[test]
fn what_needs_the_journal_names_the_shard_that_has_it() {
    let known = Known::new();
    let key = format!("Bearer {API_KEY}");
    let key = [("authorization", key.as_str())];
    let bearer = [("authorization", known.bearer.as_str())];
    let proof = [("sign-in-with-x", known.proof.as_str())];
    let paid = [("payment-signature", known.paid.as_str())];
    let twice = r#"{"id": "room-8", "id": "room-9", "name": "Twice", "price": "1", "unit": "minute"}"#;
    let cases: &[(&str, &str, &[(&str, &str)], &str, Shard)] = &[
        ("GET", "/ready", &[], "", Shard::Merchant),
        ("HEAD", "/ready", &[], "", Shard::Merchant),
        ("GET", "/api/v1/assets", &[], "", Shard::Merchant),
        ("POST", "/api/v1/tick", &key, "", Shard::Merchant),
        ("GET", "/api/v1/merchant/sessions?asset=door-1", &key, "", Shard::Merchant),
        ("GET", "/api/v1/merchant/owed?status=all", &key, "", Shard::Merchant),
        ("POST", OWED_OF_DOOR, &key, r#"{"decision":"owed"}"#, asset("door-1")),
        ("POST", "/api/v1/assets", &key, &room(json!({"id": "room-9"})).to_string(), asset("room-9")),
        // Of two ids in the body the last one counts, for the shard as for the asset.
        ("POST", "/api/v1/assets", &key, twice, asset("room-9")),
        ("GET", "/api/v1/assets/room-7", &[], "", asset("room-7")),
        ("PATCH", "/api/v1/assets/room-8", &key, "{}", asset("room-8")),
        ("DELETE", "/api/v1/assets/room-7", &key, "", asset("room-7")),
        ("HEAD", "/api/v1/assets/door-2/status", &[], "", asset("door-2")),
        ("GET", DOOR, &paid, "", asset("door-1")),
        // A buyer who was charged is answered even if the asset is gone.
        ("GET", "/api/v1/access/room-8", &paid, "", asset("room-8")),
        ("GET", DOOR, &proof, "", asset("door-1")),
        ("POST", "/api/v1/access/door-1/extend", &bearer, "", asset("door-1")),
        ("GET", &known.session, &bearer, "", asset("door-1")),
        ("POST", &known.session.replace("/status", "/stop"), &bearer, "", asset("door-1")),
        // A door that does not answer is not offered.
        ("GET", DOOR, &[], "", asset("door-1")),
        (
            "GET",
            &known.history,
            &[("sign-in-with-x", known.history_proof.as_str())],
            "",
            Shard::Payer(keys::account(1)),
        ),
    ];
    let world = with_room();
    for (method, target, headers, body, shard) in cases {
        let answer = before(&world, &request(method, target, headers, body));
        let answer = answer.map(|response| response.status);
        assert_eq!(answer.as_ref(), Err(shard), "{method} {target} {body}");
    }
    // What a wallet has at a shared asset stands with the wallet.
    let mut world = with_room();
    let asset = &mut world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (crate::capacity::Capacity::Unlimited, None);
    let answer = before(&world, &request("GET", DOOR, &proof, ""));
    assert_eq!(answer.map(|response| response.status), Err(Shard::Payer(keys::account(1))));
}

/// Returns requests of callers who know something, and send it in the right place or in a wrong one.
fn requests() -> impl Strategy<Value = Request> {
    let known = KNOWN.with(std::rc::Rc::clone);
    let id = prop_oneof![
        4 => select(vec!["door-1", "door-2", "room-7", "room-8"]).prop_map(str::to_owned),
        1 => words().prop_map(|word| word.replace('?', "")),
    ];
    let method = prop_oneof![
        2 => select(vec!["GET", "POST"]),
        1 => select(vec!["HEAD", "PATCH", "DELETE", "OPTIONS", "PUT"]),
    ];
    let queries =
        vec!["", "", "?quantity=1", "?quantity=0", "?limit=1", "?limit=0", "?after=door-1", "?signin"];
    let said = prop_oneof![fitting(&known), any_of(&known)];
    (method, said, id, select(queries), select(bodies())).prop_map(
        |(method, (template, headers), id, query, body)| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            request(method, &format!("{}{query}", template.replace("{}", &id)), &headers, &body)
        },
    )
}

/// A path with `{}` for an id, and headers.
type Said = (String, Vec<(&'static str, String)>);

/// Returns something that is known, sent where it belongs.
fn fitting(known: &Known) -> impl Strategy<Value = Said> + use<> {
    let key = ("authorization", format!("Bearer {API_KEY}"));
    let proof = ("sign-in-with-x", known.proof.clone());
    let bearer = ("authorization", known.bearer.clone());
    let paid = ("payment-signature", known.paid.clone());
    let said = [
        ("/api/v1/access/{}", paid),
        ("/api/v1/access/{}", ("payment-signature", known.unsigned.clone())),
        ("/api/v1/access/{}", proof.clone()),
        ("/api/v1/access/{}/extend", bearer.clone()),
        (known.session.as_str(), bearer),
        (known.history.as_str(), ("sign-in-with-x", known.history_proof.clone())),
        ("/api/v1/assets", key.clone()),
        ("/api/v1/assets/{}", key.clone()),
        ("/api/v1/merchant/sessions", key.clone()),
        ("/api/v1/tick", key),
    ];
    select(said.map(|(template, header)| (template.to_owned(), vec![header])).to_vec())
}

/// Returns up to two of the things that are known, sent anywhere.
fn any_of(known: &Known) -> impl Strategy<Value = Said> + use<> {
    let templates = [
        "/api/v1/access/{}",
        "/api/v1/access/{}/extend",
        "/api/v1/assets/{}",
        "/api/v1/assets/{}/status",
        "/api/v1/assets",
        "/api/v1/merchant/sessions",
        "/api/v1/tick",
        "/api/v1/sessions/{}/status",
        "/api/v1/payers/{}/sessions",
        "/ready",
        "/health",
        "/.well-known/jwks.json",
        "/{}",
        known.session.as_str(),
        known.history.as_str(),
    ];
    let headers = vec![
        ("payment-signature", known.paid.clone()),
        ("payment-signature", known.unsigned.clone()),
        ("x-payment", known.paid.clone()),
        ("sign-in-with-x", known.proof.clone()),
        ("authorization", known.bearer.clone()),
        ("authorization", format!("Bearer {API_KEY}")),
        ("coinop-no-wait", "1".to_owned()),
        ("coinop-wait", "0".to_owned()),
    ];
    (select(templates.map(str::to_owned).to_vec()), subsequence(headers, 0..3))
}

fn bodies() -> Vec<String> {
    vec![
        String::new(),
        "{".to_owned(),
        r#"{"quantity": 1}"#.to_owned(),
        r#"{"price": "0.02"}"#.to_owned(),
        room(json!({})).to_string(),
        room(json!({"id": "room-9"})).to_string(),
        room(json!({"id": "door-1"})).to_string(),
    ]
}

/// Returns the shard that a request's path and content name, derived in another way than in the code.
fn spoken_of(request: &Request) -> Shard {
    let segments: Vec<_> = request.path.split('/').collect();
    match segments.as_slice() {
        ["", "api", "v1", "assets"] if request.method == "POST" => {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            asset(body["id"].as_str().unwrap())
        }
        ["", "api", "v1", "assets" | "access", id, ..] => asset(id),
        ["", "api", "v1", "sessions", ..] => asset("door-1"),
        ["", "api", "v1", "payers", address, ..] => Shard::Payer(Account::new(*address)),
        _ => Shard::Merchant,
    }
}

proptest! {
    #![proptest_config(config(250))]

    /// Where there is no journal, a journal that panics takes its place.
    #[test]
    fn a_request_is_answered_without_a_shard_exactly_when_no_journal_is_asked_inv_7_8(request in requests()) {
        // There are two, so that both draw the same random bytes.
        let worlds = [with_room(), with_room()];
        let (response, asked) = whole(&worlds[1], &request);
        match before(&worlds[0], &request) {
            Ok(answer) => {
                prop_assert!(!asked);
                prop_assert_eq!(answer.status, response.status);
                prop_assert_eq!(answer.headers, response.headers);
                prop_assert_eq!(answer.body, response.body);
            }
            Err(shard) => {
                prop_assert!(asked);
                prop_assert_eq!(shard, spoken_of(&request));
            }
        }
    }
}
