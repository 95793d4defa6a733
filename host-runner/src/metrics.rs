//! Measurements for the operator, in Prometheus' format.
//!
//! Labels are classes and never identities: no payer and no session. A request is counted by the class of its
//! path, because a path says who rents what (invariant 9).
//!
//! The metrics of sales do name assets. An asset's id is the owner's own word and stands in the public
//! catalogue, the page is for this machine only, and a total says how much was sold and not to whom.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    CounterVec, Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// All of the host's measurements. Clones share them.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    held: IntGauge,
    refused: IntCounterVec,
    traps: IntCounter,
    batch: Histogram,
    commit: Histogram,
    devices: IntGaugeVec,
    steps: IntCounterVec,
    rpc: HistogramVec,
    sales: IntCounterVec,
    sales_amount: CounterVec,
    clock_held: IntGauge,
}

const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

impl Metrics {
    /// Makes all measurements. It fails only if two have the same name, which a test would show.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let inner = Inner {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("coinop_http_requests_total", "Requests answered."),
                &["route", "status"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "coinop_http_request_seconds",
                    "Time from the head of a request to the head of its answer.",
                )
                .buckets(SECONDS.to_vec()),
                &["route"],
            )?,
            in_flight: IntGauge::new("coinop_http_requests_in_flight", "Requests in progress.")?,
            held: IntGauge::new(
                "coinop_http_requests_held",
                "Requests in progress that only wait for their payment's outcome.",
            )?,
            refused: IntCounterVec::new(
                Opts::new("coinop_http_refused_total", "Requests refused before they reached the gateway."),
                &["reason"],
            )?,
            traps: IntCounter::new(
                "coinop_component_traps_total",
                "Times the component was stopped by an error or a limit.",
            )?,
            batch: Histogram::with_opts(
                HistogramOpts::new("coinop_sqlite_batch_statements", "Statements committed together.")
                    .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            )?,
            commit: Histogram::with_opts(
                HistogramOpts::new("coinop_sqlite_commit_seconds", "Time until a commit is on the disk.")
                    .buckets(SECONDS.to_vec()),
            )?,
            devices: IntGaugeVec::new(
                Opts::new("coinop_devices", "Devices by their last known state."),
                &["state"],
            )?,
            steps: IntCounterVec::new(
                Opts::new("coinop_controller_steps_total", "Steps of the device controller."),
                &["outcome"],
            )?,
            rpc: HistogramVec::new(
                HistogramOpts::new("coinop_rpc_seconds", "Time of a call to the Solana RPC.")
                    .buckets(SECONDS.to_vec()),
                &["outcome"],
            )?,
            sales: IntCounterVec::new(
                Opts::new("coinop_sales_total", "Payments that bought a session or an extension."),
                &["asset", "token"],
            )?,
            sales_amount: CounterVec::new(
                Opts::new(
                    "coinop_sales_amount_total",
                    "What they paid, in units of the token (1 is 1 USDC).",
                ),
                &["asset", "token"],
            )?,
            clock_held: IntGauge::new(
                "coinop_clock_held_back_seconds",
                "How far the system clock was set forward without being followed yet.",
            )?,
        };
        let r = &inner.registry;
        r.register(Box::new(inner.requests.clone()))?;
        r.register(Box::new(inner.seconds.clone()))?;
        r.register(Box::new(inner.in_flight.clone()))?;
        r.register(Box::new(inner.held.clone()))?;
        r.register(Box::new(inner.refused.clone()))?;
        r.register(Box::new(inner.traps.clone()))?;
        r.register(Box::new(inner.batch.clone()))?;
        r.register(Box::new(inner.commit.clone()))?;
        r.register(Box::new(inner.devices.clone()))?;
        r.register(Box::new(inner.steps.clone()))?;
        r.register(Box::new(inner.rpc.clone()))?;
        r.register(Box::new(inner.sales.clone()))?;
        r.register(Box::new(inner.sales_amount.clone()))?;
        r.register(Box::new(inner.clock_held.clone()))?;
        Ok(Self(Arc::new(inner)))
    }

    /// Returns the page for Prometheus.
    pub(crate) fn page(&self) -> Vec<u8> {
        let mut page = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.0.registry.gather(), &mut page) {
            tracing::warn!(%error, "the metrics could not be encoded");
        }
        page
    }

    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        self.0.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.0.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, reason: &str) {
        self.0.refused.with_label_values(&[reason]).inc();
    }

    pub(crate) fn trapped(&self) {
        self.0.traps.inc();
    }

    pub(crate) fn committed(&self, statements: usize, took: Duration) {
        let statements = u32::try_from(statements).unwrap_or(u32::MAX);
        self.0.batch.observe(f64::from(statements));
        self.0.commit.observe(took.as_secs_f64());
    }

    pub(crate) fn stepped(&self, outcome: &str) {
        self.0.steps.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn asked_rpc(&self, outcome: &str, took: Duration) {
        self.0.rpc.with_label_values(&[outcome]).observe(took.as_secs_f64());
    }

    /// Sets what was sold of an asset for a token since the journal began. `amount` is in units of the token.
    pub(crate) fn sold(&self, asset: &str, token: &str, sales: u64, amount: f64) {
        let labels = [asset, token];
        let counted = self.0.sales.with_label_values(&labels);
        counted.inc_by(sales.saturating_sub(counted.get()));
        let paid = self.0.sales_amount.with_label_values(&labels);
        paid.reset();
        paid.inc_by(amount);
    }

    /// Sets how far the system's clock is ahead while that is not followed, in seconds.
    pub(crate) fn clock_held_back(&self, seconds: u64) {
        self.0.clock_held.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// Records that a device went from one state to another. `from` is `None` for its first state.
    pub(crate) fn device(&self, from: Option<&str>, to: &str) {
        if let Some(from) = from {
            self.0.devices.with_label_values(&[from]).dec();
        }
        self.0.devices.with_label_values(&[to]).inc();
    }

    /// Counts a request as in progress until the returned value is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.0.in_flight.clone())
    }

    /// Counts a request as held until the returned value is dropped.
    pub(crate) fn hold(&self) -> Held {
        self.0.held.inc();
        Held(self.0.held.clone())
    }
}

/// A request in progress: see [`Metrics::begin`].
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A request that only waits for its payment's outcome: see [`Metrics::hold`].
pub(crate) struct Held(IntGauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_what_was_counted() {
        let m = Metrics::new().unwrap();
        m.answered("access", 402, Duration::from_millis(3));
        m.device(None, "unknown");
        m.device(Some("unknown"), "locked");
        m.committed(3, Duration::from_millis(1));
        {
            let _busy = m.begin();
            let page = String::from_utf8(m.page()).unwrap();
            assert!(page.contains("coinop_http_requests_in_flight 1"), "{page}");
        }
        let page = String::from_utf8(m.page()).unwrap();
        assert!(page.contains(r#"coinop_http_requests_total{route="access",status="402"} 1"#), "{page}");
        assert!(page.contains(r#"coinop_devices{state="locked"} 1"#), "{page}");
        assert!(page.contains(r#"coinop_devices{state="unknown"} 0"#), "{page}");
        assert!(page.contains("coinop_http_requests_in_flight 0"), "{page}");
    }
}
