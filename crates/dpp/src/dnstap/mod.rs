//! dnstap: what DNS servers themselves tell of their messages, and the Frame Streams that carry it.
//!
//! A codec in both directions, of bytes only: [`frames`] cuts a stream into frames, [`Dnstap`] is what one of them says,
//! [`names`] has the words for its numbers, [`Extra`] reads what Knot Resolver adds. Everything borrows from the bytes that
//! were read. The surprising fact: an absent field is the rule. Servers leave out what they do not know, often the server's
//! own address, and some the DNS message itself; only the two types are always there.

mod extra;
pub mod frames;
mod message;
pub mod names;
mod wire;

pub use extra::Extra;
pub use message::{Direction, Dnstap, Message, MessageType, Policy, Role, Time, time_of};
pub use wire::Damage;
