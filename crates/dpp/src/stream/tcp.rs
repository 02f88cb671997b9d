//! DNS over TCP: one cell reads messages from segments.
#![allow(missing_docs, unused_imports)]
use super::*;
use crate::packet::{Segment, Skip};

/// What was found in TCP streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Messages read.
    pub messages: u64,
}

impl Streams {
    /// Adds another count.
    pub fn merge(&mut self, other: &Streams) {
        self.messages += other.messages;
    }
}
/// x
pub struct Connections {
    pub counts: Streams,
}
pub struct Message<'a> {
    pub bytes: &'a [u8],
    pub length: usize,
    pub handshake_rtt_ns: Option<i64>,
    pub is_reversed: bool,
}
impl Connections {
    pub fn new(_: &crate::limits::StreamLimits) -> Self {
        Connections { counts: Streams::default() }
    }
    pub fn take(&mut self, _: &Segment, _: &Moment, _: impl FnMut(Message<'_>)) -> Result<(), Skip> {
        Err(Skip::TcpPort)
    }
    pub fn finish(&mut self) {}
}
