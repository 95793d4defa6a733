//! What a siege costs those who besiege the gateway and its owner, and whom it keeps out.
//!
//! The measure: with besiegers who spend up to ten times what the owner loses, at least half of the newcomers are served
//! within a minute. Who has bought before is always served.

use coinop_core::USD_PER_SOL;

/// How many times what the owner loses the besiegers may spend.
const TIMES: u64 = 10;
/// How long a buyer who has bought before may have to wait, in milliseconds. A transaction may land only after forty slots.
const REGULARS_WAIT_MS: u64 = 30_000;

/// Checks that payments that landed with an error have cost no more than the owner has allowed for this time, in
/// milliseconds, and what buyers have earned: `earned` is half of that, in lamports (invariant 5).
pub(crate) fn check_loss(lost: u64, earned: u64, per_day: u64, ms: u64) {
    let hour = 3_600_000;
    let allowed = per_day / 2 * (ms + 2 * hour) / (26 * hour);
    assert!(
        lost <= allowed + 2 * earned,
        "the owner lost {lost} of {allowed}, with {earned} earned (inv. 5)"
    );
}

/// The books of a siege.
#[derive(Debug, Default)]
pub(crate) struct Economy {
    /// What the besiegers have paid the network, in lamports.
    pub(crate) attackers_fees: u64,
    /// What they have paid the owner, in atomic units of a token with six decimals.
    pub(crate) attackers_price: u64,
    /// When each newcomer came, and how long it took to be served; `None` if it gave up.
    pub(crate) newcomers: Vec<(u64, Option<u64>)>,
    /// The same for each purchase of a buyer who had bought before.
    pub(crate) regulars: Vec<(u64, Option<u64>)>,
}

impl Economy {
    /// Checks the measure on what has happened since `from`. `lost` is what payments that landed with an error have cost the
    /// owner, in lamports.
    pub(crate) fn check(&self, lost: u64, from: u64) {
        let late: Vec<_> = self
            .regulars
            .iter()
            .skip(1)
            .filter(|(_, waited)| waited.is_none_or(|ms| ms > REGULARS_WAIT_MS))
            .collect();
        assert!(late.is_empty(), "who has bought before is kept out by strangers (inv. 5): {late:?}");
        let spent = self.attackers_fees + self.attackers_price * 1_000 / USD_PER_SOL;
        let newcomers: Vec<_> = self.newcomers.iter().filter(|(came, _)| *came >= from).collect();
        assert!(!newcomers.is_empty(), "nobody came for the first time");
        let served = newcomers.iter().filter(|(_, waited)| waited.is_some()).count();
        assert!(
            2 * served >= newcomers.len() || (lost > 0 && spent > TIMES * lost),
            "{served} of {} newcomers were served, and the siege has cost {spent} lamports and the owner {lost} (inv. 5)",
            newcomers.len()
        );
    }

    /// Returns the figures of a siege as a line.
    pub(crate) fn line(&self, lost: u64, from: u64) -> String {
        let spent = self.attackers_fees + self.attackers_price * 1_000 / USD_PER_SOL;
        let newcomers: Vec<_> = self.newcomers.iter().filter(|(came, _)| *came >= from).collect();
        let served = newcomers.iter().filter(|(_, waited)| waited.is_some()).count();
        format!(
            "besiegers spent {spent} lamports, the owner lost {lost}; {served} of {} newcomers and {} purchases of regulars",
            newcomers.len(),
            self.regulars.len()
        )
    }
}
