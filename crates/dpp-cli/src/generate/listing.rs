//! The messages of a capture as a table: the truth that readers of the capture are held against.
//!
//! The surprising fact: it knows nothing of transactions; each line is read from the message's own bytes, at
//! the moment when the packet that completes it is recorded. Called by `traffic`.
//!
//! ```text
//!   frame  time_ns  source  destination  source_port  destination_port  transport  id  qr  rcode  qname  qtype
//! ```

use std::io::{self, Write};

use super::frame::Flow;
use super::hosts::Pair;

/// The columns, tab separated; a message without question has the last two empty.
const HEADER: &str = "frame\ttime_ns\tsource\tdestination\tsource_port\tdestination_port\ttransport\tid\tqr\t\
    rcode\tqname\tqtype\n";

/// Where the messages are listed, if anywhere.
pub(super) struct Listing<'a>(Option<Box<dyn Write + 'a>>);

/// What carried a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

impl<'a> Listing<'a> {
    pub(super) fn nowhere() -> Self {
        Listing(None)
    }

    pub(super) fn on(mut out: impl Write + 'a) -> io::Result<Self> {
        out.write_all(HEADER.as_bytes())?;
        Ok(Listing(Some(Box::new(io::BufWriter::new(out)))))
    }

    /// Lists a message that is complete with this frame, of this time.
    pub(super) fn note(
        &mut self,
        (frame, stamp_ns): (u64, u64),
        flow: &Flow,
        transport: Transport,
        message: &[u8],
    ) -> io::Result<()> {
        let Some(out) = &mut self.0 else { return Ok(()) };
        // Captures have microseconds.
        write!(out, "{frame}\t{}\t", stamp_ns / 1000 * 1000)?;
        match flow.pair {
            Pair::V4(source, destination) => write!(out, "{source}\t{destination}\t")?,
            Pair::V6(source, destination) => write!(out, "{source}\t{destination}\t")?,
        }
        let transport = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        write!(out, "{}\t{}\t{transport}\t", flow.source_port, flow.destination_port)?;
        let (id, response, rcode) = (u16_at(message, 0), message[2] >> 7, message[3] & 0x0f);
        write!(out, "{id}\t{response}\t{rcode}\t")?;
        if u16_at(message, 4) == 0 {
            return out.write_all(b"\t\n");
        }
        let query_type_at = write_name(out, message)?;
        writeln!(out, "\t{}", u16_at(message, query_type_at))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.map_or(Ok(()), |mut out| out.flush())
    }
}

/// Writes the labels of the question joined by dots, and gives where the name ends.
fn write_name(out: &mut impl Write, message: &[u8]) -> io::Result<usize> {
    let mut at = 12;
    while message[at] != 0 {
        let end = at + 1 + usize::from(message[at]);
        if at > 12 {
            out.write_all(b".")?;
        }
        out.write_all(&message[at + 1..end])?;
        at = end;
    }
    Ok(at + 1)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
