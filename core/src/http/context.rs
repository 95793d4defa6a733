//! What every handler needs.

use super::Problem;
use crate::config::Config;
use crate::error::EncodeError;
use crate::gateway::{Deployment, Gateway};
use crate::ports::{Clock as _, PortError, Ports};
use crate::time::Now;

/// A deployment on a platform, for the handlers of the API.
#[derive(Debug)]
pub struct Context<'a, P> {
    deployment: &'a Deployment,
    ports: &'a P,
}

impl<'a, P: Ports> Context<'a, P> {
    /// Makes one of its parts.
    pub const fn new(deployment: &'a Deployment, ports: &'a P) -> Self {
        Self { deployment, ports }
    }

    /// Returns the deployment.
    #[must_use]
    pub const fn deployment(&self) -> &'a Deployment {
        self.deployment
    }

    /// Returns the ports.
    #[must_use]
    pub const fn ports(&self) -> &'a P {
        self.ports
    }

    /// Returns what drives sales, recovery and assets.
    #[must_use]
    pub const fn gateway(&self) -> Gateway<'a, P> {
        Gateway::new(self.deployment, self.ports)
    }

    /// Returns the configuration.
    pub(super) const fn config(&self) -> &'a Config {
        &self.deployment.config
    }

    /// Reads the clocks.
    pub(super) fn now(&self) -> Now {
        self.ports.clock().now()
    }

    /// Tells the operator what is wrong, and returns what the caller is told: that it is not their fault.
    pub(super) fn failed(&self, error: &PortError) -> Problem {
        self.ports.log(&error.to_string());
        Problem::unavailable()
    }

    /// Tells the operator what can't be written, and the caller to try again.
    pub(super) fn unwritten(&self, error: EncodeError) -> Problem {
        self.failed(&error.into())
    }
}
