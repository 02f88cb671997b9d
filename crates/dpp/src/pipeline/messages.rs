//! The program's reading of a capture, message by message, to be compared with others' reading.
//!
//! Cut and decoded as in a run, with one shard and nothing matched.

use super::decode::decode;
use super::pool::Pool;
use super::{Machine, settings};
use crate::capture::{Cutter, InputError, Inputs};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::transaction::{Key, State};

/// A message of a capture, before matching: one for each question of a packet's message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Position of its packet in the capture, from 0.
    pub position: u64,
    /// The packet's timestamp, ns.
    pub time_ns: i64,
    /// The QR bit.
    pub is_response: bool,
    /// The response code: of a query as its header has it, of a response extended.
    pub rcode: u16,
    /// Tuple and question.
    pub key: Key<'a>,
}

/// Visits every message of a capture that would be matched, in capture order: the program's reading, to be compared with
/// others'. Returns the counts of packets.
///
/// # Errors
/// [`InputError`] if an input is no capture.
pub fn messages(
    inputs: impl Inputs,
    plan: &Plan,
    machine: &Machine,
    mut visit: impl FnMut(Message),
) -> Result<Totals, InputError> {
    let (pool, mut totals) = (Pool::default(), Totals::default());
    let mut cutter = Cutter::new(inputs, settings(plan, machine))?;
    while let Some(chunk) = cutter.next(pool.chunk())? {
        let decoded = decode(&chunk, plan, 1, machine.seed, &pool, &mut totals);
        let part = &decoded.parts[0];
        for event in part.events.iter().filter(|event| event.state != State::Sweep) {
            visit(Message {
                position: part.position(event),
                time_ns: event.time_ns,
                is_response: event.state != State::Open,
                rcode: event.rcode,
                key: part.key(event),
            });
        }
        pool.recycle_chunk(chunk);
    }
    Ok(totals)
}
