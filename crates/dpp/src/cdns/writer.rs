//! Makes blocks of items.
//!
//! An item is encoded when it comes; what it shares with others goes into the block's tables, encoded too, and is compared as
//! bytes. Only times wait until the block is finished: they count from the earliest, which may come late. So a finished block
//! is a head and some copies. Every length is known then and written in front, which takes an octet less than an end would;
//! only the array of blocks has an end, so that a file can be written before its last block is known.

use super::cbor::{ARRAY, ENDS, MAP, UNSIGNED, put_bytes, put_head, put_signed, put_text};
use super::intern::Interned;
use super::keys::{
    block, block_preamble, class_type, event, extended, item, malformed, malformed_data, processing, record,
    signature, tables,
};
use super::{
    AddressEvent, BlockStatistics, BlockTimes, ClassType, FilePreamble, Item, MalformedMessage, Question,
    Record, Sections, Signature, StorageParameters, is_ipv6, item_hints,
};
use crate::limits::CDNS_BLOCK_FULL;

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Makes the bytes of a file: [`Writer::begin`], then for each block [`Writer::add`] and [`Writer::finish_block`], then
/// [`Writer::end`]. [`Reader`](super::Reader) has an example.
///
/// The first set of the preamble's parameters decides what is stored: fields whose hint is not set are left out, addresses
/// are cut to their prefixes.
#[derive(Clone, Debug)]
pub struct Writer {
    preamble: FilePreamble,
    ticks: Ticks,
    /// What is recorded, if the lists of the parameters are to be obeyed.
    listed: Option<Listed>,
    tables: Tables,
    items: Rows,
    malformed: Rows,
    events: Rows,
    statistics: Option<BlockStatistics>,
    times: BlockTimes,
}

/// OPCODEs and types that are recorded, a bit each.
#[derive(Clone, Debug)]
struct Listed {
    opcodes: u16,
    rr_types: Box<[u64; 1024]>,
}

impl Listed {
    fn new(storage: &StorageParameters) -> Listed {
        let mut listed = Listed { opcodes: 0, rr_types: Box::new([0; 1024]) };
        storage
            .opcodes
            .iter()
            .for_each(|&code| listed.opcodes |= 1_u16.checked_shl(code.into()).unwrap_or(0));
        storage.rr_types.iter().for_each(|&code| listed.rr_types[usize::from(code >> 6)] |= 1 << (code & 63));
        listed
    }

    fn has_opcode(&self, opcode: u8) -> bool {
        opcode < 16 && self.opcodes >> opcode & 1 != 0
    }

    fn has_type(&self, rtype: u16) -> bool {
        self.rr_types[usize::from(rtype >> 6)] >> (rtype & 63) & 1 != 0
    }
}

/// Values that are encoded but for their time.
#[derive(Clone, Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    encoded: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    time_ns: Option<i64>,
    /// Where its fields end.
    end: usize,
    /// How many there are, without the time.
    fields: u8,
}

impl Rows {
    fn clear(&mut self) {
        self.rows.clear();
        self.encoded.clear();
    }

    #[inline]
    fn push(&mut self, time_ns: Option<i64>, fields: u8) {
        self.rows.push(Row { time_ns, end: self.encoded.len(), fields });
    }

    fn put(&self, out: &mut Vec<u8>, earliest: i128, ticks: Ticks) {
        put_head(out, ARRAY, self.rows.len() as u64);
        // What may be written before each row's fields: head, key and time.
        out.reserve(self.encoded.len() + 11 * self.rows.len());
        let mut start = 0;
        for row in &self.rows {
            let offset = row.time_ns.and_then(|time_ns| u64::try_from(ticks.floor(time_ns) - earliest).ok());
            put_head(out, MAP, u64::from(row.fields) + u64::from(offset.is_some()));
            if let Some(offset) = offset {
                put_head(out, UNSIGNED, item::TIME as u64);
                put_head(out, UNSIGNED, offset);
            }
            out.extend_from_slice(&self.encoded[start..row.end]);
            start = row.end;
        }
    }
}

/// What makes nanoseconds ticks, rounding down.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    per_second: i128,
    /// Nanoseconds of a tick, if they are a whole number.
    tick_ns: Option<i64>,
}

impl Ticks {
    fn new(per_second: u64) -> Ticks {
        assert!(per_second > 0, "a second has ticks");
        let even = (NS_PER_SECOND as u64).is_multiple_of(per_second);
        Ticks { per_second: per_second.into(), tick_ns: even.then(|| NS_PER_SECOND / per_second as i64) }
    }

    #[inline]
    fn floor(self, ns: i64) -> i128 {
        match self.tick_ns {
            // Microseconds, as nearly always: a division by a constant is a multiplication.
            Some(1000) => ns.div_euclid(1000).into(),
            Some(tick_ns) => ns.div_euclid(tick_ns).into(),
            None => (i128::from(ns) * self.per_second).div_euclid(NS_PER_SECOND.into()),
        }
    }

    /// Both times are rounded, so that a response is where its own time is.
    #[inline]
    fn delay(self, time_ns: Option<i64>, delay_ns: i64) -> Option<i64> {
        let time_ns = time_ns.unwrap_or(0);
        i64::try_from(self.floor(time_ns.checked_add(delay_ns)?) - self.floor(time_ns)).ok()
    }
}

/// The tables of the block that is being made, and room to encode what goes into them.
#[derive(Clone, Debug)]
struct Tables {
    addresses: Interned,
    class_types: Interned,
    names: Interned,
    signatures: Interned,
    question_lists: Interned,
    questions: Interned,
    record_lists: Interned,
    records: Interned,
    malformed_data: Interned,
    entry: Vec<u8>,
    list: Vec<u8>,
    list_with_head: Vec<u8>,
}

/// Adds a field to a map that is being encoded, if it has a value.
macro_rules! field {
    ($fields:ident, $out:expr, $key:expr, $value:expr) => {
        if let Some(value) = $value {
            put_field(&mut $fields, $out, $key, value.into());
        }
    };
}

#[inline(always)]
fn put_field(fields: &mut u8, out: &mut Vec<u8>, key: i64, value: u64) {
    *fields += 1;
    out.push(key as u8);
    put_head(out, UNSIGNED, value);
}

impl Writer {
    /// A writer of files with this preamble. The seed is for its hash tables, and shows in no file.
    ///
    /// # Panics
    /// If there are no parameters, or their second has no ticks.
    pub fn new(preamble: FilePreamble, seed: u64) -> Writer {
        let storage = &preamble.parameters.first().expect("a file has parameters").storage;
        let (ticks, table) = (Ticks::new(storage.ticks_per_second), Interned::new(seed));
        Writer {
            ticks,
            listed: None,
            tables: Tables::new(&table),
            items: Rows::default(),
            malformed: Rows::default(),
            events: Rows::default(),
            statistics: None,
            times: BlockTimes::default(),
            preamble,
        }
    }

    /// Obeys the lists of OPCODEs and types too: items with another OPCODE, and records of another type, are left out.
    pub fn only_listed(mut self) -> Writer {
        self.listed = Some(Listed::new(self.storage()));
        self
    }

    fn storage(&self) -> &StorageParameters {
        &self.preamble.parameters[0].storage
    }

    /// Writes what stands before the blocks.
    pub fn begin(&self, out: &mut Vec<u8>) {
        self.preamble.put(out);
    }

    /// Writes what stands behind the blocks.
    pub fn end(&self, out: &mut Vec<u8>) {
        out.push(ENDS);
    }

    /// Whether the block has as many items (malformed messages, address events) as it may have, or is long.
    #[inline]
    pub fn is_full(&self) -> bool {
        let most = self.storage().max_block_items.max(1);
        let all = [&self.items, &self.malformed, &self.events];
        all.iter().any(|rows| rows.rows.len() as u64 >= most) || self.length() > CDNS_BLOCK_FULL
    }

    /// About how many bytes the block has.
    fn length(&self) -> usize {
        let rows = [&self.items, &self.malformed, &self.events];
        let tables = self.tables.in_order();
        rows.iter().map(|rows| rows.encoded.len()).sum::<usize>()
            + tables.iter().map(|(_, table)| table.encoded().len()).sum::<usize>()
    }

    /// Adds an item to the block. Tells whether it is stored: one whose OPCODE is not listed is not, if the lists are obeyed.
    /// A time before 1970 cannot be stored; an item that has one has none then.
    #[inline]
    pub fn add(&mut self, item: &Item) -> bool {
        let opcode = item.signature.opcode;
        if let (Some(listed), Some(opcode)) = (&self.listed, opcode)
            && !listed.has_opcode(opcode)
        {
            return false;
        }
        let storage = &self.preamble.parameters[0].storage;
        let hints = storage.hints.item;
        let has = |hint: u64| hints & hint != 0;
        let (tables, out) = (&mut self.tables, &mut self.items.encoded);
        let mut fields = 0;
        let flags = item.signature.transport_flags;
        let client = item.client.filter(|_| has(item_hints::CLIENT));
        field!(fields, out, item::CLIENT, client.and_then(|client| tables.client(client, flags, storage)));
        field!(fields, out, item::CLIENT_PORT, item.client_port.filter(|_| has(item_hints::CLIENT_PORT)));
        field!(fields, out, item::ID, item.id.filter(|_| has(item_hints::ID)));
        if has(item_hints::SIGNATURE) {
            field!(fields, out, item::SIGNATURE, tables.signature(&item.signature, storage));
        }
        field!(fields, out, item::HOP_LIMIT, item.hop_limit.filter(|_| has(item_hints::HOP_LIMIT)));
        let delay_ns = item.delay_ns.filter(|_| has(item_hints::DELAY));
        if let Some(delay) = delay_ns.and_then(|delay_ns| self.ticks.delay(item.time_ns, delay_ns)) {
            fields += 1;
            out.push(item::DELAY as u8);
            put_signed(out, delay);
        }
        if let Some(qname) = item.qname.filter(|_| has(item_hints::QNAME)) {
            field!(fields, out, item::QNAME, Some(tables.names.string(qname)));
        }
        field!(fields, out, item::QUERY_SIZE, item.query_size.filter(|_| has(item_hints::QUERY_SIZE)));
        field!(
            fields,
            out,
            item::RESPONSE_SIZE,
            item.response_size.filter(|_| has(item_hints::RESPONSE_SIZE))
        );
        if has(item_hints::PROCESSING) && (item.bailiwick.is_some() || item.processing_flags.is_some()) {
            fields += 1;
            out.push(item::PROCESSING as u8);
            put_processing(out, tables, item);
        }
        let sides = [
            (item::QUERY_EXTENDED, &item.query, QUERY_SECTIONS),
            (item::RESPONSE_EXTENDED, &item.response, RESPONSE_SECTIONS),
        ];
        for (key, sections, of) in sides {
            if !is_empty(sections) {
                let of = of.map(has);
                fields +=
                    tables.put_sections(out, key, sections, of, storage.hints.record, self.listed.as_ref());
            }
        }
        fields += put_private(out, item);
        let time_ns = item.time_ns.filter(|&time_ns| has(item_hints::TIME) && time_ns >= 0);
        self.items.push(time_ns, fields);
        true
    }

    /// Adds a malformed message, unless hints say that none is stored.
    pub fn add_malformed(&mut self, message: &MalformedMessage) {
        let storage = &self.preamble.parameters[0].storage;
        if storage.hints.other & 1 == 0 {
            return;
        }
        let (tables, out, flags) = (&mut self.tables, &mut self.malformed.encoded, message.transport_flags);
        let mut fields = 0;
        let client = message.client.and_then(|client| tables.client(client, flags, storage));
        field!(fields, out, malformed::CLIENT, client);
        field!(fields, out, malformed::CLIENT_PORT, message.client_port);
        field!(fields, out, malformed::DATA, tables.malformed(message, storage));
        self.malformed.push(message.time_ns.filter(|&time_ns| time_ns >= 0), fields);
    }

    /// Adds an address event, unless hints say that none is stored. Equal ones are not added up.
    pub fn add_event(&mut self, event: &AddressEvent) {
        let storage = &self.preamble.parameters[0].storage;
        if storage.hints.other & 2 == 0 {
            return;
        }
        let (tables, out, flags) = (&mut self.tables, &mut self.events.encoded, event.transport_flags);
        let mut fields = 0;
        let Some(address) = tables.client(event.address, flags, storage) else { return };
        field!(fields, out, event::KIND, Some(event.kind));
        field!(fields, out, event::CODE, event.code);
        field!(fields, out, event::ADDRESS, Some(address));
        field!(fields, out, event::TRANSPORT_FLAGS, flags);
        field!(fields, out, event::COUNT, Some(event.count));
        self.events.push(None, fields);
    }

    /// What was counted in the time of the block that is being made.
    pub fn set_statistics(&mut self, statistics: BlockStatistics) {
        self.statistics = Some(statistics);
    }

    /// When the block that is being made was. The earliest time is known from the items; one that is given counts only if it
    /// is earlier than these, or they have none.
    pub fn set_times(&mut self, times: BlockTimes) {
        self.times = times;
    }

    /// Writes the block and begins another. A block in which there is nothing is not written.
    pub fn finish_block(&mut self, out: &mut Vec<u8>) {
        let all = [&self.items, &self.events, &self.malformed];
        let keys = [block::ITEMS, block::EVENTS, block::MALFORMED];
        let arrays = || keys.into_iter().zip(all).filter(|(_, rows)| !rows.rows.is_empty());
        let tables = || self.tables.in_order().into_iter().filter(|(_, table)| table.len() > 0);
        let has_tables = tables().next().is_some();
        let maps = 1 + u64::from(self.statistics.is_some()) + u64::from(has_tables) + arrays().count() as u64;
        if maps > 1 {
            put_head(out, MAP, maps);
            let earliest_ns = all.iter().flat_map(|rows| &rows.rows).filter_map(|row| row.time_ns);
            let earliest_ns = earliest_ns.chain(self.times.earliest_ns).min().filter(|&ns| ns >= 0);
            self.put_block_preamble(out, earliest_ns);
            if let Some(statistics) = &self.statistics {
                out.push(block::STATISTICS as u8);
                put_statistics(out, statistics);
            }
            if has_tables {
                out.push(block::TABLES as u8);
                put_head(out, MAP, tables().count() as u64);
                for (key, table) in tables() {
                    out.push(key as u8);
                    put_head(out, ARRAY, table.len() as u64);
                    out.extend_from_slice(table.encoded());
                }
            }
            for (key, rows) in arrays() {
                out.push(key as u8);
                rows.put(out, self.ticks.floor(earliest_ns.unwrap_or(0)), self.ticks);
            }
        }
        [&mut self.items, &mut self.events, &mut self.malformed].into_iter().for_each(Rows::clear);
        self.tables.clear();
        (self.statistics, self.times) = (None, BlockTimes::default());
    }

    fn put_block_preamble(&self, out: &mut Vec<u8>, earliest_ns: Option<i64>) {
        let times = [
            (block_preamble::EARLIEST, earliest_ns),
            (block_preamble::END, self.times.end_ns.filter(|&ns| ns >= 0)),
            (block_preamble::START, self.times.start_ns.filter(|&ns| ns >= 0)),
        ];
        let times = || times.iter().filter_map(|&(key, time)| Some((key, time?)));
        out.push(block::PREAMBLE as u8);
        put_head(out, MAP, times().count() as u64);
        for (key, time_ns) in times() {
            put_signed(out, key);
            put_head(out, ARRAY, 2);
            put_head(out, UNSIGNED, (time_ns / NS_PER_SECOND) as u64);
            put_head(out, UNSIGNED, self.ticks.floor(time_ns % NS_PER_SECOND) as u64);
        }
    }
}

/// Hints of questions, answers, authority and additional records.
const QUERY_SECTIONS: [u64; 4] = [
    item_hints::QUERY_QUESTIONS,
    item_hints::QUERY_ANSWERS,
    item_hints::QUERY_AUTHORITY,
    item_hints::QUERY_ADDITIONAL,
];
const RESPONSE_SECTIONS: [u64; 4] = [
    item_hints::QUERY_QUESTIONS,
    item_hints::RESPONSE_ANSWERS,
    item_hints::RESPONSE_AUTHORITY,
    item_hints::RESPONSE_ADDITIONAL,
];

fn is_empty(sections: &Sections) -> bool {
    sections.questions.is_empty()
        && sections.answers.is_empty()
        && sections.authority.is_empty()
        && sections.additional.is_empty()
}

impl Tables {
    fn new(table: &Interned) -> Tables {
        let table = || table.clone();
        Tables {
            addresses: table(),
            class_types: table(),
            names: table(),
            signatures: table(),
            question_lists: table(),
            questions: table(),
            record_lists: table(),
            records: table(),
            malformed_data: table(),
            entry: Vec::new(),
            list: Vec::new(),
            list_with_head: Vec::new(),
        }
    }

    /// All tables, by their keys.
    fn in_order(&self) -> [(i64, &Interned); 9] {
        [
            (tables::ADDRESSES, &self.addresses),
            (tables::CLASS_TYPES, &self.class_types),
            (tables::NAMES, &self.names),
            (tables::SIGNATURES, &self.signatures),
            (tables::QUESTION_LISTS, &self.question_lists),
            (tables::QUESTIONS, &self.questions),
            (tables::RECORD_LISTS, &self.record_lists),
            (tables::RECORDS, &self.records),
            (tables::MALFORMED_DATA, &self.malformed_data),
        ]
    }

    fn clear(&mut self) {
        let all = [
            &mut self.addresses,
            &mut self.class_types,
            &mut self.names,
            &mut self.signatures,
            &mut self.question_lists,
            &mut self.questions,
            &mut self.record_lists,
            &mut self.records,
            &mut self.malformed_data,
        ];
        all.into_iter().for_each(Interned::clear);
    }

    /// The number of a client's address.
    #[inline]
    fn client(&mut self, of: &[u8], transport_flags: Option<u8>, storage: &StorageParameters) -> Option<u64> {
        let cut = cut(of, transport_flags, storage.client_prefix_v4, storage.client_prefix_v6)?;
        Some(self.addresses.string(cut.octets()))
    }

    /// The number of a server's address.
    #[inline]
    fn server(&mut self, of: &[u8], transport_flags: Option<u8>, storage: &StorageParameters) -> Option<u64> {
        let cut = cut(of, transport_flags, storage.server_prefix_v4, storage.server_prefix_v6)?;
        Some(self.addresses.string(cut.octets()))
    }

    #[inline]
    fn class_type(&mut self, of: ClassType) -> u64 {
        let mut entry = [0; 9];
        let mut length = 1;
        entry[0] = MAP << 5 | 2;
        for (key, value) in [(class_type::TYPE, of.rtype), (class_type::CLASS, of.class)] {
            let [high, low] = value.to_be_bytes();
            entry[length] = key as u8;
            length += match value {
                0..24 => {
                    entry[length + 1] = low;
                    2
                }
                24..256 => {
                    entry[length + 1..length + 3].copy_from_slice(&[24, low]);
                    3
                }
                _ => {
                    entry[length + 1..length + 4].copy_from_slice(&[25, high, low]);
                    4
                }
            };
        }
        self.class_types.value(&entry[..length])
    }

    /// The number of a signature, or `None` if nothing of it is stored.
    #[inline]
    fn signature(&mut self, of: &Signature, storage: &StorageParameters) -> Option<u64> {
        let hints = storage.hints.signature;
        let has = |key: i64| hints >> key & 1 != 0;
        let mut fields = 0;
        let server = of.server.filter(|_| has(signature::SERVER));
        let server = server.and_then(|server| self.server(server, of.transport_flags, storage));
        let class_type = of.class_type.filter(|_| has(signature::CLASS_TYPE)).map(|of| self.class_type(of));
        let opt = of.opt_rdata.filter(|_| has(signature::OPT_RDATA)).map(|rdata| self.names.string(rdata));
        let mut entry = std::mem::take(&mut self.entry);
        let out = &mut entry;
        out.clear();
        // The head: a map of 16 or fewer, or of 17.
        out.push(0);
        field!(fields, out, signature::SERVER, server);
        field!(fields, out, signature::SERVER_PORT, of.server_port.filter(|_| has(signature::SERVER_PORT)));
        let flags = of.transport_flags.filter(|_| has(signature::TRANSPORT_FLAGS));
        field!(fields, out, signature::TRANSPORT_FLAGS, flags);
        field!(fields, out, signature::QR_TYPE, of.qr_type.filter(|_| has(signature::QR_TYPE)));
        field!(fields, out, signature::SIG_FLAGS, of.sig_flags.filter(|_| has(signature::SIG_FLAGS)));
        field!(fields, out, signature::OPCODE, of.opcode.filter(|_| has(signature::OPCODE)));
        field!(fields, out, signature::DNS_FLAGS, of.dns_flags.filter(|_| has(signature::DNS_FLAGS)));
        field!(fields, out, signature::QUERY_RCODE, of.query_rcode.filter(|_| has(signature::QUERY_RCODE)));
        field!(fields, out, signature::CLASS_TYPE, class_type);
        field!(fields, out, signature::QDCOUNT, of.qdcount.filter(|_| has(signature::QDCOUNT)));
        field!(fields, out, signature::ANCOUNT, of.ancount.filter(|_| has(signature::ANCOUNT)));
        field!(fields, out, signature::NSCOUNT, of.nscount.filter(|_| has(signature::NSCOUNT)));
        field!(fields, out, signature::ARCOUNT, of.arcount.filter(|_| has(signature::ARCOUNT)));
        field!(
            fields,
            out,
            signature::EDNS_VERSION,
            of.edns_version.filter(|_| has(signature::EDNS_VERSION))
        );
        field!(fields, out, signature::UDP_SIZE, of.udp_size.filter(|_| has(signature::UDP_SIZE)));
        field!(fields, out, signature::OPT_RDATA, opt);
        let rcode = of.response_rcode.filter(|_| has(signature::RESPONSE_RCODE));
        field!(fields, out, signature::RESPONSE_RCODE, rcode);
        out[0] = MAP << 5 | fields;
        let number = (fields > 0).then(|| self.signatures.value(out));
        self.entry = entry;
        number
    }

    fn malformed(&mut self, of: &MalformedMessage, storage: &StorageParameters) -> Option<u64> {
        let mut fields = 0;
        let server = of.server.and_then(|server| self.server(server, of.transport_flags, storage));
        let mut entry = std::mem::take(&mut self.entry);
        let out = &mut entry;
        out.clear();
        out.push(0);
        field!(fields, out, malformed_data::SERVER, server);
        field!(fields, out, malformed_data::SERVER_PORT, of.server_port);
        field!(fields, out, malformed_data::TRANSPORT_FLAGS, of.transport_flags);
        if let Some(payload) = of.payload {
            fields += 1;
            out.push(malformed_data::PAYLOAD as u8);
            put_bytes(out, payload);
        }
        out[0] = MAP << 5 | fields;
        let number = (fields > 0).then(|| self.malformed_data.value(out));
        self.entry = entry;
        number
    }

    fn question(&mut self, of: &Question) -> u64 {
        let name = of.name.map(|name| self.names.string(name));
        let class_type = of.class_type.map(|of| self.class_type(of));
        let mut fields = 0;
        self.entry.clear();
        self.entry.push(0);
        field!(fields, &mut self.entry, record::NAME, name);
        field!(fields, &mut self.entry, record::CLASS_TYPE, class_type);
        self.entry[0] = MAP << 5 | fields;
        self.questions.value(&self.entry)
    }

    fn record(&mut self, of: &Record, hints: u64) -> u64 {
        let name = of.name.map(|name| self.names.string(name));
        let class_type = of.class_type.map(|of| self.class_type(of));
        let rdata = of.rdata.filter(|_| hints & 2 != 0).map(|rdata| self.names.string(rdata));
        let mut fields = 0;
        self.entry.clear();
        self.entry.push(0);
        field!(fields, &mut self.entry, record::NAME, name);
        field!(fields, &mut self.entry, record::CLASS_TYPE, class_type);
        field!(fields, &mut self.entry, record::TTL, of.ttl.filter(|_| hints & 1 != 0));
        field!(fields, &mut self.entry, record::RDATA, rdata);
        self.entry[0] = MAP << 5 | fields;
        self.records.value(&self.entry)
    }

    /// Encodes numbers as a list, and gives the number of that in its table; none if it is empty.
    fn list(
        &mut self,
        numbers: impl FnOnce(&mut Tables, &mut dyn FnMut(u64)),
        table: fn(&mut Tables) -> &mut Interned,
    ) -> Option<u64> {
        let (mut list, mut count) = (std::mem::take(&mut self.list), 0);
        list.clear();
        numbers(self, &mut |number| {
            put_head(&mut list, UNSIGNED, number);
            count += 1;
        });
        self.list = list;
        if count == 0 {
            return None;
        }
        let mut whole = std::mem::take(&mut self.list_with_head);
        whole.clear();
        put_head(&mut whole, ARRAY, count);
        whole.extend_from_slice(&self.list);
        let number = table(self).value(&whole);
        self.list_with_head = whole;
        Some(number)
    }

    /// Adds sections to an item. How many fields that are: one, or none if nothing is stored.
    fn put_sections(
        &mut self,
        out: &mut Vec<u8>,
        key: i64,
        sections: &Sections,
        stored: [bool; 4],
        hints: u64,
        listed: Option<&Listed>,
    ) -> u8 {
        let mut numbers = [None; 4];
        if stored[0] {
            numbers[0] = self.list(
                |tables, push| sections.questions.iter().for_each(|question| push(tables.question(question))),
                |tables| &mut tables.question_lists,
            );
        }
        for (section, records) in (1..).zip([sections.answers, sections.authority, sections.additional]) {
            if !stored[section] {
                continue;
            }
            let is_listed = |of: &&Record| match (listed, of.class_type) {
                (Some(listed), Some(of)) => listed.has_type(of.rtype),
                _ => true,
            };
            let records = records.iter().filter(is_listed);
            numbers[section] = self.list(
                |tables, push| records.for_each(|record| push(tables.record(record, hints))),
                |tables| &mut tables.record_lists,
            );
        }
        let count = numbers.iter().flatten().count();
        if count == 0 {
            return 0;
        }
        out.push(key as u8);
        put_head(out, MAP, count as u64);
        let keys = [extended::QUESTIONS, extended::ANSWERS, extended::AUTHORITY, extended::ADDITIONAL];
        let mut fields = 0;
        for (key, number) in keys.into_iter().zip(numbers) {
            field!(fields, out, key, number);
        }
        1
    }
}

fn put_processing(out: &mut Vec<u8>, tables: &mut Tables, item: &Item) {
    let both = [
        (processing::BAILIWICK, item.bailiwick.map(|name| tables.names.string(name))),
        (processing::FLAGS, item.processing_flags),
    ];
    let mut fields = 0;
    put_head(out, MAP, both.iter().filter(|(_, value)| value.is_some()).count() as u64);
    for (key, value) in both {
        field!(fields, out, key, value);
    }
}

/// CZ.NIC's fields, which have no hints. How many there are.
#[inline]
fn put_private(out: &mut Vec<u8>, item: &Item) -> u8 {
    let mut fields = 0;
    let texts = [
        (item::ASN, item.asn),
        (item::COUNTRY, item.country),
        (item::USER, item.user),
        (item::POLICY_RULE, item.policy_rule),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            fields += 1;
            put_signed(out, key);
            put_text(out, text);
        }
    }
    if let Some(rtt) = item.rtt {
        fields += 1;
        put_signed(out, item::RTT);
        put_signed(out, rtt);
    }
    if let Some(action) = item.policy_action {
        fields += 1;
        put_signed(out, item::POLICY_ACTION);
        put_head(out, UNSIGNED, action);
    }
    fields
}

fn put_statistics(out: &mut Vec<u8>, of: &BlockStatistics) {
    let common = [
        of.processed_messages,
        of.items,
        of.unmatched_queries,
        of.unmatched_responses,
        of.discarded_opcode,
        of.malformed,
    ];
    let keyed = (0..).zip(common).chain((1..).map(|n: i64| -n).zip(of.private));
    let keyed = keyed.filter_map(|(key, count)| Some((key, count?)));
    put_head(out, MAP, keyed.clone().count() as u64);
    for (key, count) in keyed {
        put_signed(out, key);
        put_head(out, UNSIGNED, count);
    }
}

/// The leading octets of an address.
struct Cut {
    octets: [u8; 16],
    length: usize,
}

impl Cut {
    #[inline]
    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Cuts an address to its prefix; bits behind it in its last octet are zero. Of no octets no address is left.
#[inline]
fn cut(address: &[u8], transport_flags: Option<u8>, v4: Option<u8>, v6: Option<u8>) -> Option<Cut> {
    let mut cut = Cut { octets: [0; 16], length: address.len().min(16) };
    cut.octets[..cut.length].copy_from_slice(&address[..cut.length]);
    let prefix = match is_ipv6(address, transport_flags) {
        Some(true) => v6,
        Some(false) => v4,
        None => None,
    };
    if let Some(bits) = prefix.map(usize::from)
        && bits.div_ceil(8) <= cut.length
    {
        cut.length = bits.div_ceil(8);
        if let Some(last) = cut.octets[..cut.length].last_mut() {
            *last &= !((0xFF_u16 >> ((bits + 7) % 8 + 1)) as u8);
        }
    }
    (cut.length > 0).then_some(cut)
}
