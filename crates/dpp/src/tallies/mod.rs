//! Tallies: what is counted of messages and transactions, as values that merge.
//!
//! Every tally is a multiset made smaller: what it says depends on what was added, never on the order or the grouping (law 6).
//! So chunks, files, days and machines add up to the same figures, byte for byte. Each can be told as [`entry`]s, which are
//! what a part file holds, and which anybody can reduce who can sort lines.

mod address;
mod counts;
mod distinct;
pub mod entry;
mod groups;
mod keyed;
#[cfg(test)]
mod laws;
mod murmur;
mod quantiles;
pub mod rssac;
mod sample;
pub mod servers;
mod several;
pub mod sources;
mod spread;
mod tally;
mod thinned;
mod times;
mod tops;

pub use address::{AddressKey, AddressRoom};
pub use counts::Counts;
pub use distinct::{Distinct, Number, Registers};
pub use groups::Groups;
pub use keyed::{AHEAD, Tag, is_same};
pub use murmur::{Hash, finished, fold};
pub use quantiles::Quantiles;
pub use sample::{Drawn, Sample};
pub use several::Several;
pub use spread::Spread;
pub use tally::{Tally, Teller, ns_of_number, number_of_ns, read_hex, read_number, split_key, write_hex};
pub use thinned::{Part, Room, Thinned};
pub use times::Times;
pub use tops::{Top, Tops};
