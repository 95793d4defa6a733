//! `coinop verify` checks what a device would check, without a network. With `--ledger` it checks the books.

mod door;
mod judge;
mod ledger;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coinop_core::grant::{self, GRANT_TYP, Grant, SESSION_TYP, jwks};
use coinop_core::{KeyRing, Secret, Timestamp, jws};
use serde_json::Value;

use self::judge::judge;
use crate::pay::http::explain;
use crate::settings::{Settings, secret};

/// Checks a grant offline: who signed it, and whether it is in force.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop pay https://coinop.example/api/v1/access/door-1 > access.json\n  coinop verify access.json --jwks https://coinop.example/.well-known/jwks.json\n  coinop verify - --config coinop.toml < grant.txt\n  coinop verify grant.txt --jwks jwks.json --at 2026-11-20T12:00:00Z\n  coinop verify --asset door-1 --jwks jwks.json --issuer https://coinop.example < grant.txt\n  coinop verify --ledger --config coinop.toml\n\nIt exits with 0 only if the signature is valid and the grant is in force. Without --asset it accepts a grant for any asset: compare the printed asset, and with --jwks also the issuer.\nWith --asset it is the check of a door: it prints `open`, the seconds that are left, the epoch and the number, or nothing.\nWith --ledger it exits with 0 only if every entry of the ledger follows from the events, the accounts balance, and the chain has each payment with its amount and its fee."
)]
pub(crate) struct Args {
    /// The file with the grant, or with the answer to a payment that contains it; - is standard input. Or the grant
    /// itself, which other users of this machine can then read. With --asset, standard input is the default.
    #[arg(
        value_name = "FILE or GRANT",
        required_unless_present_any = ["asset", "ledger"],
        default_value_if("asset", clap::builder::ArgPredicate::IsPresent, "-")
    )]
    grant: Option<String>,
    /// Check it for the door of this asset, now, and print nothing but the answer.
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    asset: Option<String>,
    /// Who must have issued it: the gateway's public_url. With --config, that one's is the default.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The gateway's public keys, a JWK set.
    #[arg(long, value_name = "FILE or URL")]
    jwks: Option<String>,
    /// The gateway's configuration, from whose secret the keys are derived.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml", conflicts_with = "jwks")]
    config: PathBuf,
    /// Check the ledger of the journal instead: against the events, and against the chain.
    #[arg(long, conflicts_with_all = ["grant", "asset", "issuer", "jwks", "at"])]
    ledger: bool,
    /// With --ledger: hold only payments against the chain that ended since a UTC date or time, or in the last hours (24h)
    /// or days (7d).
    #[arg(long, value_name = "WHEN", requires = "ledger")]
    since: Option<String>,
    /// The time for which to check it, in UTC, such as 2026-11-20T12:00:00Z; by default now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Where the keys come from.
struct Trust {
    jwks: Value,
    /// Who must have issued the grant, if that is known.
    issuer: Option<String>,
}

/// Runs `coinop verify`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    match &args.asset {
        _ if args.ledger => ledger::run(&args.config, args.since.as_deref()),
        Some(id) => at_a_door(args, id),
        None => anywhere(args),
    }
}

/// Checks a grant for one door. Whatever goes wrong is an error, so that the door stays shut.
fn at_a_door(args: &Args, id: &str) -> Result<(), String> {
    let asset = door::asset(id)?;
    door::ensure_clock(now()?)?;
    args.jwks.as_deref().map_or(Ok(()), door::ensure_authentic)?;
    let token = token(&given(args)?)?;
    let (grant, _) = check(&token, &trust(args)?)?;
    // The time is read again, because reading the grant or the keys may have taken a while.
    let answer = door::answer(&grant, &asset, now()?)?;
    print(&format!("{answer}\n"))
}

/// Checks a grant for any asset, and shows what it says.
fn anywhere(args: &Args) -> Result<(), String> {
    let at = match &args.at {
        Some(text) => Timestamp::parse_rfc3339(text).ok_or_else(|| {
            format!("--at {text} is not a time: write it in UTC, such as 2026-11-20T12:00:00Z")
        })?,
        None => now()?,
    };
    let token = token(&given(args)?)?;
    let (grant, key) = check(&token, &trust(args)?)?;
    print(&describe(&grant, &key))?;
    print(&format!("{}\n", judge(&grant, at)?))
}

fn print(text: &str) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot print: {error}"))
}

fn trust(args: &Args) -> Result<Trust, String> {
    let mut trust = match &args.jwks {
        Some(place) => Trust { jwks: fetch(place)?, issuer: None },
        None => from_config(&args.config)?,
    };
    if args.issuer.is_some() {
        trust.issuer.clone_from(&args.issuer);
    }
    Ok(trust)
}

fn now() -> Result<Timestamp, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    Ok(Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}

/// The most that is read of a grant, in bytes.
const MAX: u64 = 64 << 10;

/// Returns what was given as the grant: the text itself, or what is in the file.
fn given(args: &Args) -> Result<String, String> {
    let text = args.grant.as_deref().unwrap_or("-");
    if is_grant(text) { Ok(text.to_owned()) } else { read(Path::new(text)) }
}

/// Returns whether a text is a JWS, and so not the name of a file.
fn is_grant(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_part = |part: &&str| {
        part.len() > 20 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    parts.len() == 3 && parts.iter().all(is_part)
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX + 1).read_to_string(&mut text))
    };
    let length = read.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX) {
        return Ok(text);
    }
    Err(format!("{} is too long for a grant", file.display()))
}

/// Returns the grant in a file: the whole text, or the member `grant` of its JSON.
fn token(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok(text.to_owned());
    }
    let json: Value = serde_json::from_str(text)
        .map_err(|error| format!("the input begins with {{ but is not JSON: {error}"))?;
    let grant = json.get("grant").and_then(Value::as_str);
    grant.map(str::to_owned).ok_or_else(|| "the JSON has no text in `grant`".to_owned())
}

fn fetch(place: &str) -> Result<Value, String> {
    let text = if place.starts_with("https://") || place.starts_with("http://") {
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build();
        let answer = agent.new_agent().get(place).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        text.map_err(|error| format!("{place}: {}", explain(&error)))?
    } else {
        std::fs::read_to_string(place).map_err(|error| format!("{place} cannot be read: {error}"))?
    };
    serde_json::from_str(&text).map_err(|_| format!("{place} is not a JWK set"))
}

/// Returns the keys that `serve` uses. It makes no secret if there is none.
fn from_config(file: &Path) -> Result<Trust, String> {
    let settings = Settings::load(file).map_err(|error| format!("{error}; or give the keys with --jwks"))?;
    let keys = keys(&settings).map_err(|error| format!("{error}, or give the keys with --jwks"))?;
    Ok(Trust { jwks: jwks(&keys), issuer: Some(settings.config.public_url) })
}

/// Returns the keys that `serve` derives from its secret. It makes no secret if there is none.
pub(crate) fn keys(settings: &Settings) -> Result<KeyRing, String> {
    let environment = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let given = environment("COINOP_SECRET");
    if given.is_none() && !settings.data_dir.join("secret").exists() {
        return Err(format!(
            "there is no secret in {} yet: start `coinop serve` once, or set COINOP_SECRET",
            settings.data_dir.display()
        ));
    }
    let current = secret::load(given, &settings.data_dir)?;
    let previous = secret::previous(environment("COINOP_SECRET_PREVIOUS"))?;
    let parse = |text: &str| Secret::from_base64(text).ok_or("the secret is not 32 bytes in base64");
    let previous = previous.as_ref().map(|text| parse(text)).transpose()?;
    Ok(KeyRing::new(&parse(&current)?, previous.as_ref()))
}

/// Returns the claims of a grant that one of the keys has signed, and the name of that key.
fn check(token: &str, trust: &Trust) -> Result<(Grant, String), String> {
    let header = jws::header(token).ok_or(
        "this is not a grant: a grant has three base64url parts with dots between them, and no `crit` in its \
         header",
    )?;
    match header.typ.as_str() {
        GRANT_TYP => {}
        SESSION_TYP => {
            return Err(
                "this is a session token, not a grant: use the field `grant` of the answer to the payment"
                    .to_owned(),
            );
        }
        other => return Err(format!("this is of type {other:?}, which this version cannot check")),
    }
    let key = grant::key(&trust.jwks, &header.kid).ok_or_else(|| {
        format!("not valid: it names the key {:?}, which is not among the given keys", header.kid)
    })?;
    let grant: Grant =
        jws::verify(token, GRANT_TYP, &key).ok_or("not valid: the signature does not match the content")?;
    match &trust.issuer {
        Some(issuer) if *issuer != grant.iss => {
            Err(format!("not valid here: its issuer is {}, and this gateway is {issuer}", grant.iss))
        }
        _ => Ok((grant, header.kid)),
    }
}

fn describe(grant: &Grant, key: &str) -> String {
    let Grant { iss, aud, sub, nbf, ends_at_ms, epoch, seq, exp: _ } = grant;
    let from = Timestamp::from_millis(nbf.saturating_mul(1000));
    let until = Timestamp::from_millis(*ends_at_ms);
    format!(
        "asset    {aud}\nsession  {sub}\nfrom     {from}\nuntil    {until}\nnumber   {seq} of epoch {epoch}\nissuer   {iss:?}\nkey      {key:?}\n"
    )
}

#[cfg(test)]
mod tests {
    use coinop_core::grant::{Span, issue};
    use coinop_core::{AssetId, SessionId};
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://coinop.example";

    fn issued() -> (Trust, String, String) {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let span = Span {
            starts_at: Timestamp::from_millis(1_000_500),
            ends_at: Timestamp::from_millis(1_060_500),
            epoch: 900,
            sequence: 3,
        };
        let stream = AssetId::parse("door-1").unwrap().into();
        let (session, grant) = issue(&keys, ISSUER, &stream, &SessionId::from_bytes([1; 16]), span).unwrap();
        (Trust { jwks: jwks(&keys), issuer: Some(ISSUER.to_owned()) }, session, grant)
    }

    #[test]
    fn a_grant_is_in_force_from_its_start_to_its_exact_end() {
        let (trust, _, grant) = issued();
        let (grant, _) = check(&grant, &trust).unwrap();
        let at = |ms| judge(&grant, Timestamp::from_millis(ms));
        assert!(at(999_999).unwrap_err().contains("begins in 1 s"));
        assert!(at(1_000_500).unwrap().contains("1 min 0 s"));
        assert!(at(1_060_499).is_ok());
        assert!(at(1_060_500).unwrap_err().contains("ended 0 s earlier"));
        assert!(describe(&grant, "k").contains("until    1970-01-01T00:17:40.500Z"));
    }

    #[test]
    fn every_altered_character_of_a_grant_is_refused_inv_1() {
        let (trust, _, grant) = issued();
        for position in 0..grant.len() {
            let mut bytes = grant.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let error = check(&String::from_utf8(bytes).unwrap(), &trust).unwrap_err();
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(check(&format!("{grant}A"), &trust).is_err());
        assert!(check("", &trust).is_err());
    }

    #[test]
    fn only_a_grant_of_a_known_key_and_issuer_is_one_inv_1() {
        let (mut trust, session, grant) = issued();
        assert!(check(&session, &trust).unwrap_err().contains("session token"));
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let receipt =
            jws::sign(keys.signing(coinop_core::Purpose::Grant), "coinop-receipt+jwt", &json!({})).unwrap();
        assert!(check(&receipt, &trust).unwrap_err().contains("coinop-receipt+jwt"));
        trust.issuer = Some("https://other.example".to_owned());
        assert!(check(&grant, &trust).unwrap_err().contains("https://other.example"));
        trust.jwks = jwks(&KeyRing::new(&Secret::new([2; 32]), None));
        assert!(check(&grant, &trust).unwrap_err().contains("not among the given keys"));
        for other in [json!({}), json!({"keys": [{"kid": "x"}]}), json!([])] {
            trust.jwks = other;
            assert!(check(&grant, &trust).is_err());
        }
    }

    #[test]
    fn a_grant_is_found_in_the_answer_to_a_payment() {
        assert_eq!(token(" a.b.c\n").unwrap(), "a.b.c");
        assert_eq!(token("{\"grant\": \"a.b.c\"}").unwrap(), "a.b.c");
        assert!(token("{\"grant\": 1}").unwrap_err().contains("`grant`"));
        assert!(token("{").unwrap_err().contains("JSON"));
    }
}
