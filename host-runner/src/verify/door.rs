//! `coinop verify --asset ID`: the check at a door. It fails closed.

use coinop_core::grant::Grant;
use coinop_core::{AssetId, Timestamp};
use ureq::http::Uri;

use super::judge::judge;

/// When this program was built, in seconds since 1970.
const BUILT: &str = env!("COINOP_BUILT");

/// Returns the id of the door's asset.
pub(super) fn asset(text: &str) -> Result<AssetId, String> {
    AssetId::parse(text).ok_or_else(|| format!("--asset {text}: not the id of an asset"))
}

/// Refuses a clock that is behind the day on which this program was built. A door without a battery clock may start
/// in 1970, and every grant would wait there, or an old one be in force again.
pub(super) fn ensure_clock(now: Timestamp) -> Result<(), String> {
    let built = BUILT.parse().map_err(|_| format!("this program was built wrongly, at {BUILT}"))?;
    if now.seconds() < built {
        return Err(format!(
            "the clock is wrong: it says {now}, before this program was built; set it right"
        ));
    }
    Ok(())
}

/// Refuses keys that come over a connection on which anybody could replace them.
pub(super) fn ensure_authentic(place: &str) -> Result<(), String> {
    let Some(_) = place.strip_prefix("http://") else { return Ok(()) };
    let host = place.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    if host.is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host.as_str())) {
        return Ok(());
    }
    Err(format!("{place}: keys that come over http could be anybody's; use https, or keep them in a file"))
}

/// Judges a verified grant at a door, and returns the answer: `open`, the whole seconds that are left, the epoch and the
/// number.
pub(super) fn answer(grant: &Grant, asset: &AssetId, now: Timestamp) -> Result<String, String> {
    if grant.aud != *asset {
        return Err(format!("this grant is for {}, and this door is {asset}", grant.aud));
    }
    judge(grant, now)?;
    let left = Timestamp::from_millis(grant.ends_at_ms).millis_since(now) / 1000;
    if left == 0 {
        return Err(format!("not valid at {now}: it ends within a second"));
    }
    Ok(format!("open {left} {} {}", grant.epoch, grant.seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            iss: "https://coinop.example".to_owned(),
            aud: AssetId::parse("door-1").unwrap(),
            sub: coinop_core::SessionId::from_bytes([1; 16]),
            nbf: 1_000,
            exp: 1_060,
            ends_at_ms: 1_060_500,
            epoch: 900,
            seq: 3,
        }
    }

    #[test]
    fn a_door_opens_for_its_own_grant_and_for_no_longer_than_is_left_inv_4() {
        let at = |id: &str, ms| answer(&grant(), &AssetId::parse(id).unwrap(), Timestamp::from_millis(ms));
        assert_eq!(at("door-1", 1_000_000), Ok("open 60 900 3".to_owned()));
        assert_eq!(at("door-1", 1_059_499), Ok("open 1 900 3".to_owned()));
        for (id, ms) in
            [("door-1", 1_059_501), ("door-1", 1_060_500), ("door-1", 999_999), ("door-2", 1_000_000)]
        {
            assert!(!at(id, ms).unwrap_err().contains('\n'), "{id} {ms}");
        }
    }

    #[test]
    fn a_clock_from_before_the_program_is_wrong_inv_4() {
        let built: u64 = BUILT.parse().unwrap();
        assert!(ensure_clock(Timestamp::from_millis(built * 1000)).is_ok());
        for ms in [0, built * 1000 - 1] {
            assert!(ensure_clock(Timestamp::from_millis(ms)).unwrap_err().contains("clock is wrong"));
        }
    }

    #[test]
    fn keys_come_from_a_file_or_over_a_connection_that_nobody_can_change_inv_1() {
        for place in ["jwks.json", "https://coinop.example/k", "http://127.0.0.1:8402/k", "http://[::1]/k"] {
            assert_eq!(ensure_authentic(place), Ok(()), "{place}");
        }
        for place in [
            "http://coinop.example/k",
            "http://127.0.0.1.evil.example/k",
            "http://127.0.0.1@evil/k",
            "http://",
        ] {
            assert!(ensure_authentic(place).is_err(), "{place}");
        }
    }
}
