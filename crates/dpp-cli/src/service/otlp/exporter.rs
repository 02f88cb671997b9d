//! The thread that sends, and what it makes of the answers.
//!
//! A collector that is down, slow, overloaded or something else altogether costs one attempt in an interval, which has
//! [`PATIENCE`]; it is counted, and the log says once that it is so and once that it is over.

use super::super::Monitor;
use super::super::log::{Field, Log};
use super::super::metrics::Exports;
use super::{Resource, request};
use crate::flags::Otlp;
use anyhow::{Context, anyhow, bail};
use rustls::crypto::ring;
use serde_json::Value;
use std::io;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// As often as collectors are used to.
const INTERVAL: Duration = Duration::from_secs(60);
/// The first figures come soon, so that an address that is wrong is told soon.
const FIRST: Duration = Duration::from_secs(1);
/// So long one attempt may take, from looking the host up to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long the last one may take, for which the end waits.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
/// And so long the end waits at all: an attempt may be under way.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// An answer is some bytes; what is longer is none.
const ANSWER_MAX: u64 = 64 << 10;
/// Where figures go at a collector that is named by host and port alone.
const PATH: &str = "/v1/metrics";

/// Where figures are sent, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    url: String,
    /// Host and port.
    place: (String, u16),
    interval: Duration,
    /// Who signs its certificate.
    authority: Option<PathBuf>,
}

impl Wish {
    /// What was said.
    ///
    /// # Errors
    /// What cannot be understood, or is of no use.
    pub(crate) fn of(said: &Otlp) -> anyhow::Result<Option<Wish>> {
        let Otlp { otlp, otlp_interval, otlp_ca } = said;
        let Some(url) = otlp else {
            match (otlp_interval, otlp_ca) {
                (None, None) => return Ok(None),
                (Some(_), _) => bail!("--otlp-interval: say with --otlp where figures are sent"),
                _ => bail!("--otlp-ca: say with --otlp where figures are sent"),
            }
        };
        let interval = otlp_interval.as_deref().map(|text| crate::time::of_option("--otlp-interval", text));
        let interval = interval.transpose()?.unwrap_or(INTERVAL);
        if interval < Duration::from_secs(1) {
            bail!("--otlp-interval: allowed are times from 1s on, such as 60s");
        }
        let (url, place) = understood(&url.to_string_lossy())?;
        match (url.starts_with("https:"), otlp_ca) {
            (true, None) => bail!(
                "--otlp '{url}': say with --otlp-ca who signs its certificate, such as /etc/ssl/certs/ca-certificates.crt"
            ),
            (false, Some(_)) => bail!("--otlp-ca is for https; say it in --otlp, or leave it out"),
            _ => Ok(Some(Wish { url, place, interval, authority: otlp_ca.clone() })),
        }
    }

    /// Looks whether the host has an address now.
    ///
    /// # Errors
    /// If it has none.
    pub(crate) fn look_up(&self) -> anyhow::Result<()> {
        let (host, port) = &self.place;
        match (host.trim_matches(['[', ']']), *port).to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => bail!("--otlp: the host '{host}' has no address; say another, or its address"),
            Err(error) => {
                bail!("--otlp: cannot find the host '{host}': {error}; say another, or its address")
            }
        }
    }

    /// Reads what has to be read before privileges are dropped.
    ///
    /// # Errors
    /// If that cannot be read.
    pub(crate) fn open(&self) -> anyhow::Result<Exporter> {
        let mut tls =
            TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
        if let Some(path) = &self.authority {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates(path)?));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // What HTTP_PROXY says is for people; a redirection is none of a collector's answers.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("dpp/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(PATIENCE))
            .tls_config(tls.build());
        Ok(Exporter { agent: config.build().new_agent(), url: self.url.clone(), interval: self.interval })
    }
}

/// The whole URL, and its host and port.
fn understood(text: &str) -> anyhow::Result<(String, (String, u16))> {
    let wrong =
        || anyhow!("--otlp '{text}': allowed is the URL of a collector, such as http://127.0.0.1:4318{PATH}");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().filter(|place| !place.host().is_empty()).ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        bail!(
            "--otlp: a URL with a password in it can be read by everybody; have a collector beside dpp send it on"
        );
    }
    let place = (authority.host().to_owned(), authority.port_u16().unwrap_or(port));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path == "/" { PATH } else { path };
    Ok((format!("{}://{authority}{path}", uri.scheme_str().unwrap_or_default()), place))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let name = path.display();
    let pem = std::fs::read(path)
        .with_context(|| format!("--otlp-ca: cannot read '{name}'; name a file of certificates (PEM)"))?;
    let certificate = |item: Result<PemItem<'static>, _>| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    match certificates.is_empty() {
        true => bail!("--otlp-ca: there is no certificate in '{name}'; name a file of certificates (PEM)"),
        false => Ok(certificates),
    }
}

/// Ready to send; it does not yet.
pub(crate) struct Exporter {
    agent: Agent,
    url: String,
    interval: Duration,
}

impl Exporter {
    /// Sends in a thread of its own, until it is finished.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub(crate) fn start(
        self,
        resource: Resource,
        monitor: Arc<Monitor>,
        log: Arc<Log>,
    ) -> io::Result<Running> {
        let (stop, stopped) = channel();
        let (say_done, done) = channel();
        let shipping = Shipping { exporter: self, resource, monitor, log: Arc::clone(&log), is_down: None };
        std::thread::Builder::new().name("otlp".into()).spawn(move || {
            shipping.run(&stopped);
            let _ = say_done.send(());
        })?;
        Ok(Running { stop, done, log })
    }

    /// Sends a request, and gives how many of its values were rejected.
    fn send(&self, body: &Value, patience: Duration) -> Result<Rejected, String> {
        let asked = self.agent.post(&self.url).header("Content-Type", "application/json");
        let asked = asked.config().timeout_global(Some(patience)).build();
        let mut answer = asked.send(body.to_string()).map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).lossy_utf8(true).read_to_string();
        match (status.is_success(), text) {
            (true, Ok(text)) => Rejected::of(&text),
            (true, Err(error)) => Err(error.to_string()),
            (false, text) => Err(format!("it answers {status}: {}", text.unwrap_or_default().trim())),
        }
    }
}

/// Values that a collector did not want, and why.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rejected {
    count: u64,
    why: String,
}

impl Rejected {
    /// What the answer to a request that succeeded says (`ExportMetricsServiceResponse`).
    fn of(answer: &str) -> Result<Rejected, String> {
        if answer.trim().is_empty() {
            return Ok(Rejected::default());
        }
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        if !answer.is_object() {
            return Err("what it answers is not OTLP; is it the URL of a collector?".to_owned());
        }
        let partly = &answer["partialSuccess"];
        // A number of 64 bits, which may be a string or not.
        let count = &partly["rejectedDataPoints"];
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0);
        Ok(Rejected { count, why: partly["errorMessage"].as_str().unwrap_or_default().to_owned() })
    }
}

/// A thread that sends.
pub(crate) struct Running {
    stop: Sender<()>,
    done: Receiver<()>,
    log: Arc<Log>,
}

impl Running {
    /// Has the last figures sent, and waits for that, but not for long.
    pub(crate) fn finish(self) {
        drop(self.stop);
        if self.done.recv_timeout(END_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            self.log
                .warn("the last metrics were not sent", &[("why", "the collector takes too long".into())]);
        }
    }
}

/// What the thread has.
struct Shipping {
    exporter: Exporter,
    resource: Resource,
    monitor: Arc<Monitor>,
    log: Arc<Log>,
    /// Whether the last attempt failed; `None` before the first.
    is_down: Option<bool>,
}

impl Shipping {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut pause = FIRST.min(self.exporter.interval);
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            self.ship(PATIENCE);
            pause = self.exporter.interval;
        }
        self.ship(LAST_PATIENCE);
    }

    fn ship(&mut self, patience: Duration) {
        let (monitor, now) = (&self.monitor, SystemTime::now());
        let body = request::request(&monitor.families(), &self.resource, monitor.started, now);
        let came = self.exporter.send(&body, patience);
        if let Some(exports) = &self.monitor.exports {
            count(exports, &came);
        }
        self.tell(&came);
    }

    /// Tells the log, if it is not as before.
    fn tell(&mut self, came: &Result<Rejected, String>) {
        // What is behind a question mark may be a key.
        let to = ("to", Field::text(self.exporter.url.split('?').next().unwrap_or_default()));
        let was_down = self.is_down.replace(came.is_err());
        match came {
            Err(why) if was_down != Some(true) => {
                self.log.warn("metrics cannot be sent", &[to, ("why", Field::text(why))]);
            }
            Ok(Rejected { count, why }) if was_down != Some(false) => {
                self.log.record("metrics are sent", &[to]);
                if *count > 0 {
                    self.log.warn(
                        "metrics were rejected",
                        &[("count", (*count).into()), ("why", Field::text(why))],
                    );
                }
            }
            _ => {}
        }
    }
}

fn count(exports: &Exports, came: &Result<Rejected, String>) {
    let add = |to: &std::sync::atomic::AtomicU64, more| to.fetch_add(more, Ordering::Relaxed);
    match came {
        Ok(Rejected { count, .. }) => {
            add(&exports.succeeded, 1);
            add(&exports.rejected, *count);
        }
        Err(_) => _ = add(&exports.failed, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn wish(otlp: &str, interval: Option<&str>, ca: Option<&str>) -> anyhow::Result<Wish> {
        let otlp_interval = interval.map(OsString::from);
        let said = Otlp { otlp: Some(otlp.into()), otlp_interval, otlp_ca: ca.map(PathBuf::from) };
        Wish::of(&said).map(|wish| wish.expect("it is said"))
    }

    #[test]
    fn a_collector_may_be_named_by_host_and_port_alone() {
        for (said, url, place) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics", ("127.0.0.1", 4318)),
            ("http://otel.example/", "http://otel.example/v1/metrics", ("otel.example", 80)),
            ("http://[::1]:4318/x/y?z=1", "http://[::1]:4318/x/y?z=1", ("[::1]", 4318)),
        ] {
            let wish = wish(said, None, None).unwrap();
            assert_eq!((&*wish.url, (&*wish.place.0, wish.place.1)), (url, place));
            assert_eq!(wish.interval, INTERVAL);
        }
    }

    #[test]
    fn what_is_of_no_use_is_refused_with_a_remedy() {
        for (otlp, interval, ca, expected) in [
            (
                "127.0.0.1:4318",
                None,
                None,
                "allowed is the URL of a collector, such as http://127.0.0.1:4318/v1/metrics",
            ),
            ("grpc://h:4317", None, None, "allowed is the URL"),
            ("http://", None, None, "allowed is the URL"),
            ("http://me:secret@h", None, None, "can be read by everybody"),
            ("https://h:4318", None, None, "--otlp-ca"),
            ("http://h:4318", None, Some("ca.pem"), "--otlp-ca is for https"),
            ("http://h:4318", Some("10ms"), None, "from 1s on"),
            ("http://h:4318", Some("often"), None, "--otlp-interval 'often'"),
        ] {
            let error = wish(otlp, interval, ca).unwrap_err().to_string();
            assert!(error.contains(expected), "{otlp}: {error}");
        }
        let alone = Otlp { otlp: None, otlp_interval: Some("5s".into()), otlp_ca: None };
        assert!(Wish::of(&alone).unwrap_err().to_string().contains("say with --otlp where"));
    }

    #[test]
    fn an_answer_says_what_was_rejected_or_is_none() {
        let rejected = |answer| Rejected::of(answer).map(|rejected| rejected.count);
        for (answer, expected) in [
            ("", Ok(0)),
            ("{}", Ok(0)),
            (r#"{"partialSuccess":{}}"#, Ok(0)),
            (r#"{"partialSuccess":{"rejectedDataPoints":"7","errorMessage":"old"}}"#, Ok(7)),
            (r#"{"partialSuccess":{"rejectedDataPoints":7}}"#, Ok(7)),
        ] {
            assert_eq!(rejected(answer), expected, "{answer}");
        }
        for answer in ["<html>", "[]", "ok"] {
            assert!(rejected(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let wish = wish("https://h:4318", None, Some("/dev/null")).unwrap();
        let error = wish.open().err().unwrap().to_string();
        assert!(error.contains("there is no certificate in '/dev/null'"), "{error}");
        let wish = Wish { authority: Some("/nowhere".into()), ..wish };
        assert!(wish.open().err().unwrap().to_string().contains("cannot read '/nowhere'"));
    }
}
