//! What every handler needs.

use super::Problem;
use crate::config::Config;
use crate::error::EncodeError;
use crate::gateway::{Deployment, Gateway};
use crate::ports::{Clock as _, PortError, Ports};
use crate::time::Now;

/// A deployment on a platform, for the API's handlers.
#[derive(Debug)]
pub struct Context<'a, P> {
    deployment: &'a Deployment,
    ports: &'a P,
}

impl<'a, P: Ports> Context<'a, P> {
    /// Creates a context.
    pub const fn new(deployment: &'a Deployment, ports: &'a P) -> Self {
        Self { deployment, ports }
    }

    /// Returns the deployment.
    #[must_use]
    pub const fn deployment(&self) -> &'a Deployment {
        self.deployment
    }

    /// Returns the platform's ports.
    #[must_use]
    pub const fn ports(&self) -> &'a P {
        self.ports
    }

    /// Returns the gateway, which carries out sales, recovery and changes of assets.
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

    /// Logs an error for the operator, and returns a problem that tells the caller to try again.
    pub(super) fn failed(&self, error: &PortError) -> Problem {
        self.ports.log(&error.to_string());
        Problem::unavailable()
    }

    /// Logs that something can't be written as JSON, and returns a problem that tells the caller to try again.
    pub(super) fn unwritten(&self, error: EncodeError) -> Problem {
        self.failed(&error.into())
    }
}
