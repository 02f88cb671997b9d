//! Why a port of DPDK cannot be captured, in words and with the remedy. DPDK's own words come with it, for they tell which driver or
//! folder it is about.

use super::sys::Errno;
use std::io;
use thiserror::Error;

/// Why a port of DPDK cannot be captured.
#[derive(Debug, Error)]
pub enum DpdkError {
    /// DPDK does not start.
    #[error("DPDK does not start: {problem}; {remedy}")]
    Start {
        /// What it says.
        problem: String,
        /// What can be done.
        remedy: &'static str,
    },
    /// DPDK can be started once in a process, with one set of arguments.
    #[error(
        "DPDK is started once for all sources, which was done with eal={before}; give all of them the same \
         arguments, not {now}"
    )]
    StartedOtherwise {
        /// Those of the first source.
        before: String,
        /// Those of this one.
        now: String,
    },
    /// The name of a device, or an argument, is none.
    #[error("'{0}' has a zero byte")]
    Zero(String),
    /// There is no such port, and no such device to make one from.
    #[error(
        "DPDK has no port '{device}' and cannot make one: {problem}; there are: {there}; say a PCI address \
         whose device has a driver of DPDK (dpdk-devbind.py --status), or a virtual device such as \
         net_af_packet0,iface=eth0"
    )]
    NoPort {
        /// What was asked for.
        device: String,
        /// What DPDK says.
        problem: String,
        /// Ports that there are, with commas.
        there: String,
    },
    /// More queues than the device has.
    #[error("'{device}' has {max} receive queues, not {queues}; take fewer")]
    Queues {
        /// The device.
        device: String,
        /// How many were asked for.
        queues: u16,
        /// How many it has.
        max: u16,
    },
    /// A step on the way to packets failed.
    #[error("cannot capture on '{device}': {step}: {problem}; {remedy}")]
    Port {
        /// The device.
        device: String,
        /// What was tried.
        step: &'static str,
        /// What DPDK says.
        problem: String,
        /// What can be done.
        remedy: &'static str,
    },
}

/// What went wrong, in words: the system's for the number, and DPDK's own.
pub(super) fn problem(errno: Errno, said: &str) -> String {
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let number = io::Error::from_raw_os_error(errno.0);
    match lines.is_empty() {
        true => number.to_string(),
        false => format!("{number} ({})", lines.join("; ")),
    }
}

/// Words of DPDK, and what can be done then. The first that fits.
const REMEDIES: &[(&str, &str)] = &[
    ("hugepage", HUGE_PAGES),
    ("huge page", HUGE_PAGES),
    ("another primary", "another program has DPDK's shared files; give this one --file-prefix=dpp"),
    ("ermission denied", PERMISSIONS),
    ("not permitted", PERMISSIONS),
    ("unrecognized option", ARGUMENTS),
    ("invalid parameters", ARGUMENTS),
    ("invalid", ARGUMENTS),
];

const HUGE_PAGES: &str =
    "set up huge pages (dpdk-hugepages.py --setup 1G), or do without: eal=--no-huge -m 512";
const PERMISSIONS: &str = "run it as root, or give it the device (/dev/vfio), /dev/hugepages and CAP_NET_RAW, \
                           CAP_IPC_LOCK and CAP_NET_ADMIN as its driver needs";
const ARGUMENTS: &str = "look at the arguments (eal=...); dpdk-testpmd --help lists them";

/// EPERM, ENOMEM, EACCES, EBUSY, ENOTSUP.
const BY_NUMBER: &[(i32, &str)] = &[
    (1, PERMISSIONS),
    (12, "give it more memory (eal=-m MEGABYTES, or more huge pages), or take fewer queues"),
    (13, PERMISSIONS),
    (16, "stop whatever else has the device, or leave out one of the sources"),
    (95, "its driver does not do that; try it with dpdk-testpmd"),
];

/// What can be done about it.
pub(super) fn remedy(errno: Errno, said: &str) -> &'static str {
    let said = said.to_lowercase();
    let by_words = REMEDIES.iter().find(|row| said.contains(row.0)).map(|row| row.1);
    let by_number = BY_NUMBER.iter().find(|row| row.0 == errno.0).map(|row| row.1);
    by_words.or(by_number).unwrap_or("try the same device and arguments with dpdk-testpmd")
}
