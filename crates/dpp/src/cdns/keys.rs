//! The keys of C-DNS's maps (RFC 8618 section 7), a module for each map. Negative keys are private to a writer; those named
//! here are dns-stats compactor's and CZ.NIC's.

/// FilePreamble.
pub(super) mod preamble {
    pub(crate) const MAJOR: i64 = 0;
    pub(crate) const MINOR: i64 = 1;
    pub(crate) const PRIVATE: i64 = 2;
    pub(crate) const PARAMETERS: i64 = 3;
}

/// BlockParameters.
pub(super) mod parameters {
    pub(crate) const STORAGE: i64 = 0;
    pub(crate) const COLLECTION: i64 = 1;
}

/// StorageParameters.
pub(super) mod storage {
    pub(crate) const TICKS: i64 = 0;
    pub(crate) const MAX_ITEMS: i64 = 1;
    pub(crate) const HINTS: i64 = 2;
    pub(crate) const OPCODES: i64 = 3;
    pub(crate) const RR_TYPES: i64 = 4;
    pub(crate) const FLAGS: i64 = 5;
    pub(crate) const CLIENT_V4: i64 = 6;
    pub(crate) const CLIENT_V6: i64 = 7;
    pub(crate) const SERVER_V4: i64 = 8;
    pub(crate) const SERVER_V6: i64 = 9;
    pub(crate) const SAMPLING: i64 = 10;
    pub(crate) const ANONYMIZATION: i64 = 11;
}

/// CollectionParameters.
pub(super) mod collection {
    pub(crate) const QUERY_TIMEOUT: i64 = 0;
    pub(crate) const SKEW_TIMEOUT: i64 = 1;
    pub(crate) const SNAPLEN: i64 = 2;
    pub(crate) const PROMISC: i64 = 3;
    pub(crate) const INTERFACES: i64 = 4;
    pub(crate) const SERVERS: i64 = 5;
    pub(crate) const VLAN_IDS: i64 = 6;
    pub(crate) const FILTER: i64 = 7;
    pub(crate) const GENERATOR: i64 = 8;
    pub(crate) const HOST: i64 = 9;
    /// compactor's.
    pub(crate) const DNS_PORT: i64 = -1;
}

/// Block.
pub(super) mod block {
    pub(crate) const PREAMBLE: i64 = 0;
    pub(crate) const STATISTICS: i64 = 1;
    pub(crate) const TABLES: i64 = 2;
    pub(crate) const ITEMS: i64 = 3;
    pub(crate) const EVENTS: i64 = 4;
    pub(crate) const MALFORMED: i64 = 5;
}

/// BlockPreamble.
pub(super) mod block_preamble {
    pub(crate) const EARLIEST: i64 = 0;
    pub(crate) const PARAMETERS_INDEX: i64 = 1;
    /// compactor's.
    pub(crate) const END: i64 = -1;
    /// compactor's.
    pub(crate) const START: i64 = -2;
}

/// BlockTables.
pub(super) mod tables {
    pub(crate) const ADDRESSES: i64 = 0;
    pub(crate) const CLASS_TYPES: i64 = 1;
    pub(crate) const NAMES: i64 = 2;
    pub(crate) const SIGNATURES: i64 = 3;
    pub(crate) const QUESTION_LISTS: i64 = 4;
    pub(crate) const QUESTIONS: i64 = 5;
    pub(crate) const RECORD_LISTS: i64 = 6;
    pub(crate) const RECORDS: i64 = 7;
    pub(crate) const MALFORMED_DATA: i64 = 8;
}

/// ClassType.
pub(super) mod class_type {
    pub(crate) const TYPE: i64 = 0;
    pub(crate) const CLASS: i64 = 1;
}

/// Question, and RR.
pub(super) mod record {
    pub(crate) const NAME: i64 = 0;
    pub(crate) const CLASS_TYPE: i64 = 1;
    pub(crate) const TTL: i64 = 2;
    pub(crate) const RDATA: i64 = 3;
}

/// QueryResponseSignature. A field's bit in the storage hints is that of its key.
pub(super) mod signature {
    pub(crate) const SERVER: i64 = 0;
    pub(crate) const SERVER_PORT: i64 = 1;
    pub(crate) const TRANSPORT_FLAGS: i64 = 2;
    pub(crate) const QR_TYPE: i64 = 3;
    pub(crate) const SIG_FLAGS: i64 = 4;
    pub(crate) const OPCODE: i64 = 5;
    pub(crate) const DNS_FLAGS: i64 = 6;
    pub(crate) const QUERY_RCODE: i64 = 7;
    pub(crate) const CLASS_TYPE: i64 = 8;
    pub(crate) const QDCOUNT: i64 = 9;
    pub(crate) const ANCOUNT: i64 = 10;
    pub(crate) const NSCOUNT: i64 = 11;
    pub(crate) const ARCOUNT: i64 = 12;
    pub(crate) const EDNS_VERSION: i64 = 13;
    pub(crate) const UDP_SIZE: i64 = 14;
    pub(crate) const OPT_RDATA: i64 = 15;
    pub(crate) const RESPONSE_RCODE: i64 = 16;
}

/// QueryResponse. Up to `PROCESSING` a field's bit in the storage hints is that of its key.
pub(super) mod item {
    pub(crate) const TIME: i64 = 0;
    pub(crate) const CLIENT: i64 = 1;
    pub(crate) const CLIENT_PORT: i64 = 2;
    pub(crate) const ID: i64 = 3;
    pub(crate) const SIGNATURE: i64 = 4;
    pub(crate) const HOP_LIMIT: i64 = 5;
    pub(crate) const DELAY: i64 = 6;
    pub(crate) const QNAME: i64 = 7;
    pub(crate) const QUERY_SIZE: i64 = 8;
    pub(crate) const RESPONSE_SIZE: i64 = 9;
    pub(crate) const PROCESSING: i64 = 10;
    pub(crate) const QUERY_EXTENDED: i64 = 11;
    pub(crate) const RESPONSE_EXTENDED: i64 = 12;
    /// CZ.NIC's, like those that follow.
    pub(crate) const ASN: i64 = -1;
    pub(crate) const COUNTRY: i64 = -2;
    pub(crate) const RTT: i64 = -3;
    pub(crate) const USER: i64 = -4;
    pub(crate) const POLICY_ACTION: i64 = -5;
    pub(crate) const POLICY_RULE: i64 = -6;
}

/// ResponseProcessingData.
pub(super) mod processing {
    pub(crate) const BAILIWICK: i64 = 0;
    pub(crate) const FLAGS: i64 = 1;
}

/// QueryResponseExtended.
pub(super) mod extended {
    pub(crate) const QUESTIONS: i64 = 0;
    pub(crate) const ANSWERS: i64 = 1;
    pub(crate) const AUTHORITY: i64 = 2;
    pub(crate) const ADDITIONAL: i64 = 3;
}

/// AddressEventCount.
pub(super) mod event {
    pub(crate) const KIND: i64 = 0;
    pub(crate) const CODE: i64 = 1;
    pub(crate) const ADDRESS: i64 = 2;
    pub(crate) const TRANSPORT_FLAGS: i64 = 3;
    pub(crate) const COUNT: i64 = 4;
}

/// MalformedMessage.
pub(super) mod malformed {
    pub(crate) const TIME: i64 = 0;
    pub(crate) const CLIENT: i64 = 1;
    pub(crate) const CLIENT_PORT: i64 = 2;
    pub(crate) const DATA: i64 = 3;
}

/// MalformedMessageData.
pub(super) mod malformed_data {
    pub(crate) const SERVER: i64 = 0;
    pub(crate) const SERVER_PORT: i64 = 1;
    pub(crate) const TRANSPORT_FLAGS: i64 = 2;
    pub(crate) const PAYLOAD: i64 = 3;
}
