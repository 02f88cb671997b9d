//! The words for dnstap's numbers, as its schema has them. All number from 1; a number without a word is printed as it is.

/// The words for numbers from 1 on.
#[derive(Clone, Copy, Debug)]
pub struct Names(&'static [&'static str]);

impl Names {
    /// The word for a number, if there is one.
    ///
    /// ```
    /// use dpp::dnstap::names::SOCKET_PROTOCOLS;
    /// assert_eq!(SOCKET_PROTOCOLS.name(3), Some("DOT"));
    /// assert_eq!(SOCKET_PROTOCOLS.name(0), None);
    /// ```
    #[inline]
    pub fn name(&self, number: u32) -> Option<&'static str> {
        self.0.get((number as usize).checked_sub(1)?).copied()
    }
}

/// Message types.
pub const MESSAGE_TYPES: Names = Names(&[
    "AUTH_QUERY",
    "AUTH_RESPONSE",
    "RESOLVER_QUERY",
    "RESOLVER_RESPONSE",
    "CLIENT_QUERY",
    "CLIENT_RESPONSE",
    "FORWARDER_QUERY",
    "FORWARDER_RESPONSE",
    "STUB_QUERY",
    "STUB_RESPONSE",
    "TOOL_QUERY",
    "TOOL_RESPONSE",
    "UPDATE_QUERY",
    "UPDATE_RESPONSE",
]);

/// Message types as tools abbreviate them.
pub const MESSAGE_TYPES_SHORT: Names =
    Names(&["AQ", "AR", "RQ", "RR", "CQ", "CR", "FQ", "FR", "SQ", "SR", "TQ", "TR", "UQ", "UR"]);

/// Address families of sockets.
pub const SOCKET_FAMILIES: Names = Names(&["INET", "INET6"]);

/// Transports.
pub const SOCKET_PROTOCOLS: Names = Names(&["UDP", "TCP", "DOT", "DOH", "DNSCryptUDP", "DNSCryptTCP", "DOQ"]);

/// HTTP versions, of DNS over HTTPS.
pub const HTTP_PROTOCOLS: Names = Names(&["HTTP1", "HTTP2", "HTTP3"]);

/// What a policy did.
pub const POLICY_ACTIONS: Names = Names(&["NXDOMAIN", "NODATA", "PASS", "DROP", "TRUNCATE", "LOCAL_DATA"]);

/// What a policy looked at.
pub const POLICY_MATCHES: Names = Names(&["QNAME", "CLIENT_IP", "RESPONSE_IP", "NS_NAME", "NS_IP"]);
