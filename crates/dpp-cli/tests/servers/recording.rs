//! What was on the wire: tcpdump on `lo`, and the rows that `dpp` makes of its file.

use crate::ask::{self, Question};
use crate::rows::{FIELDS, Row};
use crate::stage::{Running, Stage};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

/// A recording of one port that goes on.
pub(crate) struct Recording {
    tcpdump: Running,
    port: u16,
}

/// The question by which the end of the recording is known.
const END: &str = "end-of-recording.zone.test";

impl Recording {
    /// From here on all packets of this port are in the file.
    #[track_caller]
    pub(crate) fn start(stage: &Stage, port: u16) -> Recording {
        let filter = format!("port {port}");
        let exactly = ["-B", "65536", "--time-stamp-precision=nano", "-Z", "root"];
        let arguments = [&["-i", "lo", "-n", "-U", "-w", "wire.pcap"], &exactly[..], &[&filter]].concat();
        let mut tcpdump = stage.start("tcpdump", "tcpdump", &arguments);
        let log = stage.path("tcpdump.log");
        let is_listening = || fs::read_to_string(&log).is_ok_and(|said| said.contains("listening on lo"));
        tcpdump.wait_for("the recording", is_listening);
        Recording { tcpdump, port }
    }

    /// The rows of what was recorded. The server is asked once more: when that is in the file, so is all before.
    #[track_caller]
    pub(crate) fn rows(mut self, stage: &Stage) -> Vec<Row> {
        let localhost = Ipv4Addr::LOCALHOST;
        ask::udp(localhost.into(), SocketAddr::from((localhost, self.port)), &[Question::of(END)]);
        let label = END.split('.').next().expect("a label").as_bytes();
        self.tcpdump.wait_for("the last packet", || {
            let file = fs::read(stage.path("wire.pcap")).expect("the recording is there");
            // The query and its answer.
            file.windows(label.len()).rev().filter(|bytes| *bytes == label).nth(1).is_some()
        });
        self.tcpdump.stop();
        let said = stage.text("tcpdump.log");
        assert!(said.contains("\n0 packets dropped by kernel"), "{said}");
        let port = self.port.to_string();
        stage.dpp(&[
            "-s",
            "wire.pcap",
            "wire.jsonl",
            "--port",
            &port,
            "--fields",
            FIELDS,
            "--match-timeout-ms",
            PATIENT,
        ]);
        Row::read(&stage.text("wire.jsonl"))
    }
}

/// So long an answer may take on a machine that does much else at the same time.
pub(crate) const PATIENT: &str = "5000";
