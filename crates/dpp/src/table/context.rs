//! What columns look up that is in no packet: names of inputs, tables that the user brought, and what is written instead of what.
//!
//! **Every address of a client or server, every address in a subnet or in the data of a record, and every name goes through
//! here before it comes out.** Look-ups are made with the real ones, before.

use super::{Scratch, Value};
use crate::dns::edns::ClientSubnet;
use crate::dns::name::{self, WIRE_MAX};
use crate::dns::rdata::{HIDDEN, Veil};
use crate::enrich::{Geo, Place, Places, SuffixList};
use crate::privacy::{Field, Privacy, Pseudonym, PseudonymousSubnet, occasion};
use crate::transaction::{Lacks, Transaction};
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// What columns look up. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What is written instead of what.
    pub privacy: Privacy,
    /// Where addresses are, and whose.
    pub geo: Option<Arc<Geo>>,
    /// Which domains are public suffixes.
    pub suffixes: Arc<SuffixList>,
    /// Which server and site stands at an address.
    pub places: Option<Arc<Places>>,
    /// Which server and site the inputs are of, by their numbers: what is known of them by their names; likewise.
    pub input_places: Arc<[OnceLock<Place>]>,
    /// The names of the inputs, by their numbers; known once they are open.
    pub inputs: Arc<[OnceLock<String>]>,
}

impl Context {
    /// The client's address of a row as it may come out.
    #[inline(always)]
    pub fn client<'a>(&self, row: &Transaction<'a>, scratch: &'a mut Scratch) -> Value<'a> {
        match row.lacks(Lacks::CLIENT) {
            true => Value::Null,
            false => self.address(Field::Client, row, row.key().client(), scratch),
        }
    }

    /// The same before anything is hidden: what conditions are asked with, as people who write them know the real addresses.
    pub fn unhidden(&self) -> Context {
        Context { privacy: Privacy::default(), ..self.clone() }
    }

    /// The server's address of a row as it may come out.
    #[inline]
    pub fn server<'a>(&self, row: &Transaction<'a>, scratch: &'a mut Scratch) -> Value<'a> {
        match row.lacks(Lacks::SERVER) {
            true => Value::Null,
            false => self.address(Field::Server, row, row.key().server(), scratch),
        }
    }

    #[inline(always)]
    fn address<'a>(
        &self,
        field: Field,
        row: &Transaction,
        address: IpAddr,
        scratch: &'a mut Scratch,
    ) -> Value<'a> {
        match self.privacy.addresses {
            None => Value::Address(address),
            Some(_) => written(self.pseudonym(field, row, address, 0), scratch),
        }
    }

    /// What to write for an address of a field; `index` says which of the row's values of that field it is.
    pub fn pseudonym(&self, field: Field, row: &Transaction, address: IpAddr, index: u16) -> Pseudonym {
        // Which row it is takes time to tell, and matters to what gives no addresses.
        match self.privacy.map_of(field) {
            Some(map) if map.is_address() => map.of(address, 0),
            Some(map) => map.of(address, occasion(row.number(), field, index)),
            None => Pseudonym::Address(address),
        }
    }

    /// What to write for an address in the data of a record, before which its section has `index` others. So the first answer has
    /// the same pseudonym in all columns.
    pub fn rdata_address(&self, row: &Transaction, address: IpAddr, index: u16) -> Pseudonym {
        self.pseudonym(Field::Rdata, row, address, index)
    }

    /// What to write for a client subnet (RFC 7871) of the query (`index` 0) or of the response (1).
    pub fn subnet(&self, row: &Transaction, address: IpAddr, prefix: u8, index: u16) -> PseudonymousSubnet {
        let occasion = match self.privacy.map_of(Field::Ecs) {
            Some(map) if !map.is_address() => occasion(row.number(), Field::Ecs, index),
            _ => 0,
        };
        self.privacy.subnet(address, prefix, occasion)
    }

    /// What to write for a name (uncompressed wire form); `None` if there is to be none. `room` holds it if it is another one.
    #[inline(always)]
    pub fn name<'a>(&self, name: &'a [u8], room: &'a mut [u8; WIRE_MAX]) -> Option<&'a [u8]> {
        match self.privacy.is_active() {
            false => Some(name),
            true => self.privacy.name(name, |name| self.kept_labels(name), room),
        }
    }

    /// Whether messages hold something that is written otherwise: what is in records and options.
    #[inline]
    pub fn hides_in_messages(&self) -> bool {
        self.hides_content() || self.hides(Field::Ecs)
    }

    /// Whether names or addresses are hidden wherever a message has them. Then nothing comes out that may have some in it and
    /// that nobody can read.
    #[inline]
    pub fn hides_content(&self) -> bool {
        self.hides(Field::Rdata) || self.hides(Field::Ptr) || self.hides(Field::Names)
    }

    /// Whether a field is written otherwise.
    fn hides(&self, field: Field) -> bool {
        match field {
            Field::Names => self.privacy.names.is_some() && self.privacy.fields.contains(field),
            _ => self.privacy.map_of(field).is_some(),
        }
    }

    /// What sentences that servers write (extended errors, notes of dnstap) may come out with: they name names and addresses as
    /// they please. Only clients do not stand in them.
    #[inline]
    pub fn hides_sentences(&self) -> bool {
        self.hides_content() || self.hides(Field::Server)
    }

    /// Whether no names come out, and nothing that tells of them.
    #[inline]
    pub fn drops_names(&self) -> bool {
        self.privacy.drops_names()
    }

    /// How many labels the registered domain of a name has; of a name without one all count.
    fn kept_labels(&self, name: &[u8]) -> usize {
        let start = self.suffixes.registered_domain(name);
        start.map_or(usize::MAX, |start| labels(&name[start..]))
    }

    /// Which server and site a row is of: for each, what stands at the server's address, else what the input's name says.
    pub fn place(&self, row: &Transaction) -> [Option<&str>; 2] {
        let is_known = !row.lacks(Lacks::SERVER);
        let at_address =
            self.places.as_ref().filter(|_| is_known).and_then(|places| places.of(row.key().server()));
        let of_input = row.facts().and_then(|facts| self.input_places.get(facts.own.input as usize)?.get());
        let first = |name: fn(&Place) -> Option<&str>| at_address.and_then(name).or(of_input.and_then(name));
        [first(|place| place.server.as_deref()), first(|place| place.site.as_deref())]
    }
}

/// The records of a row as its context has them: what is hidden in one of them.
#[derive(Debug)]
pub struct RecordVeil<'c, 'a> {
    /// The context.
    pub context: &'c Context,
    /// The row.
    pub row: &'c Transaction<'a>,
    /// Whether the record is of the response.
    pub of_response: bool,
    /// How many records of its section are before it.
    pub index: u16,
}

impl Veil for RecordVeil<'_, '_> {
    fn is_dense(&self) -> bool {
        self.context.hides_content()
    }

    fn name(&self, name: &[u8], out: &mut Vec<u8>) {
        match self.context.name(name, &mut [0; WIRE_MAX]) {
            Some(name) => name::write_absolute(name, out),
            None => out.extend_from_slice(HIDDEN),
        }
    }

    fn address(&self, address: IpAddr, out: &mut Vec<u8>) {
        append(out, format_args!("{}", self.context.rdata_address(self.row, address, self.index)));
    }

    fn prefix(&self, address: IpAddr, bits: u8, out: &mut Vec<u8>) {
        let occasion = match self.context.privacy.map_of(Field::Rdata) {
            None => return append(out, format_args!("{address}/{bits}")),
            Some(map) if map.is_address() => 0,
            Some(_) => occasion(self.row.number(), Field::Rdata, self.index),
        };
        let subnet = self.context.privacy.subnet_of(Field::Rdata, address, bits, occasion);
        write_subnet(&subnet, out);
    }

    fn client_subnet(&self, subnet: &ClientSubnet, out: &mut Vec<u8>) {
        let ClientSubnet { address, source_prefix, scope_prefix, .. } = *subnet;
        let subnet = self.context.subnet(self.row, address, source_prefix, self.of_response.into());
        write_subnet(&subnet, out);
        append(out, format_args!("/{scope_prefix}"));
    }
}

/// Appends what is written instead of a subnet: address and length of the prefix; the address alone if that stands for all of it.
pub(super) fn write_subnet(subnet: &PseudonymousSubnet, out: &mut Vec<u8>) {
    match *subnet {
        PseudonymousSubnet { address, prefix: Some(prefix) } => {
            append(out, format_args!("{address}/{prefix}"))
        }
        PseudonymousSubnet { address, prefix: None } => append(out, format_args!("{address}")),
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes everything");
}

/// A pseudonym as a value: an address, or as text what is none.
#[inline]
pub(super) fn written(pseudonym: Pseudonym, scratch: &mut Scratch) -> Value<'_> {
    if let Pseudonym::Address(address) = pseudonym {
        return Value::Address(address);
    }
    scratch.clear();
    write!(scratch.bytes, "{pseudonym}").expect("memory takes everything");
    Value::Text(scratch.text())
}

/// How many labels a name in wire form has.
fn labels(name: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(&length) = name.get(at).filter(|length| **length > 0) {
        (at, count) = (at + 1 + usize::from(length), count + 1);
    }
    count
}
