//! DNS messages (RFC 1035 section 4): the header, the questions, the records behind them, and what is in those.
//!
//! [`Message`] borrows the bytes of a datagram and checks its 12-byte header once; [`name`] reads names;
//! [`Message::inspect`] says what is wrong with a message; [`Message::records`] walks over its resource records, [`rdata`]
//! writes what is in them as text or without compression, [`edns`] reads OPT; [`iana`] turns code points into the words
//! people use and back. Nothing here allocates but what it is given to write into, and nothing here knows packets.

pub mod edns;
pub mod iana;
mod inspect;
mod message;
pub mod name;
pub mod rdata;
mod records;
mod survey;
pub(crate) mod text;
#[cfg(test)]
mod twin;

pub use inspect::{PARSE_ERRORS, ParseError};
pub use message::{Malformed, Message, PartialQuestion, Question};
pub use records::{Record, Records, Section};
pub(crate) use survey::{Found, Survey};
