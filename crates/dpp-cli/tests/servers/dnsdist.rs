//! dnsdist before Knot: `CLIENT_QUERY` and `CLIENT_RESPONSE`, as two rules log them.

use crate::agreement::{Agreement, receiver};
use crate::knot;
use crate::stage::{Running, Stage, free_port};

const DNSDIST: Agreement = Agreement {
    role: "CLIENT",
    identity: "dnsdist-under-test",
    version: "dnsdist 1.",
    lacks: &[],
    tick_us: 1,
    rounds: 1,
    size: 300,
};

fn start(stage: &Stage, port: u16, behind: u16, socket: &str) -> Running {
    let socket = stage.path(socket);
    stage.write(
        "dnsdist.conf",
        &format!(
            r#"
setLocal("127.0.0.1:{port}")
addLocal("[::1]:{port}")
setACL({{"127.0.0.0/8", "::1"}})
setSecurityPollSuffix("")
setTCPRecvTimeout(60)
setTCPSendTimeout(60)
newServer({{address="127.0.0.1:{behind}", tcpConnectTimeout=60, tcpRecvTimeout=60, tcpSendTimeout=60}}):setUp()
tap = newFrameStreamUnixLogger("{socket}", {{inputQueueSize=16384}})
addAction(AllRule(), DnstapLogAction("dnsdist-under-test", tap))
addResponseAction(AllRule(), DnstapLogResponseAction("dnsdist-under-test", tap))
"#,
            socket = socket.display()
        ),
    );
    stage.start("dnsdist", "dnsdist", &["--supervised", "--disable-syslog", "-C", "dnsdist.conf"])
}

#[test]
fn rows_from_dnsdist_are_those_of_the_wire() {
    let (stage, port, behind) = (Stage::new(), free_port(), free_port());
    let dpp = receiver(&stage, "tap", "dnstap+unix:tap.sock", &[]);
    // What Knot says itself nobody takes.
    let mut knot = knot::start(&stage, behind, &stage.path("knot.tap").display().to_string());
    knot.wait_for_port(behind);
    let dnsdist = start(&stage, port, behind, "tap.sock");
    DNSDIST.check(&stage, dpp, dnsdist, port);
}
