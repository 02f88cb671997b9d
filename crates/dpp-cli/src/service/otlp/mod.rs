//! Figures sent to an OpenTelemetry collector (OTLP over HTTP, as JSON), for those who do not scrape.
//!
//! They are the families of `/metrics`, under the same names, so that one dashboard serves both. What is sent is always
//! the whole since the start (cumulative), so nothing is kept for a collector that is away: the next one that is taken
//! says all that the lost ones said. A thread of its own sends; nobody waits for it but the end, and not for long.
//!
//! The host is looked up with each connection, inside the sandbox too, as that of a dnstap receiver is: a collector that
//! moves is found again, and one whose name cannot be found yet is no reason not to start.
//!
//! A build without the feature `otlp` has only the refusal.

#[cfg(feature = "otlp")]
mod exporter;
#[cfg(any(test, feature = "otlp"))]
mod request;

#[cfg(not(feature = "otlp"))]
pub(crate) use absent::Wish;
#[cfg(feature = "otlp")]
pub(crate) use exporter::Wish;

/// What a process is to a collector: names and values.
pub(crate) type Resource = Vec<(&'static str, String)>;

/// What there is where nothing can be sent: nothing.
#[cfg(not(feature = "otlp"))]
mod absent {
    use super::super::Monitor;
    use super::super::log::Log;
    use super::Resource;
    use crate::flags::Otlp;
    use anyhow::bail;
    use std::io;
    use std::sync::Arc;

    /// Nobody can wish for it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Wish {}

    /// And so there is none.
    pub(crate) enum Exporter {}

    impl Wish {
        /// Refuses all.
        ///
        /// # Errors
        /// If anything is said.
        pub(crate) fn of(said: &Otlp) -> anyhow::Result<Option<Wish>> {
            match said {
                Otlp { otlp: None, otlp_interval: None, otlp_ca: None } => Ok(None),
                _ => bail!(
                    "--otlp: this dpp was built without it; build it with --features otlp, or have its figures scraped (--metrics)"
                ),
            }
        }

        pub(crate) fn look_up(&self) -> anyhow::Result<()> {
            match *self {}
        }

        pub(crate) fn open(&self) -> anyhow::Result<Exporter> {
            match *self {}
        }
    }

    impl Exporter {
        pub(crate) fn start(self, _: Resource, _: Arc<Monitor>, _: Arc<Log>) -> io::Result<Running> {
            match self {}
        }
    }

    /// Nothing runs.
    pub(crate) enum Running {}

    impl Running {
        pub(crate) fn finish(self) {
            match self {}
        }
    }
}
