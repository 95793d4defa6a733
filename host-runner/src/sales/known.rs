//! Which assets there are, for an owner who names one that nobody knows.

use std::collections::BTreeSet;

use coinop_core::AssetId;
use coinop_core::Timestamp;
use coinop_core::config::Config;
use coinop_core::ports::{Catalogue as _, PortError};
use coinop_core::store::{Sql, SqlJournal};

/// The most assets that a message names. It only counts the others.
const NAMED: usize = 20;
/// How many assets made by API are read at once.
const PAGE: u32 = 500;

/// Returns `None` if the configuration, the catalogue or a sale knows this asset, or else a line that says which ones
/// there are.
pub(super) async fn complaint<S: Sql>(
    asset: &AssetId,
    config: &Config,
    journal: &SqlJournal<S>,
) -> Result<Option<String>, PortError> {
    let is_known = config.asset(asset).is_some()
        || journal.find(asset).await?.is_some()
        || !journal.sales(0, Timestamp::default(), Some(asset), 1).await?.is_empty();
    if is_known {
        return Ok(None);
    }
    let known = match listed(&all(config, journal).await?) {
        known if known.is_empty() => "there are no assets yet".to_owned(),
        known => format!("the assets are {known}"),
    };
    Ok(Some(format!("--asset {asset}: it is not configured and was never sold; {known}")))
}

/// Returns all assets: those of the configuration, those made by API, and those of which something was sold.
async fn all<S: Sql>(config: &Config, journal: &SqlJournal<S>) -> Result<BTreeSet<AssetId>, PortError> {
    let mut all: BTreeSet<AssetId> = config.assets.iter().map(|asset| asset.id.clone()).collect();
    let mut after = None;
    loop {
        let page = journal.page(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        all.extend(page.into_iter().map(|asset| asset.id));
    }
    let (_, sold) = journal.sales_totals(0).await?;
    all.extend(sold.into_iter().map(|total| total.asset));
    Ok(all)
}

/// Writes ids as a person would: `a, b and c`, or `a, b and 7 more`.
fn listed(ids: &BTreeSet<AssetId>) -> String {
    let mut names: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_assets_make_one_line() {
        let ids = |count: usize| (1..=count).map(|n| AssetId::parse(&format!("a-{n:03}")).unwrap()).collect();
        assert_eq!(listed(&ids(0)), "");
        assert_eq!(listed(&ids(1)), "a-001");
        assert_eq!(listed(&ids(3)), "a-001, a-002 and a-003");
        assert!(listed(&ids(500)).ends_with("a-019, a-020 and 480 more"));
    }
}
