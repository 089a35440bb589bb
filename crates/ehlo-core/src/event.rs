use crate::{Finding, LevelReport};

/// What an engine tells while it works. Formats and progress lines consume these; no engine prints.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run begins; so many services will be looked at.
    RunStarted {
        /// URLs of the services.
        services: Vec<String>,
    },
    /// Something is about to be done with a service.
    Step {
        /// URL of the service.
        service: String,
        /// What.
        step: ServiceStep,
    },
    /// Everything that was asked of a service has been seen.
    ServiceAcquired {
        /// URL of the service.
        service: String,
    },
    /// A verdict.
    Finding(Box<Finding>),
    /// The level of a service.
    Level {
        /// URL of the service.
        service: String,
        /// Its level.
        report: LevelReport,
    },
}

/// The steps of examining a service, for progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceStep {
    /// Resolving and connecting.
    Connect,
    /// Greeting and capabilities.
    Greet,
    /// TLS.
    Tls,
    /// Probes of policy.
    Probe,
    /// Logging in and looking around.
    Login,
}

impl ServiceStep {
    /// The id, as in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            ServiceStep::Connect => "connect",
            ServiceStep::Greet => "greet",
            ServiceStep::Tls => "tls",
            ServiceStep::Probe => "probe",
            ServiceStep::Login => "login",
        }
    }
}
