//! Knot, authoritative, with its module dnstap: `AUTH_QUERY` and `AUTH_RESPONSE`.

use crate::agreement::{Agreement, receiver};
use crate::stage::{Running, Stage, free_port};

const KNOT: Agreement = Agreement {
    role: "AUTH",
    identity: "knot-under-test",
    version: "Knot DNS 3.",
    lacks: &[],
    tick_us: 1,
    rounds: 6,
    size: 25,
};

/// The zones of the tests, as files.
pub(crate) fn write_zones(stage: &Stage) {
    let head = "@ 300 SOA ns who 1 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.53\n";
    let text = "0123456789".repeat(20);
    stage.write(
        "zone.test.zone",
        &format!(
            "{head}www 300 A 192.0.2.1\nalias 300 CNAME www\ntext 300 TXT \"{text}\" \"{text}\" \"{text}\"\n"
        ),
    );
    stage.write("perf.test.zone", &format!("{head}* 300 A 192.0.2.2\n"));
}

/// Knot with the zones of the tests, which sends to this sink.
pub(crate) fn start(stage: &Stage, port: u16, sink: &str) -> Running {
    write_zones(stage);
    let folder = stage.folder().display();
    stage.write(
        "knot.conf",
        &format!(
            r#"
server:
    listen: [ 127.0.0.1@{port}, ::1@{port} ]
    rundir: "{folder}"
    udp-workers: 2
    tcp-workers: 2
    background-workers: 1
    tcp-io-timeout: 0
    tcp-idle-timeout: 60
log:
  - target: stderr
    any: info
database:
    storage: "{folder}/db"
mod-dnstap:
  - id: tap
    sink: "{sink}"
    identity: knot-under-test
template:
  - id: default
    storage: "{folder}"
    file: "%s.zone"
    journal-content: none
    zonefile-load: whole
    global-module: mod-dnstap/tap
zone:
  - domain: zone.test
  - domain: perf.test
"#
        ),
    );
    stage.start("knotd", "knot", &["-c", "knot.conf"])
}

/// To a Unix socket.
pub(crate) fn to_socket(stage: &Stage, name: &str) -> String {
    format!("unix:{}", stage.path(name).display())
}

#[test]
fn rows_from_knot_are_those_of_the_wire() {
    let (stage, port) = (Stage::new(), free_port());
    let dpp = receiver(&stage, "tap", "dnstap+unix:tap.sock", &[]);
    let knot = start(&stage, port, &to_socket(&stage, "tap.sock"));
    KNOT.check(&stage, dpp, knot, port);
}
