//! Unbound, a resolver: it tells what clients asked, and what they were answered, as `CLIENT_QUERY` and `CLIENT_RESPONSE`.
//!
//! Its dnstap lacks nothing of the messages; times are in microseconds. The surprising fact: each of its threads has a queue
//! of its own, which is sent when it has 32 messages or is a second old, so messages come out of order by up to a second.

use crate::agreement::{Agreement, receiver};
use crate::stage::{Running, Stage, free_port};

const UNBOUND: Agreement = Agreement {
    role: "CLIENT",
    identity: "unbound-under-test",
    version: "unbound 1.",
    lacks: &[],
    tick_us: 1,
    rounds: 2,
    size: 150,
};

/// Unbound with the zones of the tests. `to` are lines of its section `dnstap`.
pub(crate) fn start(stage: &Stage, port: u16, to: &str) -> Running {
    let text = "0123456789".repeat(20);
    stage.write(
        "unbound.conf",
        &format!(
            r#"
server:
    interface: 127.0.0.1@{port}
    interface: ::1@{port}
    access-control: 127.0.0.0/8 allow
    access-control: ::1 allow
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    num-threads: 2
    incoming-num-tcp: 64
    module-config: "iterator"
    local-zone: "zone.test." static
    local-data: "zone.test. SOA ns.zone.test. who.zone.test. 1 3600 600 86400 300"
    local-data: "www.zone.test. A 192.0.2.1"
    local-data: "alias.zone.test. CNAME www.zone.test."
    local-data: 'text.zone.test. TXT "{text}" "{text}" "{text}"'
    local-zone: "perf.test." redirect
    local-data: "perf.test. A 192.0.2.2"
remote-control:
    control-enable: no
dnstap:
    dnstap-enable: yes
{to}
    dnstap-identity: "unbound-under-test"
    dnstap-send-identity: yes
    dnstap-send-version: yes
    dnstap-log-client-query-messages: yes
    dnstap-log-client-response-messages: yes
"#,
            folder = stage.folder().display()
        ),
    );
    stage.start("unbound", "unbound", &["-d", "-p", "-c", "unbound.conf"])
}

/// To a Unix socket.
pub(crate) fn to_socket(stage: &Stage, name: &str) -> String {
    format!("    dnstap-socket-path: \"{}\"\n", stage.path(name).display())
}

#[test]
fn rows_from_unbound_are_those_of_the_wire() {
    let (stage, port) = (Stage::new(), free_port());
    let dpp = receiver(&stage, "tap", "dnstap+unix:tap.sock", &[]);
    let unbound = start(&stage, port, &to_socket(&stage, "tap.sock"));
    UNBOUND.check(&stage, dpp, unbound, port);
}

#[test]
fn rows_from_unbound_over_tcp_are_those_of_the_wire() {
    let (stage, port, tap) = (Stage::new(), free_port(), free_port());
    let dpp = receiver(&stage, "tap", &format!("dnstap+tcp://127.0.0.1:{tap}"), &[]);
    let to = format!("    dnstap-socket-path: \"\"\n    dnstap-ip: 127.0.0.1@{tap}\n    dnstap-tls: no\n");
    let unbound = start(&stage, port, &to);
    UNBOUND.check(&stage, dpp, unbound, port);
}
