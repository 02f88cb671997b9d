//! What is written instead of what RDATA holds, where a table hides it. The veil knows what is hidden; here stands how that looks.
//!
//! Names and addresses are replaced where the format of a type says that there are some. What may hold them in a form that
//! nobody maps is not shown: RDATA that is not read (unknown types, and RDATA that is not what its type says) is
//! [`\# hidden`](HIDDEN_RDATA); where a single field is meant, [`hidden`](HIDDEN) stands for it. That is so of URIs, CAA's
//! values, NAPTR's expressions, the hashed name of NSEC3, halves of addresses (NID, L64), the configuration of ECH (it has a
//! name in it), and parameters and EDNS options that nobody knows. The surprising fact is what stays: character-strings (TXT),
//! keys, signatures, certificates and digests, which hold what somebody wanted to publish; nobody can tell what that spells.

use super::super::edns::ClientSubnet;
use std::net::IpAddr;

/// Instead of a field.
pub const HIDDEN: &[u8] = b"hidden";

/// Instead of RDATA.
pub const HIDDEN_RDATA: &[u8] = br"\# hidden";

/// What is written instead of names and addresses. All of it is appended to `out`.
pub trait Veil {
    /// Whether names or addresses are hidden wherever RDATA has them, so that nothing unread may be shown.
    fn is_dense(&self) -> bool;
    /// A name (wire form), as absolute name; [`HIDDEN`] if there is to be none.
    fn name(&self, name: &[u8], out: &mut Vec<u8>);
    /// An address.
    fn address(&self, address: IpAddr, out: &mut Vec<u8>);
    /// The first bits of an address, and how many.
    fn prefix(&self, address: IpAddr, bits: u8, out: &mut Vec<u8>);
    /// A client subnet of EDNS: address, and the lengths of both prefixes.
    fn client_subnet(&self, subnet: &ClientSubnet, out: &mut Vec<u8>);
}
