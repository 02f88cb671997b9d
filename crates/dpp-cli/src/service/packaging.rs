//! What is in `packaging/` against what the program says: alert rules and the dashboard, judged by promtool, name only
//! metrics that there are; and the page that lists these (docs/metrics.md) is made of them.

use super::metrics;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn packaging(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(path)
}

#[track_caller]
fn promtool(arguments: &[&str], file: &Path) {
    let output = Command::new("promtool").args(arguments).arg(file).output();
    let output = output.expect("promtool is installed by `make peers`");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}

/// Families of `/metrics`, each with its kind.
fn families() -> BTreeMap<String, String> {
    let page = metrics::example();
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    families.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// Words of an expression that are metrics of ours, by how they begin.
fn metrics_in(expression: &str) -> impl Iterator<Item = &str> {
    let words =
        expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    words.filter(|word| word.starts_with("dpp_") || word.starts_with("process_"))
}

/// The metrics that the text names and there are not.
fn unknown(text: &str) -> BTreeSet<&str> {
    let families = families();
    let is_known = |name: &&str| {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        families.contains_key(*name)
            || of_histogram.is_some_and(|name| families.get(name).is_some_and(|kind| kind == "histogram"))
    };
    metrics_in(text).filter(|name| !is_known(name)).collect()
}

/// What the dashboard asks, with Grafana's own words replaced as it would.
fn expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(packaging("grafana/dpp.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions.map(|text| text.replace("$__rate_interval", "5m").replace("$instance", ".*")).collect()
}

#[test]
fn alerts_are_what_promtool_wants_and_fire_when_they_should() {
    promtool(&["check", "rules"], &packaging("prometheus/rules.yml"));
    promtool(&["test", "rules"], &packaging("prometheus/rules-test.yml"));
}

#[test]
fn alerts_name_only_metrics_that_there_are() {
    let rules = fs::read_to_string(packaging("prometheus/rules.yml")).unwrap();
    assert_eq!(unknown(&rules), BTreeSet::new());
    assert_eq!(unknown("rate(dpp_rows_total[5m]) / dpp_nonsense"), BTreeSet::from(["dpp_nonsense"]));
}

#[test]
fn each_alert_is_tested() {
    let rules = fs::read_to_string(packaging("prometheus/rules.yml")).unwrap();
    let tests = fs::read_to_string(packaging("prometheus/rules-test.yml")).unwrap();
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5);
    for alert in alerts {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "rules-test.yml does not test {alert}");
    }
}

#[test]
fn the_dashboard_asks_what_can_be_answered() {
    let expressions = expressions();
    assert!(expressions.len() > 20);
    for expression in &expressions {
        assert_eq!(unknown(expression), BTreeSet::new(), "{expression}");
        assert!(!expression.contains('$'), "{expression}: what is that?");
    }
    // promtool parses expressions where they are rules.
    let rules: String = expressions
        .iter()
        .enumerate()
        .map(|(number, text)| {
            format!("      - {{ record: 'panel:{number}', expr: {} }}\n", Value::from(text.as_str()))
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, format!("groups:\n  - name: dashboard\n    rules:\n{rules}")).unwrap();
    promtool(&["check", "rules"], &file);
}

/// docs/metrics.md, from a page on which everything is.
fn metrics_page() -> String {
    let mut page = String::from(
        "# Metrics\n\nWhat `/metrics` of a service says. This page is made from the program (`make schema`); a test holds it \
         against the code. Counters begin at 0 when the service starts, and go on over a reload. What a word means, \
         [operations.md](operations.md#the-report) says under the same name.\n\n\
         | metric | kind | labels | what it says |\n| --- | --- | --- | --- |\n",
    );
    let example = metrics::example();
    let lines: Vec<&str> = example.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let kind = lines[at + 1].rsplit(' ').next().unwrap_or_default();
        let sample = lines[at + 2].split_once('{').map_or("", |(_, labels)| labels);
        let labels: Vec<String> =
            sample.split(',').filter_map(|label| Some(format!("`{}`", label.split_once("=\"")?.0))).collect();
        page += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
    }
    page
}

#[test]
fn the_page_of_metrics_is_made_from_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("DPP_UPDATE").is_some() {
        fs::write(&path, metrics_page()).expect("docs/ is writable");
    }
    let page = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, metrics_page(), "docs/metrics.md is behind the code: run `make schema`");
}
