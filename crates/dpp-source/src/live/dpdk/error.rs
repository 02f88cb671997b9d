//! Why a port of DPDK cannot be captured, in words and with the remedy. DPDK's own words come with it, for they tell which
//! driver or folder it is about.

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
    #[error("DPDK has no port '{device}' (there are: {there}) and cannot make one: {problem}; {remedy}")]
    NoPort {
        /// What was asked for.
        device: String,
        /// What DPDK says.
        problem: String,
        /// Ports that there are, with commas.
        there: String,
        /// What can be done.
        remedy: &'static str,
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

/// What went wrong, in DPDK's words. Only where it has none does its number mean much.
pub(super) fn problem(errno: Errno, said: &str) -> String {
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match (lines.is_empty(), errno) {
        (false, _) => lines.join("; "),
        (true, Errno(0)) => "its driver makes no port of this name".to_string(),
        (true, Errno(number)) => io::Error::from_raw_os_error(number).to_string(),
    }
}

/// Words of DPDK, in small letters, and what can be done then. The first that fits.
const REMEDIES: &[(&str, &str)] = &[
    ("hugepage", HUGE_PAGES),
    ("huge page", HUGE_PAGES),
    ("another primary", "another program has DPDK's shared files; give this one --file-prefix=dpp"),
    ("could not open af_packet socket", PERMISSIONS),
    ("permission denied", PERMISSIONS),
    ("not permitted", PERMISSIONS),
];

const HUGE_PAGES: &str =
    "set up huge pages (dpdk-hugepages.py --setup 1G), or do without: eal=--no-huge -m 512";
const PERMISSIONS: &str = "run it as root, or give it what its driver needs: the device (/dev/vfio), \
                           /dev/hugepages, CAP_NET_RAW, CAP_NET_ADMIN, CAP_IPC_LOCK";
const ARGUMENTS: &str = "look at the arguments (eal=...); dpdk-testpmd --help lists them";
const DEVICES: &str = "say the PCI address of a device that has a driver of DPDK (dpdk-devbind.py --status), or a \
                       virtual device with all that it needs, such as net_af_packet0,iface=eth0";

/// EPERM, ENOMEM, EACCES, EBUSY, EINVAL, ENOTSUP.
const BY_NUMBER: &[(i32, &str)] = &[
    (1, PERMISSIONS),
    (12, "give it more memory (eal=-m MEGABYTES, or more huge pages), or take fewer queues"),
    (13, PERMISSIONS),
    (16, "stop whatever else has the device, or leave out one of the sources"),
    (22, ARGUMENTS),
    (95, "its driver does not do that; try it with dpdk-testpmd"),
];

/// What can be done about it.
pub(super) fn remedy(errno: Errno, said: &str) -> &'static str {
    let by_number = || BY_NUMBER.iter().find(|row| row.0 == errno.0).map(|row| row.1);
    by_words(said).or_else(by_number).unwrap_or("try the same device and arguments with dpdk-testpmd")
}

/// What can be done where a device cannot be had. Drivers have no numbers for that, or all the same.
pub(super) fn remedy_for_device(said: &str) -> &'static str {
    by_words(said).unwrap_or(DEVICES)
}

fn by_words(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    REMEDIES.iter().find(|row| said.contains(row.0)).map(|row| row.1)
}
