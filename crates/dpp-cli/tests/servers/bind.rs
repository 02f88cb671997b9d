//! BIND, authoritative: `AUTH_QUERY` and, of a query without RD, `AUTH_RESPONSE`; of one with RD, `CLIENT_RESPONSE`. So both
//! kinds must be asked for in its configuration, or responses are missing.
//!
//! Its dnstap lacks nothing of the messages; times are those of the kernel's coarse clock, which stands still between ticks
//! (4 ms or 10 ms), so a query may be dated before it was on the wire. A response's frame tells of its query again.

use crate::agreement::{Agreement, receiver};
use crate::knot::write_zones;
use crate::stage::{Running, Stage, free_port};

const BIND: Agreement = Agreement {
    role: "AUTH",
    identity: "bind-under-test",
    version: "BIND 9.",
    lacks: &[],
    tick_us: 100_000,
    rounds: 1,
    size: 300,
};

/// BIND with the zones of the tests.
pub(crate) fn start(stage: &Stage, port: u16, socket: &str) -> Running {
    write_zones(stage);
    let (folder, socket) = (stage.folder().display(), stage.path(socket));
    stage.write(
        "named.conf",
        &format!(
            r#"
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 port {port} {{ ::1; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    notify no;
    max-udp-size 4096;
    dnstap {{ auth; client; }};
    fstrm-set-input-queue-size 16384;
    dnstap-output unix "{socket}";
    dnstap-identity "bind-under-test";
    dnstap-version "BIND 9.under-test";
}};
controls {{ }};
zone "zone.test" {{ type primary; file "zone.test.zone"; }};
zone "perf.test" {{ type primary; file "perf.test.zone"; }};
"#,
            socket = socket.display()
        ),
    );
    stage.start("named", "bind9", &["-g", "-n", "2", "-c", "named.conf"])
}

#[test]
fn rows_from_bind_are_those_of_the_wire() {
    let (stage, port) = (Stage::new(), free_port());
    let dpp = receiver(&stage, "tap", "dnstap+unix:tap.sock", &[]);
    let bind = start(&stage, port, "tap.sock");
    BIND.check(&stage, dpp, bind, port);
}
