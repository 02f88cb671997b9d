//! A real Prometheus looks at a real service: it scrapes, the rules load, and what the dashboard asks is answered.

use crate::drill::{Drill, get, until};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

struct Prometheus {
    child: Child,
    address: String,
    /// Its configuration and its data.
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packaging(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(path);
    path.canonicalize().expect("it is there").display().to_string()
}

impl Prometheus {
    /// Scrapes this address each second.
    fn of(target: &str) -> Prometheus {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = packaging("prometheus/rules.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{rules}']\n\
             scrape_configs:\n  - job_name: dpp\n    static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config).expect("it is new");
        // Nobody else takes the port in between, or the test says so.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a free port").to_string();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("prometheus is installed by `make peers`");
        let prometheus = Prometheus { child, address, _folder: folder };
        until("prometheus listens", || std::net::TcpStream::connect(&prometheus.address).is_ok());
        prometheus
    }

    /// What it answers to a path of its interface.
    fn api(&self, path: &str) -> Value {
        // It may cut a long answer into pieces.
        let (_, body) = get(&self.address, path);
        let json: String = match body.starts_with(['{', '[']) {
            true => body,
            false => unchunked(&body),
        };
        serde_json::from_str(&json).unwrap_or_default()
    }

    /// The values of an expression now; `None` if it cannot be answered.
    fn values(&self, expression: &str) -> Option<Vec<f64>> {
        let answer = self.api(&format!("/api/v1/query?query={}", encoded(expression)));
        let results = (answer["status"] == "success").then(|| answer["data"]["result"].as_array())??;
        let number = |result: &Value| result["value"][1].as_str()?.parse().ok();
        Some(results.iter().filter_map(number).collect())
    }
}

/// A body that was sent in chunks (RFC 9112 section 7.1).
fn unchunked(body: &str) -> String {
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = after.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        whole += chunk;
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

#[test]
fn prometheus_sees_the_service() {
    let drill = Drill::start(&[]);
    let prometheus = Prometheus::of(&drill.address);
    until("it is up", || prometheus.values("up{job=\"dpp\"}") == Some(vec![1.0]));
    until("rows are seen", || {
        prometheus.values("dpp_rows_total").is_some_and(|rows| rows.iter().any(|rows| *rows > 10.0))
    });
    // A hundred queries a second, more or less.
    until("a rate is seen", || {
        prometheus
            .values("rate(dpp_queries_total[10s])")
            .is_some_and(|rate| rate.iter().any(|rate| *rate > 5.0))
    });
    until("a quantile is seen", || {
        let quantile = "histogram_quantile(0.5, rate(dpp_rtt_seconds_bucket[10s]))";
        prometheus
            .values(quantile)
            .is_some_and(|values| values.iter().any(|value| (0.0025..=0.005).contains(value)))
    });
    let rules = prometheus.api("/api/v1/rules");
    let groups = rules["data"]["groups"].as_array().expect("rules are loaded");
    let health =
        groups.iter().flat_map(|group| group["rules"].as_array()).flatten().map(|rule| &rule["health"]);
    let bad = health.filter(|health| *health == "err").count();
    assert_eq!(bad, 0, "{rules:#}");
    let dashboard = fs::read_to_string(packaging("grafana/dpp.json")).expect("there is a dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let targets: Vec<&Value> =
        panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten().collect();
    for target in targets {
        let expression = target["expr"].as_str().expect("an expression");
        let asked = expression.replace("$__rate_interval", "10s").replace("$instance", ".*");
        assert!(prometheus.values(&asked).is_some_and(|values| !values.is_empty()), "nothing for {asked}");
    }
    drill.stop();
}
