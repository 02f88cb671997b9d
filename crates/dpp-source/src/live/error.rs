//! Why a live source cannot be opened: each names the thing and the remedy.

use std::io;
use thiserror::Error;

/// Why a live source cannot be opened.
#[derive(Debug, Error)]
pub enum LiveError {
    /// There is no such interface.
    #[error("there is no interface '{name}'; there are: {there}")]
    NoInterface {
        /// The one that was asked for.
        name: String,
        /// Those that there are, with commas.
        there: String,
    },
    /// Packets of interfaces are for those who may see them.
    #[error(
        "cannot capture on '{interface}': that takes the capability {capability}; give it to the program \
         (setcap {lower}+ep PATH/dpp), or to its service (AmbientCapabilities={capability}), or run it as root",
        lower = capability.to_lowercase()
    )]
    NotPermitted {
        /// The interface.
        interface: String,
        /// What is missing.
        capability: &'static str,
    },
    /// The interface's link layer is not read.
    #[error(
        "cannot capture on '{interface}': its link layer (ARPHRD {hardware}) is neither Ethernet nor bare IP; \
         capture on the interface that its packets go on to"
    )]
    LinkLayer {
        /// The interface.
        interface: String,
        /// The number of its link layer in linux/if_arp.h.
        hardware: u16,
    },
    /// The interface dates no packets.
    #[error(
        "'{interface}' gives packets no hardware timestamps: {source}; take those of the kernel (software)"
    )]
    HardwareTimestamps {
        /// The interface.
        interface: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is no memory for a ring.
    #[error("no memory for a ring of {bytes} bytes on '{interface}': {source}; take smaller rings, or fewer")]
    Ring {
        /// The interface.
        interface: String,
        /// The bytes of one ring.
        bytes: usize,
        /// What the system says.
        source: io::Error,
    },
    /// Another step of the kernel's failed.
    #[error(
        "cannot capture on '{interface}': {what}: {source}; it takes Linux 4.12 or later with CONFIG_PACKET"
    )]
    Interface {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}
