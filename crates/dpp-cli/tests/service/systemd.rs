//! systemd: what it is told, and whether it likes the unit.

use crate::drill::{Drill, until};
use rustix::process::Signal;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The next message that begins like this.
fn heard(socket: &UnixDatagram, begin: &str) -> String {
    let mut bytes = [0; 1024];
    loop {
        let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("no {begin}: {error}"));
        let message = String::from_utf8_lossy(&bytes[..length]);
        if message.starts_with(begin) {
            return message.into_owned();
        }
    }
}

#[test]
fn systemd_hears_of_the_whole_life_of_a_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let mut drill = Drill::from(
        Command::new(env!("CARGO_BIN_EXE_dpp"))
            .arg("drill")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "1000000"),
    );
    heard(&socket, "READY=1");
    heard(&socket, "WATCHDOG=1");
    let status = heard(&socket, "STATUS=");
    assert!(status.ends_with(" rows"), "{status}");
    drill.signal(Signal::HUP);
    assert!(heard(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    heard(&socket, "READY=1");
    drill.line_with("reloaded");
    until("a reload is counted", || drill.metric("dpp_reloads_total{result=\"success\"}") == 1.0);
    heard(&socket, "WATCHDOG=1");
    drill.signal(Signal::TERM);
    heard(&socket, "STOPPING=1");
    drill.line_with("stopped");
}

/// `systemd-analyze` is asked for its opinion where it is installed; nothing has to run.
#[test]
fn the_unit_is_one_that_systemd_understands() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/dpp@.service");
    let unit = fs::read_to_string(unit).expect("there is a unit");
    let unit = unit.replace("/usr/bin/dpp", env!("CARGO_BIN_EXE_dpp"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dpp@test.service");
    fs::write(&path, unit).expect("it is new");
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&path).output();
        let output = output.expect("systemd-analyze is installed by `make peers`");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    };
    assert_eq!(analyze(&["verify", "--man=no"]), (true, String::new()));
    // Of 10, which is everything; a service with network and a user of its own can come to 2.
    let (is_good, said) = analyze(&["security", "--offline=yes", "--threshold=25", "--no-pager"]);
    assert!(is_good, "{said}");
}
