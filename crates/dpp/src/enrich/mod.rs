//! What is looked up from tables that the user brings: where an address is and whose it is ([`geo`]), which domain was
//! registered ([`suffix`]), which server and site a capture is of ([`places`]).
//!
//! The engine does no I/O, so each table is made from bytes that the caller has read. All work is done then, and all damage
//! found: look-ups are for every row, so they take `&self`, cannot fail, keep nothing, and do not allocate.

pub mod geo;
mod mmdb;
#[cfg(test)]
mod mmdb_writer;
pub mod places;
pub mod suffix;

pub use geo::{Geo, GeoDb, GeoError, Origin};
pub use places::{Place, Places, PlacesError, Template, TemplateError};
pub use suffix::{Split, SuffixError, SuffixList};
