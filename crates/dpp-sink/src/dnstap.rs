//! dnstap files: the messages of each row as frames, the query's first.
//!
//! What came as a frame goes out as it came, so that a filtered stream loses nothing. A packet becomes a frame of what is
//! known of it: addresses, ports, times, and the message as far as it was captured. As what the server took part in it no
//! packet says; it is written as what a resolver sees of its clients. Each chunk is written by any worker into one buffer;
//! the one lane writes the buffers in order.

use crate::{Buffers, TableSink, messages};
use dpp::dnstap::{Direction, Dnstap, Message, MessageType, Role, Time, frames};
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::transaction::{Lacks, Needs, Side, Transaction, Transport};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// What the plan has to keep for this sink. Messages that cannot be read are messages too.
pub const NEEDS: Needs = Needs::QUERY.and(Needs::RESPONSE).and(Needs::FRAME).and(Needs::UNREADABLE);

/// A dnstap file in the making.
#[derive(Debug)]
pub struct DnstapFile<W> {
    out: Mutex<W>,
    /// What frames of packets are said to come from.
    identity: Option<Vec<u8>>,
    buffers: Buffers,
}

impl<W: Write> DnstapFile<W> {
    /// Opens the stream. `identity` is what frames made from packets are said to come from.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(mut out: W, identity: Option<Vec<u8>>) -> io::Result<Self> {
        let mut start = Vec::new();
        frames::write_start(&mut start);
        out.write_all(&start)?;
        Ok(DnstapFile { out: Mutex::new(out), identity, buffers: Buffers::default() })
    }

    fn message(&self, row: &Transaction, side: &Side, direction: Direction, out: &mut Vec<u8>) {
        let (frame, bytes) = (row.record(side), row.message(side));
        if let Ok(Dnstap { message: Some(message), .. }) = Dnstap::parse(frame) {
            // The frame of a response tells of its query too, which then has none of its own.
            if message.kind.direction() == direction {
                frames::write_frame(out, frame);
            }
            return;
        }
        if bytes.is_empty() {
            return;
        }
        let key = row.key();
        let (client, server) = (Octets::of(key.client()), Octets::of(key.server()));
        let query_time = (!row.is_unasked()).then(|| row.request_ns()).and_then(Time::from_ns);
        let mut message = Message::new(MessageType::of(Role::Client, direction));
        message.socket_family = Some(if key.client().is_ipv4() { 1 } else { 2 });
        message.socket_protocol = protocol(key.transport());
        message.query_address = Some(client.bytes());
        message.response_address = Some(server.bytes());
        message.query_port = Some(key.client_port());
        message.response_port = Some(key.server_port());
        message.query_time = query_time;
        match direction {
            Direction::Query => message.query_message = Some(bytes),
            Direction::Response => {
                // Some only say that there was a response.
                let is_dated = !row.lacks(Lacks::DELAY);
                message.response_time = row.response_ns().filter(|_| is_dated).and_then(Time::from_ns);
                message.response_message = Some(bytes);
            }
        }
        let frame = Dnstap { identity: self.identity.as_deref(), ..Dnstap::new(message) };
        frames::write_frame_with(out, |out| frame.write(out));
    }
}

/// The number of a transport among dnstap's socket protocols.
fn protocol(transport: Transport) -> Option<u32> {
    match transport {
        Transport::Udp => Some(1),
        Transport::Tcp => Some(2),
        Transport::Dot => Some(3),
        Transport::Doh => Some(4),
        Transport::DnscryptUdp => Some(5),
        Transport::DnscryptTcp => Some(6),
        Transport::Doq => Some(7),
        Transport::Dtls | Transport::Unknown => None,
    }
}

/// An address as it is written.
struct Octets([u8; 16], usize);

impl Octets {
    fn of(address: IpAddr) -> Octets {
        let mut octets = [0; 16];
        match address {
            IpAddr::V4(v4) => {
                octets[..4].copy_from_slice(&v4.octets());
                Octets(octets, 4)
            }
            IpAddr::V6(v6) => Octets(v6.octets(), 16),
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

impl<W: Write + Send> Sink for DnstapFile<W> {
    type Piece = Vec<u8>;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Vec<u8> {
        let mut frames = self.buffers.take();
        messages::each(&rows, |row, side, direction| self.message(row, side, direction, &mut frames));
        pool.recycle(rows);
        frames
    }

    fn size(&self, frames: &Vec<u8>) -> usize {
        frames.len()
    }

    fn accept(&self, _lane: usize, frames: &Vec<u8>) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(frames)
    }

    fn flush(&self, _lane: usize) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }

    fn recycle(&self, frames: Vec<u8>, _: &Pool) {
        self.buffers.give_back(frames);
    }
}

impl<W: Write + Send> TableSink<W> for DnstapFile<W> {
    fn finish(self, _: Vec<(String, String)>) -> io::Result<W> {
        let mut out = self.out.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut stop = Vec::new();
        frames::write_stop(&mut stop);
        out.write_all(&stop)?;
        Ok(out)
    }
}
