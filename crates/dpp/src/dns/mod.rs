//! DNS messages (RFC 1035 section 4): the header, the questions, and the few facts of the other sections that a
//! transaction needs.
//!
//! [`Message`] borrows the bytes of a datagram and checks its 12-byte header once; [`name`] reads names;
//! [`Message::inspect`] says what is wrong with a message; [`iana`] turns code points into the words people use. Nothing here allocates, and nothing here knows packets.

pub mod iana;
mod inspect;
mod message;
pub mod name;
#[cfg(test)]
mod twin;

pub use inspect::{PARSE_ERRORS, ParseError};
pub use message::{Edns, Malformed, Message, PartialQuestion, Question};
