//! What is stored of records and options where a plan hides something that lies in messages.
//!
//! Nothing is stored that was not read: data of records is written anew, field by field, and options are those that somebody
//! knows. The surprising fact: data that may hold a name or an address in a form of its own is not there at all, for the format
//! has no word for *hidden*.

use dpp::dns::edns::{self, ClientSubnet, Cookie, Options};
use dpp::dns::name::WIRE_MAX;
use dpp::dns::{Record, rdata};
use dpp::table::Context;
use dpp::transaction::Transaction;
use std::net::IpAddr;

/// What is written instead of what a message holds.
pub(super) struct Veil<'c, 'a> {
    context: &'c Context,
    row: &'c Transaction<'a>,
    of_response: bool,
}

impl<'c, 'a> Veil<'c, 'a> {
    /// None if messages hold nothing that is hidden.
    pub(super) fn of(context: &'c Context, row: &'c Transaction<'a>, of_response: bool) -> Option<Self> {
        let is_needed = context.hides_in_messages() || context.hides_sentences();
        is_needed.then_some(Veil { context, row, of_response })
    }

    /// Appends the data of a record; `None` if it is not to be stored.
    pub(super) fn rdata(&self, message: &[u8], record: &Record, out: &mut Vec<u8>) -> Option<()> {
        if record.rtype == TYPE_OPT {
            self.options(record.rdata, out);
            return Some(());
        }
        if !self.context.hides_content() {
            rdata::expand_rdata(message, record, out);
            return Some(());
        }
        let name = |name: &[u8], out: &mut Vec<u8>| {
            let mut room = [0; WIRE_MAX];
            let name = self.context.name(name, &mut room)?;
            out.extend_from_slice(name);
            Some(())
        };
        let address = |address: IpAddr| self.context.rdata_address(self.row, address, 0).address();
        rdata::replace_rdata(message, record, &name, &address, out)
    }

    /// Appends those options of an OPT record that may be stored, as far as they can be read.
    pub(super) fn options(&self, rdata: &[u8], out: &mut Vec<u8>) {
        let is_open = !self.context.hides_in_messages();
        for (code, data) in Options::of(rdata) {
            match code {
                edns::EDE if self.context.hides_sentences() => {
                    push_option(code, data.get(..2).unwrap_or_default(), out)
                }
                edns::ECS if !is_open => self.subnet(data, out),
                edns::PADDING if !is_open => push_option(code, &vec![0; data.len()], out),
                _ if is_open || is_plain(code, data) => push_option(code, data, out),
                _ => {}
            }
        }
    }

    /// Appends a client subnet; one that no subnet stands for is left out.
    fn subnet(&self, data: &[u8], out: &mut Vec<u8>) {
        let Some(subnet) = ClientSubnet::parse(data) else { return };
        let ClientSubnet { family, address, source_prefix, scope_prefix } = subnet;
        let written = self.context.subnet(self.row, address, source_prefix, self.of_response.into());
        let (Some(prefix), Some(pseudonym)) = (written.prefix, written.address.address()) else { return };
        let octets = match (address, pseudonym) {
            (IpAddr::V4(_), IpAddr::V4(pseudonym)) => pseudonym.octets().to_vec(),
            (IpAddr::V6(_), IpAddr::V6(pseudonym)) => pseudonym.octets().to_vec(),
            _ => return,
        };
        let given = octets.get(..usize::from(prefix).div_ceil(8)).unwrap_or_default();
        push_option(edns::ECS, &[&family.to_be_bytes(), &[prefix, scope_prefix][..], given].concat(), out);
    }
}

const TYPE_OPT: u16 = 41;

/// Whether an option is what its code says, and that is neither name nor address.
fn is_plain(code: u16, data: &[u8]) -> bool {
    match code {
        edns::NSID | edns::DAU | edns::DHU | edns::N3U | edns::EDE => true,
        edns::EXPIRE => data.is_empty() || edns::expire(data).is_some(),
        edns::KEEPALIVE => data.is_empty() || edns::keepalive_timeout(data).is_some(),
        edns::COOKIE => Cookie::parse(data).is_some(),
        _ => false,
    }
}

fn push_option(code: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&code.to_be_bytes());
    // It is no longer than it was.
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}
