//! Multicast DNS and LLMNR against tshark: the messages with port 5353 or 5355.
//!
//! Whoever asks a group does not know who will answer, so the server's address is no part of our messages. What is told to a
//! group (both ports 5353, QR set) answers nobody; a run counts it, and the numbers are compared, too.

use crate::differences::Difference;
use crate::messages;
use crate::ours::Reading;
use crate::theirs;
use dpp::limits::MULTICAST_QUESTIONS_MAX;
use dpp::plan::Ports;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Where the two readings of a capture differ. `unpaired` is how many responses a run counts that answer nobody, and `skips`
/// tells why frames gave us no message.
pub(crate) fn differences(
    mut theirs: BTreeMap<u64, Vec<theirs::Message>>,
    mut ours: Reading,
    unpaired: u64,
    skips: impl Fn(&BTreeSet<u64>) -> BTreeMap<u64, &'static str>,
) -> Vec<Difference> {
    let told: u64 = theirs.values().flatten().filter(|message| is_told(message)).map(events).sum();
    for message in theirs.values_mut().flatten() {
        hide_server(&mut message.source, &mut message.destination, message.is_response);
    }
    for message in ours.messages.values_mut().flatten() {
        hide_server(&mut message.source, &mut message.destination, message.is_response);
    }
    let mut differences = messages::differences(&theirs, &ours, skips);
    if unpaired != told {
        differences.push(Difference::one("unpaired-responses", format!("{told}:{unpaired}")));
    }
    differences
}

fn is_told(message: &theirs::Message) -> bool {
    let ports = [message.source.port(), message.destination.port()];
    message.is_response && !message.is_tcp && ports == [Ports::MDNS; 2]
}

/// A message is one event for each of its questions that are read.
fn events(message: &theirs::Message) -> u64 {
    message.question_count.unwrap_or(1).clamp(1, MULTICAST_QUESTIONS_MAX).into()
}

fn hide_server(source: &mut SocketAddr, destination: &mut SocketAddr, is_response: bool) {
    let server = if is_response { source } else { destination };
    server.set_ip(std::net::Ipv4Addr::UNSPECIFIED.into());
}
