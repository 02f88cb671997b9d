//! EDNS: what an OPT record says (RFC 6891), and its options.
//!
//! ```text
//!  OPT          +------+-----+----------+----------+---------+-------+----------+--------- ...
//!               | root | 41  | UDP size | ext.rcode| version | flags | RDLENGTH | options
//!               +------+-----+----------+----------+---------+-------+----------+--------- ...
//!                 1      2     2          1          1         2       2
//!  each option  +------+--------+------ ...
//!               | code | length | data
//!               +------+--------+------ ...
//!                 2      2
//! ```
//! The surprising fact is that OPT is a record only in form: its class is a size and its TTL three other fields. There should
//! be one, in the additional section; of several the first counts, as it does for [`Message::response_code`]. Options may
//! come several times, and extended errors do (RFC 8914). Each kind of option has a reader here, which gives `None` where the
//! data is not what the RFC says; [`write_option`] writes any option as text.

use super::message::TYPE_OPT;
use super::rdata::{HIDDEN, Veil};
use super::{Message, Record, Section, iana, name, text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The flag that asks for DNSSEC records (RFC 3225).
const FLAG_DO: u16 = 0x8000;

/// An identifier of the server (RFC 5001): whatever octets it likes; a query's has none.
pub const NSID: u16 = 3;
/// The DNSSEC algorithms a client understands (RFC 6975), an octet each.
pub const DAU: u16 = 5;
/// The DS hash algorithms, likewise.
pub const DHU: u16 = 6;
/// The NSEC3 hash algorithms, likewise.
pub const N3U: u16 = 7;
/// Client subnet: [`ClientSubnet`].
pub const ECS: u16 = 8;
/// When a zone expires: [`expire`].
pub const EXPIRE: u16 = 9;
/// A cookie: [`Cookie`].
pub const COOKIE: u16 = 10;
/// How long a TCP connection may be idle: [`keepalive_timeout`].
pub const KEEPALIVE: u16 = 11;
/// Padding (RFC 7830): only its length says something.
pub const PADDING: u16 = 12;
/// The closest trust point (RFC 7901): a name, which [`option_name`] reads.
pub const CHAIN: u16 = 13;
/// The key tags of trust anchors: [`key_tags`].
pub const KEYTAG: u16 = 14;
/// An extended error: [`ExtendedError`].
pub const EDE: u16 = 15;
/// The agent to which errors are reported (RFC 9567): a name, which [`option_name`] reads.
pub const REPORT_CHANNEL: u16 = 18;
/// The version of a zone: [`ZoneVersion`].
pub const ZONEVERSION: u16 = 19;

/// An OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt<'a> {
    /// The largest UDP payload the sender takes, bytes.
    pub udp_size: u16,
    /// The upper eight bits of the response code.
    pub extended_rcode: u8,
    /// The version of EDNS; there is only 0.
    pub version: u8,
    /// The flags; the highest is DO.
    pub flags: u16,
    /// The options as they lie in the message.
    pub options: &'a [u8],
}

impl<'a> Opt<'a> {
    /// Reads an OPT record; `None` if it is a record of another type.
    pub fn of(record: &Record<'a>) -> Option<Opt<'a>> {
        let Record { rtype, class, ttl, rdata, .. } = *record;
        (rtype == TYPE_OPT).then(|| Opt::of_parts(class, ttl.to_be_bytes(), rdata))
    }

    /// Reads the parts of an OPT record: what stands where others have class, TTL and RDATA.
    #[inline]
    pub(super) fn of_parts(udp_size: u16, ttl: [u8; 4], options: &'a [u8]) -> Opt<'a> {
        let [extended_rcode, version, flags @ ..] = ttl;
        Opt { udp_size, extended_rcode, version, flags: u16::from_be_bytes(flags), options }
    }

    /// Whether DNSSEC records are asked for.
    pub fn dnssec_ok(&self) -> bool {
        self.flags & FLAG_DO != 0
    }

    /// The options in their order, up to the first that is longer than what is left.
    ///
    /// ```
    /// use dpp::dns::edns::{self, Opt};
    /// let options = b"\0\x03\0\x02hi\0\x0C\0\0";
    /// let opt = Opt { udp_size: 1232, extended_rcode: 0, version: 0, flags: 0x8000, options };
    /// let options: Vec<_> = opt.options().collect();
    /// assert_eq!(options, [(edns::NSID, &b"hi"[..]), (edns::PADDING, b"")]);
    /// ```
    pub fn options(&self) -> Options<'a> {
        Options::of(self.options)
    }

    /// The data of the first option with this code.
    pub fn option(&self, code: u16) -> Option<&'a [u8]> {
        self.options().find(|option| option.0 == code).map(|option| option.1)
    }

    /// The extended errors, in their order. Those that are too short to have a code are left out.
    pub fn extended_errors(&self) -> impl Iterator<Item = ExtendedError<'a>> + use<'a> {
        self.options().filter(|option| option.0 == EDE).filter_map(|option| ExtendedError::parse(option.1))
    }
}

impl<'a> Message<'a> {
    /// The first OPT record of the additional section, of a query or a response. `at` is where the question section ends.
    ///
    /// ```
    /// use dpp::dns::Message;
    /// let bytes = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x01a\0\0\x01\0\x01\0\0\x29\x04\xD0\0\0\x80\0\0\0";
    /// let opt = Message::parse(bytes).unwrap().opt(19).unwrap();
    /// assert_eq!((opt.udp_size, opt.version, opt.dnssec_ok()), (1232, 0, true));
    /// ```
    pub fn opt(&self, at: usize) -> Option<Opt<'a>> {
        self.opt_record(at).and_then(|record| Opt::of(&record))
    }

    /// The same as a record, which says where it lies.
    pub fn opt_record(&self, at: usize) -> Option<Record<'a>> {
        if self.field(10) == 0 {
            return None;
        }
        self.records(at).find(|record| record.section == Section::Additional && record.rtype == TYPE_OPT)
    }
}

/// The options of an OPT record: an iterator of codes and data that stops at damage.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// Those in the RDATA of an OPT record.
    pub fn of(rdata: &'a [u8]) -> Options<'a> {
        Options { rest: rdata }
    }

    /// Whether nothing is left behind the options that were read.
    pub fn is_complete(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (header, rest) = self.rest.split_first_chunk::<4>()?;
        let length = u16::from_be_bytes([header[2], header[3]]);
        let (data, rest) = rest.split_at_checked(length.into())?;
        self.rest = rest;
        Some((u16::from_be_bytes([header[0], header[1]]), data))
    }
}

/// A client's subnet (RFC 7871 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSubnet {
    /// The address family: 1 is IPv4, 2 is IPv6; 0 says, with an empty prefix, that nothing is to be said of the client.
    pub family: u16,
    /// How many bits of the address are given.
    pub source_prefix: u8,
    /// For how many bits the answer is; 0 in a query.
    pub scope_prefix: u8,
    /// The address, filled with zeros; 0.0.0.0 for family 0.
    pub address: IpAddr,
}

impl ClientSubnet {
    /// Reads the option's data. `None` if the family is another one, a prefix is longer than an address, the address has more
    /// or fewer octets than the prefix needs, or bits behind the prefix are set, which the RFC lets servers refuse.
    pub fn parse(data: &[u8]) -> Option<ClientSubnet> {
        let (&[family_high, family_low, source_prefix, scope_prefix], given) = data.split_first_chunk()?;
        let family = u16::from_be_bytes([family_high, family_low]);
        let address = match family {
            0 if source_prefix == 0 && scope_prefix == 0 && given.is_empty() => Ipv4Addr::UNSPECIFIED.into(),
            1 => Ipv4Addr::from(filled::<4>(given, source_prefix, scope_prefix)?).into(),
            2 => Ipv6Addr::from(filled::<16>(given, source_prefix, scope_prefix)?).into(),
            _ => return None,
        };
        Some(ClientSubnet { family, source_prefix, scope_prefix, address })
    }
}

/// An address whose first bits are given.
fn filled<const N: usize>(given: &[u8], bits: u8, scope: u8) -> Option<[u8; N]> {
    let is_long = usize::from(bits.max(scope)) > N * 8;
    if is_long || given.len() != usize::from(bits).div_ceil(8) {
        return None;
    }
    let bits_in_last = bits % 8;
    if bits_in_last > 0 && given.last()? << bits_in_last != 0 {
        return None;
    }
    let mut address = [0; N];
    address[..given.len()].copy_from_slice(given);
    Some(address)
}

/// An extended error (RFC 8914 section 2). [`iana::EXTENDED_ERRORS`] has the names of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError<'a> {
    /// The INFO-CODE.
    pub code: u16,
    /// The EXTRA-TEXT, which should be UTF-8, without the zero octets that some senders close it with.
    pub text: &'a [u8],
}

impl<'a> ExtendedError<'a> {
    /// Reads the option's data.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (code, mut text) = data.split_first_chunk()?;
        while let [before @ .., 0] = text {
            text = before;
        }
        Some(ExtendedError { code: u16::from_be_bytes(*code), text })
    }
}

/// A cookie (RFC 7873 section 4, RFC 9018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The client's part.
    pub client: &'a [u8; 8],
    /// The server's part: 8 to 32 octets, or none if the client does not know it yet.
    pub server: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// Reads the option's data.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (client, server) = data.split_first_chunk()?;
        matches!(server.len(), 0 | 8..=32).then_some(Cookie { client, server })
    }
}

/// How long a TCP connection may be idle, in units of 100 ms (RFC 7828 section 3.1). A query does not say it.
pub fn keepalive_timeout(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

/// In how many seconds a zone expires (RFC 7314). A query does not say it.
pub fn expire(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

/// The key tags of the trust anchors a client has (RFC 8145 section 4.1): at least one.
pub fn key_tags(data: &[u8]) -> Option<impl Iterator<Item = u16>> {
    let (tags, rest) = data.as_chunks::<2>();
    (!tags.is_empty() && rest.is_empty()).then(|| tags.iter().map(|tag| u16::from_be_bytes(*tag)))
}

/// The name, in wire form, that is all of an option's data: a report channel's agent, a chain's trust point.
pub fn option_name(data: &[u8]) -> Option<&[u8]> {
    name::uncompressed(data, 0).filter(|name| name.len() == data.len())
}

/// The version of the zone an answer is from (RFC 9660 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneVersion<'a> {
    /// How many labels the zone's name has.
    pub labels: u8,
    /// What kind of version it is; 0 is a serial of SOA.
    pub kind: u8,
    /// The version.
    pub version: &'a [u8],
}

impl<'a> ZoneVersion<'a> {
    /// Reads the option's data. A query's has none.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (&[labels, kind], version) = data.split_first_chunk()?;
        Some(ZoneVersion { labels, kind, version })
    }

    /// The serial, if that is what it is.
    pub fn serial(&self) -> Option<u32> {
        if self.kind == 0 { expire(self.version) } else { None }
    }
}

/// Appends an option as text: its name, and behind an equals sign what it says. There is no standard for it; the form is that
/// of SVCB's parameters. An option without data is its name only. Options without a name, and those whose data is not what
/// their RFC says, are `OPT`, the code and hexadecimal digits.
///
/// ```
/// use dpp::dns::edns::{self, write_option};
/// let mut text = Vec::new();
/// write_option(edns::ECS, b"\0\x01\x18\0\xC0\0\x02", &mut text);
/// assert_eq!(text, b"ECS=192.0.2.0/24/0");
/// ```
pub fn write_option(code: u16, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if write_known(code, data, out).is_none() {
        out.truncate(start);
        out.extend_from_slice(b"OPT");
        text::decimal(code.into(), out);
        if !data.is_empty() {
            out.push(b'=');
            text::hex(data, out);
        }
    }
}

/// The same, but names and client subnets are written as the veil has them, and what cannot be read is hidden: clients and
/// forwarders have options of their own that hold addresses.
pub fn write_veiled_option(code: u16, data: &[u8], veil: &dyn Veil, out: &mut Vec<u8>) {
    let name = iana::OPTIONS.name(code);
    let start = out.len();
    let is_written = match (code, name) {
        _ if data.is_empty() => None,
        (ECS, Some(name)) => ClientSubnet::parse(data).map(|subnet| {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            veil.client_subnet(&subnet, out);
        }),
        (CHAIN | REPORT_CHANNEL, Some(name)) => option_name(data).map(|agent| {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            veil.name(agent, out);
        }),
        // Servers like to say there which name of which server they could not resolve.
        (EDE, _) if veil.is_dense() => write_known(code, data.get(..2).unwrap_or_default(), out),
        (NSID | DAU..=N3U | EXPIRE..=PADDING | KEYTAG..=EDE | ZONEVERSION, _) => write_known(code, data, out),
        _ => None,
    };
    if is_written.is_none() {
        out.truncate(start);
        match data {
            [] => write_option(code, data, out),
            _ => {
                out.extend_from_slice(b"OPT");
                text::decimal(code.into(), out);
                out.push(b'=');
                out.extend_from_slice(HIDDEN);
            }
        }
    }
}

/// Writes an option with a name; `None` if it has none, or its data is not sound.
fn write_known(code: u16, data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(iana::OPTIONS.name(code)?.as_bytes());
    let may_be_empty = !matches!(code, ECS | COOKIE | CHAIN | KEYTAG | EDE | REPORT_CHANNEL);
    if data.is_empty() && may_be_empty {
        return Some(());
    }
    out.push(b'=');
    match code {
        NSID if text::is_printable(data) => text::quoted(data, out),
        DAU | DHU | N3U => text::decimals(data.iter().map(|&number| number.into()), out),
        ECS => write_subnet(ClientSubnet::parse(data)?, out),
        EXPIRE => text::decimal(expire(data)?.into(), out),
        COOKIE => write_cookie(Cookie::parse(data)?, out),
        KEEPALIVE => text::decimal(keepalive_timeout(data)?.into(), out),
        PADDING => text::decimal(data.len() as u64, out),
        CHAIN | REPORT_CHANNEL => name::write_absolute(option_name(data)?, out),
        KEYTAG => text::decimals(key_tags(data)?.map(u64::from), out),
        EDE => write_error(ExtendedError::parse(data)?, out),
        ZONEVERSION => write_version(ZoneVersion::parse(data)?, out),
        _ => text::hex(data, out),
    }
    Some(())
}

fn write_subnet(subnet: ClientSubnet, out: &mut Vec<u8>) {
    match subnet.address {
        _ if subnet.family == 0 => out.push(b'0'),
        IpAddr::V4(address) => text::ipv4(address, out),
        IpAddr::V6(address) => text::ipv6(address, out),
    }
    for prefix in [subnet.source_prefix, subnet.scope_prefix] {
        out.push(b'/');
        text::decimal(prefix.into(), out);
    }
}

fn write_cookie(cookie: Cookie, out: &mut Vec<u8>) {
    text::hex(cookie.client, out);
    if !cookie.server.is_empty() {
        out.push(b',');
        text::hex(cookie.server, out);
    }
}

fn write_error(error: ExtendedError, out: &mut Vec<u8>) {
    text::decimal(error.code.into(), out);
    if !error.text.is_empty() {
        out.push(b',');
        text::quoted(error.text, out);
    }
}

fn write_version(version: ZoneVersion, out: &mut Vec<u8>) {
    text::decimals([version.labels, version.kind].into_iter().map(u64::from), out);
    out.push(b',');
    match version.serial() {
        Some(serial) => text::decimal(serial.into(), out),
        None => text::hex(version.version, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An option as text.
    fn check(code: u16, data: &[u8], expected: &str) {
        let mut out = b"before ".to_vec();
        write_option(code, data, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("before {expected}"));
    }

    fn subnet(data: &[u8], expected: Option<(u16, u8, u8, &str)>) {
        let expected = expected.map(|(family, source_prefix, scope_prefix, address)| ClientSubnet {
            family,
            source_prefix,
            scope_prefix,
            address: address.parse().unwrap(),
        });
        assert_eq!(ClientSubnet::parse(data), expected, "{data:?}");
    }

    #[test]
    fn a_subnet_is_an_address_filled_with_zeros() {
        subnet(b"\0\x01\x18\0\xC0\0\x02", Some((1, 24, 0, "192.0.2.0")));
        subnet(b"\0\x01\x20\x20\xC0\0\x02\x01", Some((1, 32, 32, "192.0.2.1")));
        subnet(b"\0\x01\x00\x18", Some((1, 0, 24, "0.0.0.0")));
        subnet(b"\0\x01\x13\0\xC0\0\xE0", Some((1, 19, 0, "192.0.224.0")));
        subnet(b"\0\x02\x38\x30\x20\x01\x0D\xB8\0\0\x01", Some((2, 56, 48, "2001:db8:0:100::")));
        subnet(b"\0\0\0\0", Some((0, 0, 0, "0.0.0.0")));
    }

    #[test]
    fn a_subnet_that_contradicts_itself_is_none() {
        for data in [
            &b""[..],
            b"\0\x01\x18",
            b"\0\x01\x18\0\xC0\0",
            b"\0\x01\x18\0\xC0\0\x02\0",
            b"\0\x01\x13\0\xC0\0\xE8",
            b"\0\x01\x21\0\xC0\0\x02\x01\x80",
            b"\0\x01\x18\x21\xC0\0\x02",
            b"\0\x02\x81\0\x20\x01\x0D\xB8\0\0\x01\0\0\0\0\0\0\0\0\0\0",
            b"\0\0\x01\0\0",
            b"\0\0\0\x01",
            b"\0\x03\0\0",
            b"\xFF\x01\x18\0\xC0\0\x02",
        ] {
            subnet(data, None);
        }
    }

    #[test]
    fn options_are_written() {
        check(NSID, b"", "NSID");
        check(NSID, b"ns1 \"x\"", r#"NSID="ns1 \"x\"""#);
        check(NSID, b"ns1\0", "NSID=6E733100");
        check(DAU, b"\x08\x0D\x0F", "DAU=8,13,15");
        check(DHU, b"\x02", "DHU=2");
        check(N3U, b"", "N3U");
        check(ECS, b"\0\x02\x38\0\x20\x01\x0D\xB8\0\0\x01", "ECS=2001:db8:0:100::/56/0");
        check(ECS, b"\0\0\0\0", "ECS=0/0/0");
        check(EXPIRE, b"", "EXPIRE");
        check(EXPIRE, b"\0\x09\x3A\x80", "EXPIRE=604800");
        check(COOKIE, b"abcdefgh", "COOKIE=6162636465666768");
        check(COOKIE, b"abcdefgh\x01\0\0\0\0\0\0\x02", "COOKIE=6162636465666768,0100000000000002");
        check(KEEPALIVE, b"", "KEEPALIVE");
        check(KEEPALIVE, b"\x01\x2C", "KEEPALIVE=300");
        check(PADDING, b"", "PADDING");
        check(PADDING, &[0; 400], "PADDING=400");
        check(CHAIN, b"\x03com\0", "CHAIN=com.");
        check(KEYTAG, b"\x4F\x66\x4A\x5C", "KEYTAG=20326,19036");
        check(EDE, b"\0\x06", "EDE=6");
        check(EDE, b"\0\x12no \xC3\xA9\0", r#"EDE=18,"no \195\169""#);
        check(REPORT_CHANNEL, b"\x05agent\x07example\0", "REPORT-CHANNEL=agent.example.");
        check(ZONEVERSION, b"", "ZONEVERSION");
        check(ZONEVERSION, b"\x02\0\x78\xA4\x52\x11", "ZONEVERSION=2,0,2024034833");
        check(ZONEVERSION, b"\x02\xF6ab", "ZONEVERSION=2,246,6162");
        check(1, b"\0\x01", "LLQ=0001");
        check(26946, b"ab", "DEVICEID=6162");
        check(65001, b"ab", "OPT65001=6162");
        check(65001, b"", "OPT65001");
    }

    #[test]
    fn options_that_are_not_sound_are_written_as_unknown_ones() {
        check(ECS, b"", "OPT8");
        check(ECS, b"\0\x01\x18\0\xC0\0", "OPT8=00011800C000");
        check(EXPIRE, b"\x01", "OPT9=01");
        check(COOKIE, b"", "OPT10");
        check(COOKIE, b"abcdefg", "OPT10=61626364656667");
        check(COOKIE, b"abcdefgh1234567", "OPT10=616263646566676831323334353637");
        check(KEEPALIVE, b"\0\0\0", "OPT11=000000");
        check(CHAIN, b"\x03com", "OPT13=03636F6D");
        check(KEYTAG, b"\x4F\x66\x4A", "OPT14=4F664A");
        check(EDE, b"\0", "OPT15=00");
        check(REPORT_CHANNEL, b"\0\0", "OPT18=0000");
        check(REPORT_CHANNEL, b"\xC0\x0C", "OPT18=C00C");
        check(ZONEVERSION, b"\x02", "OPT19=02");
    }

    #[test]
    fn cookies_have_two_parts() {
        let lengths = |length: usize| Cookie::parse(&[7; 50][..length]).map(|cookie| cookie.server.len());
        assert_eq!([8, 16, 24, 40].map(lengths), [Some(0), Some(8), Some(16), Some(32)]);
        assert_eq!([0, 7, 9, 15, 41].map(lengths), [None; 5]);
    }

    fn opt(options: &[u8]) -> Opt<'_> {
        Opt { udp_size: 0, extended_rcode: 0, version: 0, flags: 0, options }
    }

    #[test]
    fn options_stop_at_damage() {
        let whole = b"\0\x0F\0\x02\0\x06\0\x0F\0\x03\0\x09x\0\x0F\0\x01\0\0\x03\0\0";
        let codes: Vec<_> = opt(whole).extended_errors().map(|error| (error.code, error.text)).collect();
        assert_eq!(codes, [(6, &b""[..]), (9, b"x")]);
        assert_eq!((opt(whole).option(EDE), opt(whole).option(NSID)), (Some(&b"\0\x06"[..]), Some(&b""[..])));
        assert_eq!(opt(whole).option(PADDING), None);
        for (length, count, is_complete) in
            [(22, 4, true), (21, 3, false), (18, 3, true), (12, 1, false), (0, 0, true)]
        {
            let mut options = opt(&whole[..length]).options();
            assert_eq!((options.by_ref().count(), options.is_complete()), (count, is_complete), "{length}");
            assert_eq!(options.next(), None);
        }
    }

    #[test]
    fn the_first_opt_of_the_additional_section_counts() {
        const A: &[u8] = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\xC0\0\x02\x01";
        let opt = |size: u8| [&b"\0\0\x29"[..], &[0, size], b"\x01\x02\x40\x03\0\0"].concat();
        let size = |counts: [u8; 3], records: &[&[u8]]| {
            let header = [0, 1, 0x80, 0, 0, 1, 0, counts[0], 0, counts[1], 0, counts[2]];
            let bytes = [&header[..], b"\0\0\x01\0\x01", &records.concat()].concat();
            Message::parse(&bytes).unwrap().opt(17).map(|opt| {
                let fields = (opt.extended_rcode, opt.version, opt.flags, opt.dnssec_ok(), opt.options);
                assert_eq!(fields, (1, 2, 0x4003, false, &b""[..]));
                opt.udp_size
            })
        };
        assert_eq!(size([0, 0, 1], &[&opt(1)]), Some(1));
        assert_eq!(size([1, 0, 3], &[A, A, &opt(2), &opt(3)]), Some(2));
        assert_eq!(size([1, 1, 1], &[&opt(1), &opt(2), &opt(3)]), Some(3));
        assert_eq!(size([1, 1, 0], &[&opt(1), &opt(2)]), None);
        assert_eq!(size([0, 0, 2], &[A, &opt(3)[..10]]), None);
        assert_eq!(size([0, 0, 1], &[A]), None);
    }
}
