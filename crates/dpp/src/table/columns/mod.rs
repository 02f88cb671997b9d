//! The table itself. The functions stand in a file for each group of facts.

mod capture;
mod codes;
mod dnstap;
mod dpp;
mod edns;
mod lookup;
mod message;
mod network;
mod outcome;
mod question;
mod records;
mod times;

use super::presets;
use super::turn::{Batch, Fill};
use super::{Context, Kind, Scratch, Value};
use crate::transaction::{Needs, Transaction};
pub(super) use records::{message as message_of, section};
use std::io::Write;

/// What is said of a column.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The column.
    pub column: Column,
    /// Its name in headers and schemas.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// When it has a value.
    pub presence: Presence,
    /// What has to be kept of a transaction for it.
    pub needs: Needs,
    /// Whether it is in the schema `full`.
    pub in_full: bool,
    /// Whether only the schemas of other tools have it.
    pub is_foreign: bool,
    /// What it says, in a sentence.
    pub sentence: &'static str,
    /// Its value of a transaction.
    value: Compute,
    /// Its values of many, if they are numbers.
    pub(super) fill: Option<Fill>,
}

/// A column's value of a transaction; made in the scratch if it does not lie ready.
type Compute = for<'a> fn(&Transaction<'a>, &'a Context, &'a mut Scratch) -> Value<'a>;

/// What is done with a value. A method that is marked so is inlined wherever a column is asked; closures are not.
pub trait Take<'a> {
    /// What comes of it.
    type Done;

    /// Takes the value.
    fn take(self, value: Value<'a>) -> Self::Done;
}

/// When a column has a value, of inputs that are packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In all rows.
    Always,
    /// In all rows that have a query.
    OfQuery,
    /// In all rows whose question could be read.
    OfQuestion,
    /// In some rows.
    Seldom,
}

use Presence::{Always, OfQuery, OfQuestion, Seldom};

/// The loop of a column of this kind, if it is one of numbers.
macro_rules! fill_of {
    (Address, $compute:path) => {
        None
    };
    (Name, $compute:path) => {
        None
    };
    (Word, $compute:path) => {
        None
    };
    (Text, $compute:path) => {
        None
    };
    (Bytes, $compute:path) => {
        None
    };
    (Numbers, $compute:path) => {
        None
    };
    (Texts, $compute:path) => {
        None
    };
    (Records, $compute:path) => {
        None
    };
    ($kind:ident, $compute:path) => {{
        fn fill<'a>(
            batch: &mut Batch,
            rows: &[Transaction<'a>],
            context: &'a Context,
            scratch: &mut Scratch,
        ) {
            batch.fill(rows, Kind::$kind, (context, scratch), $compute);
        }
        Some(fill)
    }};
}

macro_rules! columns {
    (
        inline { $($hot:ident, $hot_name:literal, $hot_kind:ident, $hot_presence:ident, $hot_compute:path, $hot_sentence:literal;)* }
        $($schema:ident { $($variant:ident, $name:literal, $kind:ident, $presence:ident, $needs:ident, $compute:path, $sentence:literal;)* })*
    ) => {
        /// A column. [`COLUMNS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Column { $(#[doc = $hot_sentence] $hot,)* $($(#[doc = $sentence] $variant,)*)* }

        /// All columns and what is said of them. The first eight are those of DPP.
        pub const COLUMNS: &[Entry] = &[
            $(Entry {
                column: Column::$hot,
                name: $hot_name,
                kind: Kind::$hot_kind,
                presence: $hot_presence,
                needs: Needs::NOTHING,
                in_full: false,
                is_foreign: false,
                sentence: $hot_sentence,
                value: $hot_compute,
                fill: fill_of!($hot_kind, $hot_compute),
            },)*
            $($(Entry {
                column: Column::$variant,
                name: $name,
                kind: Kind::$kind,
                presence: $presence,
                needs: Needs::$needs,
                in_full: is_full(stringify!($schema)),
                is_foreign: is_preset(stringify!($schema)),
                sentence: $sentence,
                value: $compute,
                fill: fill_of!($kind, $compute),
            },)*)*
        ];

        impl Column {
            /// This column's value of a transaction.
            #[inline(always)]
            pub fn value<'a>(
                self,
                row: &Transaction<'a>,
                context: &'a Context,
                scratch: &'a mut Scratch,
            ) -> Value<'a> {
                match self {
                    $(Column::$hot => $hot_compute(row, context, scratch),)*
                    column => column.computed(row, context, scratch),
                }
            }

            /// Hands this column's value of a transaction to `taker`, which knows for each of the default schema's of which
            /// kind it is.
            #[inline(always)]
            pub fn with_value<'a, T: Take<'a>>(
                self,
                row: &Transaction<'a>,
                context: &'a Context,
                scratch: &'a mut Scratch,
                taker: T,
            ) -> T::Done {
                match self {
                    $(Column::$hot => taker.take($hot_compute(row, context, scratch)),)*
                    column => taker.take(column.computed(row, context, scratch)),
                }
            }

            /// Hands this column's values of all rows to `take`. The column is chosen once, before the loop; those of the
            /// default schema have a loop of their own each.
            #[inline(always)]
            pub fn for_each_value<'a>(
                self,
                rows: impl Iterator<Item = Transaction<'a>>,
                context: &Context,
                scratch: &mut Scratch,
                mut take: impl FnMut(Value<'_>),
            ) {
                match self {
                    $(Column::$hot => rows.for_each(|row| take($hot_compute(&row, context, scratch))),)*
                    column => {
                        let compute = column.entry().value;
                        rows.for_each(|row| {
                            scratch.clear();
                            take(compute(&row, context, scratch));
                        });
                    }
                }
            }
        }
    };
}

const fn is_preset(schema: &str) -> bool {
    schema.as_bytes()[0] == b'p'
}

const fn is_full(schema: &str) -> bool {
    schema.as_bytes()[0] == b'f'
}

columns! {
    inline {
        RequestTimestamp, "request_timestamp", TimestampMicros, OfQuery, dpp::request_timestamp,
            "When the query was captured (the earliest of it and its retries), rounded down to microseconds";
        ResponseTimestamp, "response_timestamp", TimestampMicros, Seldom, dpp::response_timestamp,
            "When the response that answered it was captured, rounded down to microseconds; absent if none came in time";
        SourceIp, "source_ip", Address, Always, dpp::source_ip, "The client: who sent the query";
        SourcePort, "source_port", I32, Always, dpp::source_port, "The client's port";
        Id, "id", I32, Always, dpp::id, "The DNS message ID";
        Name, "name", Name, OfQuestion, dpp::name,
            "The name asked for, in the case of the query, without the final dot (the root is a dot)";
        QueryType, "query_type", Word, OfQuestion, dpp::query_type, "The type asked for, by name; types without one are `Unknown`";
        ResponseCode, "response_code", Word, Seldom, dpp::response_code,
            "The response code in words, extended by EDNS or TSIG; absent if no response came in time";
    }
    full {
        QueryTime, "query_time", TimestampNanos, OfQuery, NOTHING, times::query_time,
            "When the query was captured: the earliest of it and its retries";
        ResponseTime, "response_time", TimestampNanos, Seldom, NOTHING, times::response_time, "When the response was captured";
        Rtt, "rtt_ns", I64, Seldom, NOTHING, times::rtt_ns, "Response time less query time, nanoseconds";
        SrcIp, "src_ip", Address, Always, NOTHING, network::src_ip, "The client's address";
        SrcPort, "src_port", U16, Always, NOTHING, network::src_port, "The client's port";
        DstIp, "dst_ip", Address, Seldom, SIDES, network::dst_ip, "The server's address. Where the server may be anybody (LLMNR, mDNS from another port) it is absent; of mDNS between two ports 5353 it is where a query went, mostly a group, or who told a response";
        DstPort, "dst_port", U16, Always, NOTHING, network::dst_port, "The server's port";
        IpVersion, "ip_version", U8, Always, NOTHING, network::ip_version, "4 or 6";
        Transport, "transport", Word, Always, NOTHING, network::transport, "What carried the query: udp, tcp; from dnstap and C-DNS also dot, doh, doq and others";
        Qname, "qname", Name, OfQuestion, NOTHING, question::qname, "The name asked for, in the case of the query, escaped, without the final dot (the root is a dot)";
        QnameLower, "qname_lower", Name, OfQuestion, NOTHING, question::qname_lower, "The same in lower case, as matching compares it";
        Qtype, "qtype", U16, OfQuestion, NOTHING, question::qtype, "The type asked for";
        QtypeName, "qtype_name", Word, OfQuestion, NOTHING, codes::qtype, "The type asked for, by IANA's mnemonic; one that has none is `TYPE` and its number";
        Qclass, "qclass", U16, OfQuestion, NOTHING, question::qclass, "The class asked for";
        QclassName, "qclass_name", Word, OfQuestion, NOTHING, codes::qclass, "The class asked for, by its mnemonic; one that has none is `CLASS` and its number";
        Labels, "labels", U8, OfQuestion, NOTHING, question::labels_of, "How many labels the name has; the root has none";
        QnameLength, "qname_length", U8, OfQuestion, NOTHING, question::qname_length, "Length of the name in wire form, octets";
        LabelLengthMax, "label_length_max", U8, OfQuestion, NOTHING, question::label_length_max, "Length of its longest label, octets";
        Entropy, "qname_entropy", F64, OfQuestion, NOTHING, question::entropy, "Shannon entropy of its octets without regard to case, length octets left out, bits per octet";
        RegisteredDomain, "registered_domain", Name, Seldom, NOTHING, lookup::registered_domain, "The domain that somebody registered: a label and the public suffix it is below; absent of names that are public suffixes";
        Tld, "tld", Name, Seldom, NOTHING, lookup::tld, "The last label of the name; the root has none";
        Opcode, "opcode", U8, Always, SIDES, message::opcode, "What is asked for: 0 is a query, 5 an update";
        OpcodeName, "opcode_name", Word, Always, SIDES, codes::opcode, "The same by its mnemonic; one that has none is `OPCODE` and its number";
        Rcode, "rcode", U16, Seldom, NOTHING, message::rcode, "The response code, extended by EDNS or TSIG";
        RcodeName, "rcode_name", Word, Seldom, NOTHING, codes::rcode, "The same by its mnemonic; 16 is `BADSIG` as the error of a TSIG record, else `BADVERS`; one that has none is `RCODE` and its number";
        Aa, "aa", Bool, Seldom, SIDES, message::aa, "The response is authoritative";
        Tc, "tc", Bool, Seldom, SIDES, message::tc, "The response is truncated";
        Rd, "rd", Bool, Seldom, SIDES, message::rd, "RD of the response, which copies the query's";
        Ra, "ra", Bool, Seldom, SIDES, message::ra, "The server offers recursion";
        Z, "z", Bool, Seldom, SIDES, message::z, "The reserved bit of the response";
        Ad, "ad", Bool, Seldom, SIDES, message::ad, "The server calls the answer authentic";
        Cd, "cd", Bool, Seldom, SIDES, message::cd, "CD of the response";
        QueryAa, "q_aa", Bool, OfQuery, SIDES, message::q_aa, "AA of the query";
        QueryTc, "q_tc", Bool, OfQuery, SIDES, message::q_tc, "TC of the query";
        QueryRd, "q_rd", Bool, OfQuery, SIDES, message::q_rd, "Recursion is desired";
        QueryRa, "q_ra", Bool, OfQuery, SIDES, message::q_ra, "RA of the query";
        QueryZ, "q_z", Bool, OfQuery, SIDES, message::q_z, "The reserved bit of the query";
        QueryAd, "q_ad", Bool, OfQuery, SIDES, message::q_ad, "The client wants to know whether the answer is authentic";
        QueryCd, "q_cd", Bool, OfQuery, SIDES, message::q_cd, "Checking is disabled";
        Qdcount, "qdcount", U16, Seldom, SIDES, message::qdcount, "QDCOUNT of the response";
        Ancount, "ancount", U16, Seldom, SIDES, message::ancount, "ANCOUNT of the response";
        Nscount, "nscount", U16, Seldom, SIDES, message::nscount, "NSCOUNT of the response";
        Arcount, "arcount", U16, Seldom, SIDES, message::arcount, "ARCOUNT of the response";
        QueryQdcount, "q_qdcount", U16, OfQuery, SIDES, message::q_qdcount, "QDCOUNT of the query";
        QueryAncount, "q_ancount", U16, OfQuery, SIDES, message::q_ancount, "ANCOUNT of the query";
        QueryNscount, "q_nscount", U16, OfQuery, SIDES, message::q_nscount, "NSCOUNT of the query";
        QueryArcount, "q_arcount", U16, OfQuery, SIDES, message::q_arcount, "ARCOUNT of the query";
        QuerySize, "query_size", U32, OfQuery, SIDES, message::query_size, "Length of the query's message as the headers state it, bytes";
        ResponseSize, "response_size", U32, Seldom, SIDES, message::response_size, "Length of the (first) response's message as the headers state it, bytes";
        ResponseMessages, "response_messages", U32, Seldom, SIDES, message::response_messages, "How many messages the answer took: more than one for a zone transfer";
        ResponseBytes, "response_bytes", U64, Seldom, SIDES, message::response_bytes, "Length of the answer in all its messages, bytes";
        IpTtl, "ip_ttl", U8, Seldom, SIDES, network::ip_ttl, "TTL or hop limit of the query's packet";
        ResponseIpTtl, "response_ip_ttl", U8, Seldom, SIDES, network::response_ip_ttl, "TTL or hop limit of the response's packet";
        QueryIpLength, "query_ip_length", U32, Seldom, SIDES, network::query_ip_length, "Length of the query's IP packet, if it came in one datagram, bytes";
        ResponseIpLength, "response_ip_length", U32, Seldom, SIDES, network::response_ip_length, "Length of the response's IP packet, if it came in one datagram, bytes";
        UdpChecksum, "udp_checksum", U16, Seldom, SIDES, network::udp_checksum, "The checksum in the query's UDP header; absent if anything is hidden, which it would tell of";
        EdnsVersion, "edns_version", U8, Seldom, SIDES, edns::version, "EDNS version of the query; absent if it has no OPT record";
        EdnsUdpSize, "edns_udp_size", U16, Seldom, SIDES, edns::udp_size, "The longest datagram that the client can take";
        EdnsDo, "edns_do", Bool, Seldom, SIDES, edns::dnssec_ok, "The client wants DNSSEC records";
        ResponseEdnsVersion, "response_edns_version", U8, Seldom, SIDES, edns::response_version, "EDNS version of the response";
        ResponseEdnsUdpSize, "response_edns_udp_size", U16, Seldom, SIDES, edns::response_udp_size, "The longest datagram that the server can take";
        ResponseEdnsDo, "response_edns_do", Bool, Seldom, SIDES, edns::response_dnssec_ok, "DO of the response";
        EdnsOptions, "edns_options", Numbers, Seldom, QUERY_OPTIONS, edns::codes_of_query, "The codes of the query's EDNS options, in their order; absent if it has no OPT record, none if that has no options";
        ResponseEdnsOptions, "response_edns_options", Numbers, Seldom, RESPONSE_OPTIONS, edns::codes_of_response, "The codes of the response's EDNS options, likewise";
        Ecs, "ecs", Text, Seldom, QUERY_OPTIONS, edns::ecs, "The client subnet that the query names: address and length of the prefix, `192.0.2.0/24`";
        EcsScope, "ecs_scope", U8, Seldom, RESPONSE_OPTIONS, edns::ecs_scope, "For how many bits of such an address the response holds";
        Ede, "ede", Numbers, Seldom, RESPONSE_OPTIONS, edns::ede, "The codes of the response's extended errors, in their order";
        EdeText, "ede_text", Text, Seldom, RESPONSE_OPTIONS, edns::ede_text, "The text of the first extended error that has one, escaped";
        Nsid, "nsid", Text, Seldom, RESPONSE_OPTIONS, edns::nsid, "The server's name for itself, escaped: backslashes are doubled, and what cannot be seen is a backslash and three decimal digits";
        CookieClient, "cookie_client", Bool, Seldom, QUERY_OPTIONS, edns::cookie_client, "The query has a cookie";
        CookieServer, "cookie_server", Bool, Seldom, QUERY_OPTIONS, edns::cookie_server, "The query has the server's part of a cookie, too";
        Padding, "padding", U16, Seldom, QUERY_OPTIONS, edns::padding, "Length of the query's padding, octets";
        ResponsePadding, "response_padding", U16, Seldom, RESPONSE_OPTIONS, edns::response_padding, "Length of the response's padding, octets";
        Keepalive, "keepalive", U16, Seldom, RESPONSE_OPTIONS, edns::keepalive, "How long the server lets a TCP connection be idle, in units of 100 ms";
        AnswerA, "answer_a", Address, Seldom, NOTED, records::a, "The first address of type A in the answer section";
        AnswerAaaa, "answer_aaaa", Address, Seldom, NOTED, records::aaaa, "The first address of type AAAA in the answer section";
        AnswerCname, "answer_cname", Name, Seldom, NOTED, records::cname, "What the first CNAME record of the answer section leads to";
        AnswerTtlMin, "answer_ttl_min", U32, Seldom, NOTED, records::ttl_min, "The least TTL in the answer section, seconds";
        TcpRtt, "tcp_rtt_ns", I64, Seldom, SIDES, network::tcp_rtt_ns, "How long the TCP handshake of the connection took, nanoseconds";
        QueryCount, "query_count", U32, OfQuery, SIDES, outcome::query_count, "How often the query was sent: 1 and its retries";
        Match, "match", Word, Always, NOTHING, outcome::matched, "What became of it: matched, no_response, no_query (a response that nobody asked for), unpaired (multicast: a query to all, or with `--unasked` a response to all)";
        ParseError, "parse_error", Word, Seldom, DAMAGE, outcome::parse_error, "What is wrong with the query or, if nothing is, with its response";
        TruncatedAt, "truncated_at", U32, Seldom, SIDES, outcome::truncated_at, "How many bytes of the query (or, if it is whole, of its response) were captured; absent if both are whole";
        Vlan, "vlan", Numbers, Seldom, SIDES, network::vlan, "VLAN ids around the query, from outside in; the first four";
        Tunnel, "tunnel", Word, Seldom, SIDES, network::tunnel, "The innermost tunnel around the query";
        TunnelId, "tunnel_id", U32, Seldom, SIDES, network::tunnel_id, "That tunnel's number: VNI, key, session";
        Country, "country", Text, Seldom, NOTHING, lookup::country, "Where the client is: two letters of ISO 3166-1 (`--geoip`)";
        Asn, "asn", U32, Seldom, NOTHING, lookup::asn, "The autonomous system that announces the client's address (`--geoip`)";
        AsOrg, "as_org", Text, Seldom, NOTHING, lookup::as_org, "The organisation of that system (`--geoip`)";
        DstCountry, "dst_country", Text, Seldom, SIDES, lookup::dst_country, "Where the server is: two letters of ISO 3166-1 (`--geoip`)";
        DstAsn, "dst_asn", U32, Seldom, SIDES, lookup::dst_asn, "The autonomous system that announces the server's address (`--geoip`)";
        DstAsOrg, "dst_as_org", Text, Seldom, SIDES, lookup::dst_as_org, "The organisation of that system (`--geoip`)";
        Server, "server", Text, Seldom, SIDES, lookup::server_name, "The server, as its operator calls it (`--servers`, else `--server-template`)";
        Site, "site", Text, Seldom, SIDES, lookup::site, "The site where it stands (`--servers`, else `--server-template`)";
        Input, "input", Text, Seldom, SIDES, capture::input, "The name of the input that the query came from, without its directory";
        FrameQuery, "frame_query", U64, Seldom, SIDES, capture::frame_query, "Which packet of its input the query was (completed by), from 1";
        FrameResponse, "frame_response", U64, Seldom, SIDES, capture::frame_response, "Which packet of its input the response was (completed by), from 1";
        DnstapRole, "dnstap_role", Word, Seldom, NOTHING, dnstap::role, "As what the server that logged it in dnstap took part: AUTH, RESOLVER, CLIENT, FORWARDER, STUB, TOOL, UPDATE; of a later one its number in that order";
        DnstapIdentity, "dnstap_identity", Text, Seldom, FRAME, dnstap::identity, "The name of the server that logged it in dnstap, escaped (as `nsid`)";
        DnstapVersion, "dnstap_version", Text, Seldom, FRAME, dnstap::version, "The software of that server, escaped";
        DnstapZone, "dnstap_zone", Name, Seldom, FRAME, dnstap::zone, "The zone that the query is about, or the answer is from, as that server has it";
        DnstapHttpProtocol, "dnstap_http_protocol", Word, Seldom, FRAME, dnstap::http_protocol, "The version of HTTP: HTTP1, HTTP2, HTTP3, or a number";
        DnstapPolicyType, "dnstap_policy_type", Text, Seldom, FRAME, dnstap::policy_type, "The kind of policy that the server applied: RPZ";
        DnstapPolicyRule, "dnstap_policy_rule", Text, Seldom, FRAME, dnstap::policy_rule, "The rule of that policy: a name, or escaped text";
        DnstapPolicyAction, "dnstap_policy_action", Word, Seldom, FRAME, dnstap::policy_action, "What it did: NXDOMAIN, NODATA, PASS, DROP, TRUNCATE, LOCAL_DATA, or a number";
        DnstapPolicyMatch, "dnstap_policy_match", Word, Seldom, FRAME, dnstap::policy_match, "What it looked at: QNAME, CLIENT_IP, RESPONSE_IP, NS_NAME, NS_IP, or a number";
        DnstapPolicyValue, "dnstap_policy_value", Text, Seldom, FRAME, dnstap::policy_value, "What it found there: a name, an address, or escaped text";
        DnstapExtra, "dnstap_extra", Text, Seldom, FRAME, dnstap::extra, "What else the server that logged it says, escaped";
        Answers, "answers", Records, Seldom, RESPONSE, records::answers, "The answer section of the response, as far as it can be read; of a zone transfer, of its first message";
        Authority, "authority", Records, Seldom, RESPONSE, records::authority, "Its authority section, likewise";
        Additional, "additional", Records, Seldom, RESPONSE, records::additional, "Its additional section, likewise, but without the OPT record";
    }
    more {
        EdnsKeyTags, "edns_key_tags", Numbers, Seldom, QUERY_OPTIONS, edns::key_tags, "The key tags of the trust anchors that the client has";
        EdnsDau, "edns_dau", Numbers, Seldom, QUERY_OPTIONS, edns::dau, "The DNSSEC algorithms that the client understands";
        EdnsDhu, "edns_dhu", Numbers, Seldom, QUERY_OPTIONS, edns::dhu, "The hash algorithms of DS records that the client understands";
        EdnsN3u, "edns_n3u", Numbers, Seldom, QUERY_OPTIONS, edns::n3u, "The hash algorithms of NSEC3 records that the client understands";
        AnswerCnames, "answer_cnames", Texts, Seldom, RESPONSE, records::cnames, "What the CNAME records of the answer section lead to, in their order";
        QueryAnswers, "query_answers", Records, Seldom, QUERY, records::q_answers, "The answer section of the query: the prerequisites of an update, the SOA record of a notification";
        QueryAuthority, "query_authority", Records, Seldom, QUERY, records::q_authority, "The authority section of the query: the changes of an update, the SOA record of an incremental transfer";
        QueryAdditional, "query_additional", Records, Seldom, QUERY, records::q_additional, "The additional section of the query, without the OPT record";
        DnstapType, "dnstap_type", Word, Seldom, FRAME, dnstap::kind, "The type of the query's dnstap frame (of the response's, if the query had none): CLIENT_QUERY and so on, or a number";
        DnstapSocketProtocol, "dnstap_socket_protocol", Word, Seldom, FRAME, dnstap::socket_protocol, "The transport as dnstap has it: UDP, TCP, DOT, DOH, DNSCryptUDP, DNSCryptTCP, DOQ, or a number";
        QueryWire, "query_wire", Bytes, Seldom, QUERY, capture::query_wire, "The bytes of the query's message, as far as they were captured";
        ResponseWire, "response_wire", Bytes, Seldom, RESPONSE, capture::response_wire, "The bytes of the (first) response's message, as far as they were captured";
    }
    preset {
        None, "none", Text, Seldom, NOTHING, presets::none, "Nothing; a schema says what stands there instead";
        ZeekTs, "zeek.ts", F64, Seldom, NOTHING, presets::zeek::ts, "When the first message of the row was captured, seconds since 1970";
        ZeekUid, "zeek.uid", Text, Seldom, NOTHING, presets::zeek::uid, "The same for all rows of a flow: a hash of addresses, ports and transport";
        ZeekProto, "zeek.proto", Word, Seldom, NOTHING, presets::zeek::proto, "udp or tcp, whatever runs over it";
        ZeekRtt, "zeek.rtt", F64, Seldom, RESPONSE, presets::zeek::rtt, "Response time less query time, seconds, if the answer section has a record that Zeek reports";
        ZeekQuery, "zeek.query", Text, Seldom, MESSAGES, presets::zeek::query, "The name asked for in lower case; of a response that nobody asked for, the owner of its first record";
        ZeekQclass, "zeek.qclass", U16, Seldom, SIDES, presets::zeek::qclass, "The class asked for, of queries";
        ZeekQclassName, "zeek.qclass_name", Word, Seldom, SIDES, presets::zeek::qclass_name, "Zeek's word for it";
        ZeekQtype, "zeek.qtype", U16, Seldom, SIDES, presets::zeek::qtype, "The type asked for, of queries";
        ZeekQtypeName, "zeek.qtype_name", Word, Seldom, SIDES, presets::zeek::qtype_name, "Zeek's word for it";
        ZeekRcode, "zeek.rcode", U16, Seldom, SIDES, presets::zeek::rcode, "The four bits of the response code in the header";
        ZeekRcodeName, "zeek.rcode_name", Word, Seldom, SIDES, presets::zeek::rcode_name, "Zeek's word for it";
        ZeekAa, "zeek.AA", Bool, Seldom, RESPONSE, presets::zeek::aa, "The response is authoritative, and its answer section has a record that Zeek reports";
        ZeekRa, "zeek.RA", Bool, Seldom, RESPONSE, presets::zeek::ra, "The server offers recursion, and the answer section has a record that Zeek reports";
        ZeekZ, "zeek.Z", U8, Seldom, SIDES, presets::zeek::z, "Three bits of the query's header: Z, AD and CD";
        ZeekAnswers, "zeek.answers", Texts, Seldom, MESSAGES, presets::zeek::answers, "The records of the answer section in Zeek's words";
        ZeekTtls, "zeek.TTLs", Texts, Seldom, MESSAGES, presets::zeek::ttls, "Their TTLs, seconds";
        ZeekRejected, "zeek.rejected", Bool, Seldom, SIDES, presets::zeek::rejected, "The response has no records, or is an error without a question";
        ZeekOpcodeName, "zeek.opcode_name", Word, Seldom, SIDES, presets::zeek::opcode_name, "Zeek's word for the opcode";
        ProbeUnixtime, "dns-probe.unixtime", I64, Seldom, NOTHING, presets::dns_probe::unixtime, "When the query was captured, seconds since 1970";
        ProbeTime, "dns-probe.time", I64, Seldom, NOTHING, presets::dns_probe::time, "The same in microseconds";
        ProbeQname, "dns-probe.qname", Text, Seldom, NOTHING, presets::dns_probe::qname, "The name asked for, not escaped; the root is empty";
        ProbeDomainname, "dns-probe.domainname", Text, Seldom, NOTHING, presets::dns_probe::domainname, "Its last two labels, in lower case";
        ProbeProt, "dns-probe.prot", U8, Seldom, NOTHING, presets::dns_probe::prot, "17 for UDP and what runs over it, 6 for TCP";
        ProbeRcode, "dns-probe.rcode", U16, Seldom, SIDES, presets::dns_probe::rcode, "The four bits of the response code in the header";
        ProbeAsn, "dns-probe.asn", Text, Seldom, NOTHING, presets::dns_probe::asn, "`AS` and the number of the client's autonomous system (`--geoip`)";
        ProbeDau, "dns-probe.edns_dnssec_dau", Text, Seldom, QUERY_OPTIONS, presets::dns_probe::dau, "The DNSSEC algorithms that the client understands, with commas between";
        ProbeDhu, "dns-probe.edns_dnssec_dhu", Text, Seldom, QUERY_OPTIONS, presets::dns_probe::dhu, "The hash algorithms of DS records that it understands, likewise";
        ProbeN3u, "dns-probe.edns_dnssec_n3u", Text, Seldom, QUERY_OPTIONS, presets::dns_probe::n3u, "The hash algorithms of NSEC3 records that it understands, likewise";
        ProbeEdnsOther, "dns-probe.edns_other", Text, Seldom, QUERY_OPTIONS, presets::dns_probe::edns_other, "The codes of the query's EDNS options that have data, likewise";
        ProbeTimeMicro, "dns-probe.time_micro", I64, Seldom, NOTHING, presets::dns_probe::time_micro, "The microseconds of the second";
        ProbeTcpRtt, "dns-probe.tcp_hs_rtt", F64, Seldom, SIDES, presets::dns_probe::tcp_rtt, "How long the TCP handshake took, milliseconds";
        EntradaQname, "entrada2.dns_qname", Text, Seldom, NOTHING, presets::entrada2::qname, "The labels before the registered domain, in lower case";
        EntradaDomainname, "entrada2.dns_domainname", Text, Seldom, NOTHING, presets::entrada2::domainname, "The registered domain, in lower case";
        EntradaEcsAsn, "entrada2.edns_ecs_ip_asn", Text, Seldom, QUERY_OPTIONS, presets::entrada2::ecs_asn, "`AS` and the number of the autonomous system of the query's client subnet (`--geoip`)";
        EntradaEcsAsOrg, "entrada2.edns_ecs_ip_asn_org", Text, Seldom, QUERY_OPTIONS, presets::entrada2::ecs_as_org, "The organisation of that system (`--geoip`)";
        EntradaEcsCountry, "entrada2.edns_ecs_ip_geo_country", Text, Seldom, QUERY_OPTIONS, presets::entrada2::ecs_country, "Where the query's client subnet is (`--geoip`)";
        EntradaProcTime, "entrada2.dns_proc_time", I32, Seldom, NOTHING, presets::entrada2::proc_time, "Response time less query time, milliseconds";
        EntradaTcpRtt, "entrada2.tcp_rtt", I32, Seldom, SIDES, presets::entrada2::tcp_rtt, "How long the TCP handshake took, milliseconds";
        EntradaTld, "entrada2.dns_tld", Text, Seldom, NOTHING, presets::entrada2::tld, "The last label of the name, in lower case";
        EntradaQnameFull, "entrada2.dns_qname_full", Text, Seldom, NOTHING, presets::entrada2::qname_full, "The name asked for, not escaped, in the case of the query; the root is empty";
        CollectorQdcount, "dns-collector.dns.qdcount", U16, Seldom, SIDES, presets::dns_collector::qdcount, "QDCOUNT of the message";
        CollectorAncount, "dns-collector.dns.ancount", U16, Seldom, SIDES, presets::dns_collector::ancount, "ANCOUNT of the message";
        CollectorNscount, "dns-collector.dns.nscount", U16, Seldom, SIDES, presets::dns_collector::nscount, "NSCOUNT of the message";
        CollectorArcount, "dns-collector.dns.arcount", U16, Seldom, SIDES, presets::dns_collector::arcount, "ARCOUNT of the message";
        CollectorQr, "dns-collector.dns.flags.qr", Bool, Seldom, SIDES, presets::dns_collector::qr, "QR of the message";
        CollectorAa, "dns-collector.dns.flags.aa", Bool, Seldom, SIDES, presets::dns_collector::aa, "AA of the message";
        CollectorTc, "dns-collector.dns.flags.tc", Bool, Seldom, SIDES, presets::dns_collector::tc, "TC of the message";
        CollectorRd, "dns-collector.dns.flags.rd", Bool, Seldom, SIDES, presets::dns_collector::rd, "RD of the message";
        CollectorRa, "dns-collector.dns.flags.ra", Bool, Seldom, SIDES, presets::dns_collector::ra, "RA of the message";
        CollectorAd, "dns-collector.dns.flags.ad", Bool, Seldom, SIDES, presets::dns_collector::ad, "AD of the message";
        CollectorCd, "dns-collector.dns.flags.cd", Bool, Seldom, SIDES, presets::dns_collector::cd, "CD of the message";
        CollectorLength, "dns-collector.dns.length", U32, Seldom, SIDES, presets::dns_collector::length_of, "Length of the message, bytes";
        CollectorMalformed, "dns-collector.dns.malformed-packet", Bool, Seldom, DAMAGE, presets::dns_collector::malformed, "Something is wrong with the message";
        CollectorOpcode, "dns-collector.dns.opcode", U16, Seldom, SIDES, presets::dns_collector::opcode, "The opcode of the message";
        CollectorQname, "dns-collector.dns.qname", Text, Seldom, RESPONSE, presets::dns_collector::qname, "The name in the message's question, not escaped; the root is empty";
        CollectorQtype, "dns-collector.dns.qtype", Word, Seldom, RESPONSE, presets::dns_collector::qtype, "The type in the message's question, by name";
        CollectorQclass, "dns-collector.dns.qclass", Word, Seldom, RESPONSE, presets::dns_collector::qclass, "The class in the message's question, by name";
        CollectorRcode, "dns-collector.dns.rcode", Word, Seldom, SIDES, presets::dns_collector::rcode, "The response code by name, of responses";
        CollectorAnClasses, "dns-collector.dns.resource-records.an.classes", Text, Seldom, MESSAGES, presets::dns_collector::an_classes, "Classes of the answer section, with `|` between";
        CollectorAnNames, "dns-collector.dns.resource-records.an.names", Text, Seldom, MESSAGES, presets::dns_collector::an_names, "Owners of the answer section, with `|` between";
        CollectorAnRdatas, "dns-collector.dns.resource-records.an.rdatas", Text, Seldom, MESSAGES, presets::dns_collector::an_rdatas, "Data of the answer section, with `|` between";
        CollectorAnTypes, "dns-collector.dns.resource-records.an.rdatatypes", Text, Seldom, MESSAGES, presets::dns_collector::an_types, "Types of the answer section, with `|` between";
        CollectorAnTtls, "dns-collector.dns.resource-records.an.ttls", Text, Seldom, MESSAGES, presets::dns_collector::an_ttls, "TTLs of the answer section, with `|` between";
        CollectorNsClasses, "dns-collector.dns.resource-records.ns.classes", Text, Seldom, MESSAGES, presets::dns_collector::ns_classes, "Classes of the authority section, with `|` between";
        CollectorNsNames, "dns-collector.dns.resource-records.ns.names", Text, Seldom, MESSAGES, presets::dns_collector::ns_names, "Owners of the authority section, with `|` between";
        CollectorNsRdatas, "dns-collector.dns.resource-records.ns.rdatas", Text, Seldom, MESSAGES, presets::dns_collector::ns_rdatas, "Data of the authority section, with `|` between";
        CollectorNsTypes, "dns-collector.dns.resource-records.ns.rdatatypes", Text, Seldom, MESSAGES, presets::dns_collector::ns_types, "Types of the authority section, with `|` between";
        CollectorNsTtls, "dns-collector.dns.resource-records.ns.ttls", Text, Seldom, MESSAGES, presets::dns_collector::ns_ttls, "TTLs of the authority section, with `|` between";
        CollectorArClasses, "dns-collector.dns.resource-records.ar.classes", Text, Seldom, MESSAGES, presets::dns_collector::ar_classes, "Classes of the additional section, with `|` between";
        CollectorArNames, "dns-collector.dns.resource-records.ar.names", Text, Seldom, MESSAGES, presets::dns_collector::ar_names, "Owners of the additional section, with `|` between";
        CollectorArRdatas, "dns-collector.dns.resource-records.ar.rdatas", Text, Seldom, MESSAGES, presets::dns_collector::ar_rdatas, "Data of the additional section, with `|` between";
        CollectorArTypes, "dns-collector.dns.resource-records.ar.rdatatypes", Text, Seldom, MESSAGES, presets::dns_collector::ar_types, "Types of the additional section, with `|` between";
        CollectorArTtls, "dns-collector.dns.resource-records.ar.ttls", Text, Seldom, MESSAGES, presets::dns_collector::ar_ttls, "TTLs of the additional section, with `|` between";
        CollectorIdentity, "dns-collector.dnstap.identity", Text, Seldom, FRAME, presets::dns_collector::identity, "The name of the server that logged it, or of the one that was asked (`--servers`)";
        CollectorLatency, "dns-collector.dnstap.latency", Text, Seldom, NOTHING, presets::dns_collector::latency, "Of responses: response time less query time, seconds";
        CollectorLatencyMs, "dns-collector.dnstap.latency_ms", I64, Seldom, NOTHING, presets::dns_collector::latency_ms, "The same in milliseconds";
        CollectorOperation, "dns-collector.dnstap.operation", Text, Seldom, SIDES, presets::dns_collector::operation, "CLIENT_QUERY, CLIENT_RESPONSE and so on";
        CollectorTimestamp, "dns-collector.dnstap.timestamp-rfc3339ns", Text, Seldom, NOTHING, presets::dns_collector::timestamp, "When the message was captured, with as many digits of the second as it takes";
        CollectorDo, "dns-collector.edns.dnssec-ok", U16, Seldom, SIDES, presets::dns_collector::dnssec_ok, "DO of the message as a number";
        CollectorOptionCodes, "dns-collector.edns.options.codes", Text, Seldom, MESSAGES, presets::dns_collector::option_codes, "The codes of the message's EDNS options, with `|` between";
        CollectorOptionNames, "dns-collector.edns.options.names", Text, Seldom, MESSAGES, presets::dns_collector::option_names, "Their names, likewise";
        CollectorOptionDatas, "dns-collector.edns.options.datas", Text, Seldom, MESSAGES, presets::dns_collector::option_datas, "Data of client subnets and extended errors, likewise; of others a hyphen";
        CollectorOptionsCount, "dns-collector.edns.optionscount", U32, Seldom, MESSAGES, presets::dns_collector::options_count, "How many options there are";
        CollectorEdnsRcode, "dns-collector.edns.rcode", U16, Seldom, SIDES, presets::dns_collector::edns_rcode, "The bits of the response code that are in the OPT record";
        CollectorUdpSize, "dns-collector.edns.udp-size", U16, Seldom, SIDES, presets::dns_collector::udp_size, "The longest datagram that the message's sender can take";
        CollectorEdnsVersion, "dns-collector.edns.version", U16, Seldom, SIDES, presets::dns_collector::edns_version, "EDNS version of the message";
        CollectorFamily, "dns-collector.network.family", Word, Seldom, NOTHING, presets::dns_collector::family, "IPv4 or IPv6; of dnstap INET or INET6";
        CollectorProtocol, "dns-collector.network.protocol", Word, Seldom, NOTHING, presets::dns_collector::protocol, "What carried the message: UDP, TCP, DOT, DOH, DOQ, DNSCryptUDP, DNSCryptTCP";
        CollectorQueryPort, "dns-collector.network.query-port", Text, Seldom, NOTHING, presets::dns_collector::query_port, "The client's port as text";
        CollectorResponsePort, "dns-collector.network.response-port", Text, Seldom, NOTHING, presets::dns_collector::response_port, "The server's port as text";
        PacketqId, "packetq.id", U64, Seldom, SIDES, presets::packetq::id, "Which packet of its input the message was (completed by), from 1";
        PacketqSeconds, "packetq.s", I64, Seldom, NOTHING, presets::packetq::seconds, "When the message was captured, seconds since 1970";
        PacketqMicros, "packetq.us", I32, Seldom, NOTHING, presets::packetq::micros, "The microseconds of that second";
        PacketqEtherType, "packetq.ether_type", U16, Seldom, NOTHING, presets::packetq::ether_type, "2048 for IPv4, 34525 for IPv6";
        PacketqSrcPort, "packetq.src_port", U16, Seldom, NOTHING, presets::packetq::src_port, "The port of the message's sender";
        PacketqDstPort, "packetq.dst_port", U16, Seldom, NOTHING, presets::packetq::dst_port, "The port of its receiver";
        PacketqSrcAddr, "packetq.src_addr", Address, Seldom, SIDES, presets::packetq::src_addr, "The message's sender";
        PacketqDstAddr, "packetq.dst_addr", Address, Seldom, SIDES, presets::packetq::dst_addr, "Its receiver";
        PacketqProtocol, "packetq.protocol", U8, Seldom, NOTHING, presets::packetq::protocol, "17 for UDP and what runs over it, 6 for TCP";
        PacketqIpTtl, "packetq.ip_ttl", U8, Seldom, SIDES, presets::packetq::ip_ttl, "TTL or hop limit of the message's packet";
        PacketqQname, "packetq.qname", Text, Seldom, RESPONSE, presets::packetq::qname, "The name in the message's question with its final dot; what is not printable ASCII is `$`";
        PacketqAname, "packetq.aname", Text, Seldom, MESSAGES, presets::packetq::aname, "The owner of the first record of the answer section, likewise";
        PacketqMsgSize, "packetq.msg_size", U32, Seldom, SIDES, presets::packetq::msg_size, "Length of the message, bytes";
        PacketqOpcode, "packetq.opcode", U16, Seldom, SIDES, presets::packetq::opcode, "The opcode of the message";
        PacketqRcode, "packetq.rcode", U16, Seldom, SIDES, presets::packetq::rcode, "The four bits of the response code in the message's header";
        PacketqExtendedRcode, "packetq.extended_rcode", U16, Seldom, SIDES, presets::packetq::extended_rcode, "The response code as the message's OPT record extends it";
        PacketqEdnsVersion, "packetq.edns_version", U16, Seldom, SIDES, presets::packetq::edns_version, "EDNS version of the message";
        PacketqZ, "packetq.z", U16, Seldom, SIDES, presets::packetq::z, "The flags of the message's OPT record behind DO";
        PacketqUdpSize, "packetq.udp_size", U16, Seldom, SIDES, presets::packetq::udp_size, "The longest datagram that its sender can take";
        PacketqQdCount, "packetq.qd_count", U16, Seldom, SIDES, presets::packetq::qd_count, "QDCOUNT of the message";
        PacketqAnCount, "packetq.an_count", U16, Seldom, SIDES, presets::packetq::an_count, "ANCOUNT of the message";
        PacketqNsCount, "packetq.ns_count", U16, Seldom, SIDES, presets::packetq::ns_count, "NSCOUNT of the message";
        PacketqArCount, "packetq.ar_count", U16, Seldom, SIDES, presets::packetq::ar_count, "ARCOUNT of the message";
        PacketqQtype, "packetq.qtype", U16, Seldom, RESPONSE, presets::packetq::qtype, "The type in the message's question";
        PacketqQclass, "packetq.qclass", U16, Seldom, RESPONSE, presets::packetq::qclass, "The class in the message's question";
        PacketqAtype, "packetq.atype", U16, Seldom, MESSAGES, presets::packetq::atype, "The type of the first record of the answer section";
        PacketqAclass, "packetq.aclass", U16, Seldom, MESSAGES, presets::packetq::aclass, "Its class";
        PacketqAttl, "packetq.attl", U32, Seldom, MESSAGES, presets::packetq::attl, "Its TTL, seconds";
        PacketqAa, "packetq.aa", U16, Seldom, SIDES, presets::packetq::aa, "AA of the message as a number";
        PacketqTc, "packetq.tc", U16, Seldom, SIDES, presets::packetq::tc, "TC of the message as a number";
        PacketqRd, "packetq.rd", U16, Seldom, SIDES, presets::packetq::rd, "RD of the message as a number";
        PacketqCd, "packetq.cd", U16, Seldom, SIDES, presets::packetq::cd, "CD of the message as a number";
        PacketqRa, "packetq.ra", U16, Seldom, SIDES, presets::packetq::ra, "RA of the message as a number";
        PacketqAd, "packetq.ad", U16, Seldom, SIDES, presets::packetq::ad, "AD of the message as a number";
        PacketqDo, "packetq.do", U16, Seldom, SIDES, presets::packetq::dnssec_ok, "DO of the message as a number";
        PacketqEdns0, "packetq.edns0", U16, Seldom, SIDES, presets::packetq::edns0, "1 if the message has an OPT record";
        PacketqQr, "packetq.qr", U16, Seldom, SIDES, presets::packetq::qr, "1 of responses";
        PacketqEcs, "packetq.edns0_ecs", U16, Seldom, MESSAGES, presets::packetq::ecs, "1 if the message has a client subnet";
        PacketqEcsFamily, "packetq.edns0_ecs_family", U16, Seldom, MESSAGES, presets::packetq::ecs_family, "1 if that is of IPv4, 2 of IPv6";
        PacketqEcsSource, "packetq.edns0_ecs_source", U16, Seldom, MESSAGES, presets::packetq::ecs_source, "Length of its prefix, bits";
        PacketqEcsScope, "packetq.edns0_ecs_scope", U16, Seldom, MESSAGES, presets::packetq::ecs_scope, "For how many bits the response holds";
        PacketqEcsAddress, "packetq.edns0_ecs_address", Text, Seldom, MESSAGES, presets::packetq::ecs_address, "Its address";
        EcsTimestamp, "ecs.@timestamp", Text, Seldom, NOTHING, presets::ecs::timestamp, "When the first message of the row was captured, cut to milliseconds";
        EcsQueryBytes, "ecs.source.bytes", U32, Seldom, SIDES, presets::ecs::query_bytes, "Length of the query's message, bytes, if it is not 0";
        EcsResponseBytes, "ecs.destination.bytes", U32, Seldom, SIDES, presets::ecs::response_bytes, "Length of the response's message, bytes, if it is not 0";
        EcsAdditionalsCount, "ecs.dns.additionals_count", U32, Seldom, MESSAGES, presets::ecs::additionals_count, "How many records the additional section has, without OPT";
        EcsAnswers, "ecs.dns.answers", Text, Seldom, MESSAGES, presets::ecs::answers, "The answer section as JSON";
        EcsAnswersCount, "ecs.dns.answers_count", U32, Seldom, MESSAGES, presets::ecs::answers_count, "How many records it has";
        EcsAuthoritiesCount, "ecs.dns.authorities_count", U32, Seldom, MESSAGES, presets::ecs::authorities_count, "How many records the authority section has";
        EcsAd, "ecs.dns.flags.authentic_data", Bool, Seldom, SIDES, presets::ecs::ad, "AD of the response, or of the query if there is none";
        EcsAa, "ecs.dns.flags.authoritative", Bool, Seldom, SIDES, presets::ecs::aa, "AA of the response, or of the query if there is none";
        EcsCd, "ecs.dns.flags.checking_disabled", Bool, Seldom, SIDES, presets::ecs::cd, "CD of the response, or of the query if there is none";
        EcsRa, "ecs.dns.flags.recursion_available", Bool, Seldom, SIDES, presets::ecs::ra, "RA of the response, or of the query if there is none";
        EcsRd, "ecs.dns.flags.recursion_desired", Bool, Seldom, SIDES, presets::ecs::rd, "RD of the response, or of the query if there is none";
        EcsTc, "ecs.dns.flags.truncated_response", Bool, Seldom, SIDES, presets::ecs::tc, "TC of the response, or of the query if there is none";
        EcsHeaderFlags, "ecs.dns.header_flags", Texts, Seldom, SIDES, presets::ecs::header_flags, "The names of the flags that are set, DO among them";
        EcsOpCode, "ecs.dns.op_code", Word, Seldom, SIDES, presets::ecs::op_code, "The opcode of the response, or of the query if there is none, by name";
        EcsOptCookie, "ecs.dns.opt.cookie", Text, Seldom, MESSAGES, presets::ecs::opt_cookie, "Its cookie in hexadecimal digits";
        EcsOptDo, "ecs.dns.opt.do", Bool, Seldom, SIDES, presets::ecs::opt_do, "Its DO";
        EcsOptExtRcode, "ecs.dns.opt.ext_rcode", Word, Seldom, SIDES, presets::ecs::opt_ext_rcode, "Its response code, if it has an OPT record";
        EcsOptNsid, "ecs.dns.opt.nsid", Text, Seldom, MESSAGES, presets::ecs::opt_nsid, "Its NSID in hexadecimal digits";
        EcsOptSubnet, "ecs.dns.opt.subnet", Text, Seldom, MESSAGES, presets::ecs::opt_subnet, "Its client subnet: address, prefix, scope";
        EcsOptUdpSize, "ecs.dns.opt.udp_size", U16, Seldom, SIDES, presets::ecs::opt_udp_size, "The longest datagram that its sender can take";
        EcsOptVersion, "ecs.dns.opt.version", Text, Seldom, SIDES, presets::ecs::opt_version, "Its EDNS version";
        EcsQuestionClass, "ecs.dns.question.class", Text, Seldom, NOTHING, presets::ecs::question_class, "The class asked for, by name";
        EcsEtldPlusOne, "ecs.dns.question.etld_plus_one", Text, Seldom, NOTHING, presets::ecs::etld_plus_one, "The registered domain";
        EcsQuestionName, "ecs.dns.question.name", Text, Seldom, NOTHING, presets::ecs::question_name, "The name asked for, escaped as in master files; the root is a dot";
        EcsRegisteredDomain, "ecs.dns.question.registered_domain", Text, Seldom, NOTHING, presets::ecs::registered_domain, "The registered domain; a public suffix of two labels is its own";
        EcsSubdomain, "ecs.dns.question.subdomain", Text, Seldom, NOTHING, presets::ecs::subdomain, "The labels before it";
        EcsTopLevelDomain, "ecs.dns.question.top_level_domain", Text, Seldom, NOTHING, presets::ecs::top_level_domain, "What is behind its first label";
        EcsQuestionType, "ecs.dns.question.type", Text, Seldom, NOTHING, presets::ecs::question_type, "The type asked for, by name";
        EcsResolvedIp, "ecs.dns.resolved_ip", Texts, Seldom, MESSAGES, presets::ecs::resolved_ip, "The addresses of the answer section";
        EcsResponseCode, "ecs.dns.response_code", Word, Seldom, SIDES, presets::ecs::response_code, "The response code by name; NOERROR if there is no response";
        EcsDnsType, "ecs.dns.type", Word, Seldom, NOTHING, presets::ecs::dns_type, "answer if there is a response, else query";
        EcsErrorMessage, "ecs.error.message", Text, Seldom, SIDES, presets::ecs::error_message, "What is remarkable, in Packetbeat's words, as JSON";
        EcsDuration, "ecs.event.duration", I64, Seldom, NOTHING, presets::ecs::duration, "Response time less query time, nanoseconds";
        EcsEnd, "ecs.event.end", Text, Seldom, NOTHING, presets::ecs::end, "When the response was captured, cut to milliseconds";
        EcsStart, "ecs.event.start", Text, Seldom, NOTHING, presets::ecs::start, "When the query was captured, likewise";
        EcsMethod, "ecs.method", Word, Seldom, SIDES, presets::ecs::method, "The opcode of the query by name";
        EcsNetworkBytes, "ecs.network.bytes", U32, Seldom, SIDES, presets::ecs::network_bytes, "Length of both messages, bytes";
        EcsCommunityId, "ecs.network.community_id", Text, Seldom, NOTHING, presets::ecs::community_id, "The Community ID of the flow, version 1";
        EcsTransport, "ecs.network.transport", Word, Seldom, NOTHING, presets::ecs::transport, "udp or tcp, whatever runs over it";
        EcsNetworkType, "ecs.network.type", Word, Seldom, NOTHING, presets::ecs::network_type, "ipv4 or ipv6";
        EcsQuery, "ecs.query", Text, Seldom, NOTHING, presets::ecs::query, "Class, type and name asked for";
        EcsRelatedIp, "ecs.related.ip", Texts, Seldom, MESSAGES, presets::ecs::related_ip, "Client, server, and the addresses of the answer section";
        EcsStatus, "ecs.status", Word, Seldom, NOTHING, presets::ecs::status, "OK if there is a response without error, else Error";
    }
}

/// Columns that hold messages as they were captured: with all that is to be hidden, if something is.
pub const CAPTURED: [Column; 2] = [Column::QueryWire, Column::ResponseWire];

/// Other names that users know columns by.
pub const ALIASES: &[(&str, Column)] = &[
    ("dns.qry.name", Column::Qname),
    ("dns.qry.type", Column::Qtype),
    ("dns.qry.class", Column::Qclass),
    ("dns.id", Column::Id),
    ("dns.flags.opcode", Column::Opcode),
    ("dns.flags.rcode", Column::Rcode),
    ("dns.flags.authoritative", Column::Aa),
    ("dns.flags.truncated", Column::Tc),
    ("dns.flags.recdesired", Column::QueryRd),
    ("dns.flags.recavail", Column::Ra),
    ("dns.flags.z", Column::Z),
    ("dns.flags.authenticated", Column::Ad),
    ("dns.flags.checkdisable", Column::QueryCd),
    ("dns.count.queries", Column::QueryQdcount),
    ("dns.count.answers", Column::Ancount),
    ("dns.count.auth_rr", Column::Nscount),
    ("dns.count.add_rr", Column::Arcount),
    ("dns.count.labels", Column::Labels),
    ("dns.qry.name.len", Column::QnameLength),
    ("dns.time", Column::Rtt),
    ("frame.time_epoch", Column::QueryTime),
    ("frame.number", Column::FrameQuery),
    ("ip.src", Column::SrcIp),
    ("ip.dst", Column::DstIp),
    ("udp.srcport", Column::SrcPort),
    ("udp.dstport", Column::DstPort),
    ("ip.ttl", Column::IpTtl),
    ("ip.version", Column::IpVersion),
    ("ip.len", Column::QueryIpLength),
    ("ipv6.src", Column::SrcIp),
    ("ipv6.dst", Column::DstIp),
    ("ipv6.hlim", Column::IpTtl),
    ("tcp.srcport", Column::SrcPort),
    ("tcp.dstport", Column::DstPort),
    ("tcp.analysis.initial_rtt", Column::TcpRtt),
    ("udp.checksum", Column::UdpChecksum),
    ("vlan.id", Column::Vlan),
    ("dns.response_in", Column::FrameResponse),
    ("dns.a", Column::AnswerA),
    ("dns.aaaa", Column::AnswerAaaa),
    ("dns.cname", Column::AnswerCname),
    ("dns.rr.udp_payload_size", Column::EdnsUdpSize),
    ("dns.resp.edns0_version", Column::EdnsVersion),
    ("dns.resp.z.do", Column::EdnsDo),
    ("dns.opt.code", Column::EdnsOptions),
    ("dns.opt.client.scope", Column::EcsScope),
    ("dns.opt.ext_error.info_code", Column::Ede),
    ("dns.opt.ext_error.extra_text", Column::EdeText),
    ("dns.opt.edns_tcp_keepalive.timeout", Column::Keepalive),
    ("dns.opt.dau", Column::EdnsDau),
    ("dns.opt.dhu", Column::EdnsDhu),
    ("dns.opt.n3u", Column::EdnsN3u),
    ("src", Column::SrcIp),
    ("src_addr", Column::SrcIp),
    ("ip_src", Column::SrcIp),
    ("client_ip", Column::SrcIp),
    ("source.ip", Column::SrcIp),
    ("dst", Column::DstIp),
    ("dst_addr", Column::DstIp),
    ("ip_dst", Column::DstIp),
    ("server_ip", Column::DstIp),
    ("destination.ip", Column::DstIp),
    ("srcp", Column::SrcPort),
    ("client_port", Column::SrcPort),
    ("source.port", Column::SrcPort),
    ("dstp", Column::DstPort),
    ("server_port", Column::DstPort),
    ("destination.port", Column::DstPort),
    ("network.transport", Column::Transport),
    ("trans_id", Column::Id),
    ("msg_id", Column::Id),
    ("dns.question.name", Column::Qname),
    ("dns_qtype", Column::Qtype),
    ("dns_qclass", Column::Qclass),
    ("dns_opcode", Column::Opcode),
    ("dns_rcode", Column::Rcode),
    ("dns_req_len", Column::QuerySize),
    ("dns_res_len", Column::ResponseSize),
    ("edns_udp", Column::EdnsUdpSize),
    ("edns_ecs", Column::Ecs),
    ("edns_ext_error", Column::Ede),
    ("edns_nsid", Column::Nsid),
];

impl Column {
    /// What the table says of this column.
    #[inline]
    pub fn entry(self) -> &'static Entry {
        &COLUMNS[self as usize]
    }

    /// The column of this name, or of an alias.
    pub fn named(name: &str) -> Option<Column> {
        let own = COLUMNS.iter().find(|entry| entry.name == name).map(|entry| entry.column);
        own.or_else(|| ALIASES.iter().find(|alias| alias.0 == name).map(|alias| alias.1))
    }

    fn computed<'a>(
        self,
        row: &Transaction<'a>,
        context: &'a Context,
        scratch: &'a mut Scratch,
    ) -> Value<'a> {
        scratch.clear();
        (self.entry().value)(row, context, scratch)
    }
}

/// A value, or none.
fn maybe<'a, T>(known: Option<T>, value: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    known.map_or(Value::Null, value)
}

/// Octets that should be text, escaped; none if there are none.
fn text<'a>(bytes: Option<&[u8]>, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(bytes) = bytes else { return Value::Null };
    write_escaped(bytes, &mut scratch.bytes);
    Value::Text(scratch.text())
}

/// Appends octets as text. What is valid UTF-8 stays as it is, but for control characters and backslashes; if not all is, only
/// ASCII stays. What does not stay is a backslash and three decimal digits for each octet; a backslash is doubled.
fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let escaped = |octet: &u8, out: &mut Vec<u8>| {
        write!(out, "\\{octet:03}").expect("a vector takes everything");
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            for character in text.chars() {
                let mut octets = [0; 4];
                match character {
                    '\\' => out.extend_from_slice(b"\\\\"),
                    character if character.is_control() => {
                        character
                            .encode_utf8(&mut octets)
                            .as_bytes()
                            .iter()
                            .for_each(|octet| escaped(octet, out));
                    }
                    character => out.extend_from_slice(character.encode_utf8(&mut octets).as_bytes()),
                }
            }
        }
        Err(_) => {
            for octet in bytes {
                match octet {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    b' '..=b'~' => out.push(*octet),
                    octet => escaped(octet, out),
                }
            }
        }
    }
}
