//! What becomes of packets before anything is matched: which are used, and which messages each completes.
//!
//! Knows nothing of bytes. A message counts at the packet that completes it: the last of its fragments to come, or the segment
//! with its last part. Scenes are such that streams come in order and nothing waits too long, so that is all there is to it;
//! what else may happen to fragments and segments, `fragments.rs` and `streams.rs` test. Called by the oracle and the laws.

use crate::packet::{Content, Kind, Message, Packet, Part};
use dpp::packet::Skip;
use dpp::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// A packet that has come.
pub(crate) struct Arrival<'a> {
    /// Why it was not used.
    pub(crate) skip: Option<Skip>,
    /// The messages it completes, if they can be used.
    pub(crate) messages: Vec<&'a Message>,
    /// How many it completes that cannot, of a stream.
    pub(crate) unread: u64,
    /// Bytes of a stream in it, whatever becomes of them.
    pub(crate) stream_bytes: u64,
}

/// What became of each packet.
pub(crate) fn arrivals<'a>(packets: &'a [Packet], plan: &Plan) -> Vec<Arrival<'a>> {
    let mut arrivals: Vec<Arrival> = Vec::new();
    let (mut fragments, mut segments) = (BTreeMap::new(), BTreeSet::new());
    // Segments whose last message is not complete, by stream.
    let mut begun: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, packet) in packets.iter().enumerate() {
        arrivals.push(Arrival { skip: None, messages: Vec::new(), unread: 0, stream_bytes: 0 });
        match &packet.content {
            Content::Other(other) => arrivals[at].skip = Some(other.skip()),
            Content::Message(message) => complete(&mut arrivals, &[at], message, plan),
            Content::Fragment(message, (number, count)) => {
                let key = (message.tuple, message.kind == Kind::Query, message.identification);
                let pieces: &mut BTreeMap<usize, usize> = fragments.entry(key).or_default();
                let is_new = pieces.len() < *count && pieces.insert(*number, at).is_none();
                arrivals[at].skip =
                    Some(if is_new { Skip::FragmentIncomplete } else { Skip::FragmentRepeated });
                if is_new && pieces.len() == *count {
                    let pieces: Vec<usize> = pieces.values().copied().collect();
                    complete(&mut arrivals, &pieces, message, plan);
                }
            }
            Content::Bare(_, tuple, _) => {
                arrivals[at].skip = Some(if tuple.is_wanted(plan) { Skip::TcpNoData } else { Skip::TcpPort });
            }
            Content::Segment(sequence, parts) => {
                let message = &parts[0].message;
                let stream = (message.tuple.client, message.tuple.server, message.kind == Kind::Query);
                if message.tuple.is_wanted(plan) {
                    arrivals[at].stream_bytes = parts.iter().map(|part| part.len() as u64).sum();
                }
                if !message.tuple.is_wanted(plan) {
                    arrivals[at].skip = Some(Skip::TcpPort);
                } else if !segments.insert((stream, *sequence)) {
                    arrivals[at].skip = Some(Skip::TcpRepeated);
                } else {
                    segment(&mut arrivals[at], parts, plan);
                    let begun = begun.entry(stream).or_default();
                    begun.push(at);
                    if parts.iter().any(|part| part.number == part.count) {
                        begun.drain(..).for_each(|at| arrivals[at].skip = None);
                    } else {
                        arrivals[at].skip = Some(Skip::TcpIncomplete);
                    }
                }
            }
        }
    }
    arrivals
}

/// The packets `of`, of which the last comes last, have brought a whole datagram.
fn complete<'a>(arrivals: &mut [Arrival<'a>], of: &[usize], message: &'a Message, plan: &Plan) {
    let skip = match message.tuple.is_wanted(plan) {
        true => message.skip(plan),
        false => Some(Skip::Port),
    };
    of.iter().for_each(|&at| arrivals[at].skip = skip);
    if skip.is_none() {
        arrivals.last_mut().expect("one has come").messages.push(message);
    }
}

fn segment<'a>(arrival: &mut Arrival<'a>, parts: &'a [Part], plan: &Plan) {
    for part in parts.iter().filter(|part| part.number == part.count) {
        match part.message.skip(plan) {
            None => arrival.messages.push(&part.message),
            Some(_) => arrival.unread += 1,
        }
    }
}
