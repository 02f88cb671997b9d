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

use super::turn::{Batch, Fill};
use super::{Context, Kind, Scratch, Value};
use crate::transaction::{Needs, Transaction};
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
        #[repr(u8)]
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
        DstIp, "dst_ip", Address, Seldom, SIDES, network::dst_ip, "The server's address; absent where a query went to a group (mDNS, LLMNR)";
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
        EdnsOptions, "edns_options", Numbers, Seldom, QUERY, edns::codes_of_query, "The codes of the query's EDNS options, in their order; absent if it has no OPT record, none if that has no options";
        ResponseEdnsOptions, "response_edns_options", Numbers, Seldom, RESPONSE, edns::codes_of_response, "The codes of the response's EDNS options, likewise";
        Ecs, "ecs", Text, Seldom, QUERY, edns::ecs, "The client subnet that the query names: address and length of the prefix, `192.0.2.0/24`";
        EcsScope, "ecs_scope", U8, Seldom, RESPONSE, edns::ecs_scope, "For how many bits of such an address the response holds";
        Ede, "ede", Numbers, Seldom, RESPONSE, edns::ede, "The codes of the response's extended errors, in their order";
        EdeText, "ede_text", Text, Seldom, RESPONSE, edns::ede_text, "The text of the first extended error that has one, escaped";
        Nsid, "nsid", Text, Seldom, RESPONSE, edns::nsid, "The server's name for itself, escaped: backslashes are doubled, and what cannot be seen is a backslash and three decimal digits";
        CookieClient, "cookie_client", Bool, Seldom, QUERY, edns::cookie_client, "The query has a cookie";
        CookieServer, "cookie_server", Bool, Seldom, QUERY, edns::cookie_server, "The query has the server's part of a cookie, too";
        Padding, "padding", U16, Seldom, QUERY, edns::padding, "Length of the query's padding, octets";
        ResponsePadding, "response_padding", U16, Seldom, RESPONSE, edns::response_padding, "Length of the response's padding, octets";
        Keepalive, "keepalive", U16, Seldom, RESPONSE, edns::keepalive, "How long the server lets a TCP connection be idle, in units of 100 ms";
        AnswerA, "answer_a", Address, Seldom, RESPONSE, records::a, "The first address of type A in the answer section";
        AnswerAaaa, "answer_aaaa", Address, Seldom, RESPONSE, records::aaaa, "The first address of type AAAA in the answer section";
        AnswerCname, "answer_cname", Name, Seldom, RESPONSE, records::cname, "What the first CNAME record of the answer section leads to";
        AnswerTtlMin, "answer_ttl_min", U32, Seldom, RESPONSE, records::ttl_min, "The least TTL in the answer section, seconds";
        TcpRtt, "tcp_rtt_ns", I64, Seldom, SIDES, network::tcp_rtt_ns, "How long the TCP handshake of the connection took, nanoseconds";
        QueryCount, "query_count", U32, OfQuery, SIDES, outcome::query_count, "How often the query was sent: 1 and its retries";
        Match, "match", Word, Always, NOTHING, outcome::matched, "What became of it: matched, no_response, no_query (a response that nobody asked for), unpaired (multicast)";
        ParseError, "parse_error", Word, Seldom, DAMAGE, outcome::parse_error, "What is wrong with the query or, if nothing is, with its response";
        TruncatedAt, "truncated_at", U32, Seldom, SIDES, outcome::truncated_at, "How many bytes of the query (or, if it is whole, of its response) were captured; absent if both are whole";
        Vlan, "vlan", Numbers, Seldom, SIDES, network::vlan, "VLAN ids around the query, from outside in";
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
        EdnsKeyTags, "edns_key_tags", Numbers, Seldom, QUERY, edns::key_tags, "The key tags of the trust anchors that the client has";
        EdnsDau, "edns_dau", Numbers, Seldom, QUERY, edns::dau, "The DNSSEC algorithms that the client understands";
        EdnsDhu, "edns_dhu", Numbers, Seldom, QUERY, edns::dhu, "The hash algorithms of DS records that the client understands";
        EdnsN3u, "edns_n3u", Numbers, Seldom, QUERY, edns::n3u, "The hash algorithms of NSEC3 records that the client understands";
        AnswerCnames, "answer_cnames", Texts, Seldom, RESPONSE, records::cnames, "What the CNAME records of the answer section lead to, in their order";
        QueryAnswers, "query_answers", Records, Seldom, QUERY, records::q_answers, "The answer section of the query: the prerequisites of an update, the SOA record of a notification";
        QueryAuthority, "query_authority", Records, Seldom, QUERY, records::q_authority, "The authority section of the query: the changes of an update, the SOA record of an incremental transfer";
        QueryAdditional, "query_additional", Records, Seldom, QUERY, records::q_additional, "The additional section of the query, without the OPT record";
        DnstapType, "dnstap_type", Word, Seldom, FRAME, dnstap::kind, "The type of the query's dnstap frame (of the response's, if the query had none): CLIENT_QUERY and so on, or a number";
        DnstapSocketProtocol, "dnstap_socket_protocol", Word, Seldom, FRAME, dnstap::socket_protocol, "The transport as dnstap has it: UDP, TCP, DOT, DOH, DNSCryptUDP, DNSCryptTCP, DOQ, or a number";
        QueryWire, "query_wire", Bytes, Seldom, QUERY, capture::query_wire, "The bytes of the query's message, as far as they were captured";
        ResponseWire, "response_wire", Bytes, Seldom, RESPONSE, capture::response_wire, "The bytes of the (first) response's message, as far as they were captured";
    }
}

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
