//! Pseudonyms: what is written instead of addresses and names, and the keys that decide it.
//!
//! [`Privacy`] is what the user asked for: a mapping of addresses, one of names, and the [fields](Fields) they are for. All
//! mappings are pure functions of what they are given, so columns and sinks call them while they write, after everything
//! has been matched, sampled and enriched by the real values; and a client has the same pseudonym as address, in a client
//! subnet, as the data of a record and as the name that points back to it.
//!
//! The surprising fact: *nd* and *ndx* are meant to give other bytes each time, but our output is a function of input and
//! plan. So callers say for each value what [`occasion`] it is, and the tweak is derived from that.

mod addresses;
mod cryptopan;
mod dpp;
mod fields;
mod hashed;
mod ipcrypt;
mod key;
mod names;
mod prefixes;
mod reverse;
mod spec;

pub use addresses::{AddressMap, MapError, Pseudonym, PseudonymousSubnet};
pub use dpp::Pseudonyms;
pub use fields::{FIELDS, Field, FieldEntry, Fields, UnknownField};
pub use key::{KeyError, KeyFile};
pub use names::{NAME_MAX, NameMap};
pub use reverse::address_of;
pub use spec::{ADDRESS_SCHEMES, AddressScheme, NAME_SCHEMES, NameScheme, SchemeEntry, SpecError};

use std::net::IpAddr;

/// What is written instead of what. The default changes nothing.
///
/// ```
/// use dpp::privacy::{AddressMap, Field, KeyFile, Privacy, Pseudonym, occasion};
///
/// let key = KeyFile::read(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
/// let map = AddressMap::new("cryptopan".parse().unwrap(), Some(&key)).unwrap();
/// let privacy = Privacy { addresses: Some(map), ..Privacy::default() };
/// let (address, row) = ("192.0.2.1".parse().unwrap(), 7);
/// let client = privacy.address(Field::Client, address, occasion(row, Field::Client, 0));
/// assert_eq!(client.to_string(), "2.90.93.17");
/// let server = privacy.address(Field::Server, address, occasion(row, Field::Server, 0));
/// assert_eq!(server, Pseudonym::Address(address));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    /// For addresses, if they are mapped.
    pub addresses: Option<AddressMap>,
    /// For names, if they are mapped.
    pub names: Option<NameMap>,
    /// Where.
    pub fields: Fields,
}

impl Privacy {
    /// Whether anything is mapped.
    pub fn is_active(&self) -> bool {
        self.addresses.is_some() || self.names.is_some()
    }

    /// Whether there are to be no names at all.
    pub fn drops_names(&self) -> bool {
        let names = self.names.as_ref().filter(|_| self.fields.contains(Field::Names));
        names.is_some_and(|names| names.scheme() == NameScheme::Drop)
    }

    /// The mapping for the addresses of a field, if they are mapped.
    pub fn map_of(&self, field: Field) -> Option<&AddressMap> {
        self.addresses.as_ref().filter(|_| self.fields.contains(field))
    }

    /// What to write for an address of a field.
    pub fn address(&self, field: Field, address: IpAddr, occasion: u64) -> Pseudonym {
        self.map_of(field).map_or(Pseudonym::Address(address), |map| map.of(address, occasion))
    }

    /// What to write for the client subnet of an EDNS option: address, and source prefix length in bits.
    pub fn subnet(&self, address: IpAddr, prefix: u8, occasion: u64) -> PseudonymousSubnet {
        self.subnet_of(Field::Ecs, address, prefix, occasion)
    }

    /// The same for a subnet of any field.
    pub fn subnet_of(&self, field: Field, address: IpAddr, prefix: u8, occasion: u64) -> PseudonymousSubnet {
        match self.map_of(field) {
            Some(map) => map.subnet(address, prefix, occasion),
            None => PseudonymousSubnet { address: Pseudonym::Address(address), prefix: Some(prefix) },
        }
    }

    /// What to write for a name (uncompressed wire form); `None` if there is to be none. `kept` says how many labels, counted
    /// from the right, the registered domain has; it is asked only if that matters.
    ///
    /// Names that are dropped are dropped. Otherwise a reverse name ([`AddressMap::reverse_name`]) is mapped as an address, if
    /// those are asked for ([`Field::Ptr`]), and all others are mapped as names.
    pub fn name<'s>(
        &self,
        name: &'s [u8],
        kept: impl FnOnce(&[u8]) -> usize,
        scratch: &'s mut [u8; NAME_MAX],
    ) -> Option<&'s [u8]> {
        let names = self.names.as_ref().filter(|_| self.fields.contains(Field::Names));
        if self.drops_names() {
            return None;
        }
        match (self.map_of(Field::Ptr), names) {
            (Some(addresses), _) if reverse::is_reverse(name) => addresses.reverse_name(name, scratch),
            (_, Some(names)) => names.of(name, kept, scratch),
            (_, None) => Some(name),
        }
    }
}

/// The number of one value of one row: the row's position in the capture, the field, and which of its values it is.
/// Distinct for the first 2^44 rows and the first 65,536 values of a field.
pub fn occasion(position: u64, field: Field, index: u16) -> u64 {
    position << 20 | (field as u64) << 16 | u64::from(index)
}

/// The two keys in a double one.
fn halves(key: [u8; 32]) -> ([u8; 16], [u8; 16]) {
    let mut halves = [[0; 16]; 2];
    halves.as_flattened_mut().copy_from_slice(&key);
    (halves[0], halves[1])
}

#[cfg(test)]
mod tests;
