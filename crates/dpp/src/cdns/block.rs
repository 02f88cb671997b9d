//! One block: its tables, and its items with everything looked up.
//!
//! The tables are only places in the block's bytes; an entry is read when an item names it, since most are named about once.
//! Signatures are the exception: some hundred serve thousands of items, and are kept read. Items are read one by one, after
//! the tables, wherever these stand in the block.

use super::cbor::{Cursor, Pieces, Text, set};
use super::keys::{
    block, block_preamble, class_type, event, extended, item, malformed, malformed_data, processing, record,
    signature, tables,
};
use super::{
    AddressEvent, BlockParameters, BlockStatistics, BlockTimes, ClassType, Fault, Faults, FilePreamble, Item,
    MalformedMessage, Question, Record, Refused, Sections, Signature,
};
use crate::limits::{CDNS_BLOCK_MAX, CDNS_ENTRIES_MAX, CDNS_RECORDS_PER_OCTET, CDNS_SIGNATURES_KEPT};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// A block, ready to give its items.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    bytes: &'a [u8],
    /// Whether the bytes may end before the block does.
    is_cut: bool,
    /// Strings of the tables that lie there in pieces, joined.
    joined: Vec<u8>,
    parameters: &'a BlockParameters,
    parameters_index: usize,
    clock: Clock,
    times: BlockTimes,
    statistics: BlockStatistics,
    tables: Tables,
    /// Where the arrays begin.
    items: Option<usize>,
    events: Option<usize>,
    malformed: Option<usize>,
    faults: Faults,
}

/// The tables of a block: for each entry, where it is. A string is a [`Span`].
#[derive(Clone, Debug, Default)]
struct Tables {
    addresses: Vec<Span>,
    class_types: Vec<u32>,
    names: Vec<Span>,
    signatures: Vec<u32>,
    /// The first of them, read.
    kept: Vec<Named>,
    question_lists: Vec<u32>,
    questions: Vec<u32>,
    record_lists: Vec<u32>,
    records: Vec<u32>,
    malformed_data: Vec<u32>,
}

/// A place in the block's bytes, or, behind them, in the strings that were joined.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: u32,
    length: u32,
}

/// A signature as it is stored: with numbers of entries.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    signature: Signature<'static>,
    server: Option<u64>,
    class_type: Option<u64>,
    opt_rdata: Option<u64>,
}

/// What makes ticks nanoseconds. Where these do not come out even, they are rounded up: who writes the ticks again rounds
/// down, and gets the same.
#[derive(Clone, Copy, Debug)]
struct Clock {
    ticks_per_second: u64,
    /// Nanoseconds of a tick, if they are a whole number.
    tick_ns: Option<i64>,
    /// The earliest time, in ticks since 1970.
    earliest: Option<i128>,
    earliest_ns: Option<i64>,
}

impl Clock {
    fn new(ticks_per_second: u64) -> Clock {
        let even = ticks_per_second > 0 && (NS_PER_SECOND as u64).is_multiple_of(ticks_per_second);
        let tick_ns = even.then(|| (NS_PER_SECOND as u64 / ticks_per_second) as i64);
        Clock { ticks_per_second, tick_ns, earliest: None, earliest_ns: None }
    }

    fn ticks(&self, (seconds, ticks): (u64, u64)) -> Option<i128> {
        i128::from(seconds).checked_mul(self.ticks_per_second.into())?.checked_add(ticks.into())
    }

    fn ns(&self, ticks: i128) -> Option<i64> {
        let per_second = i128::from(self.ticks_per_second);
        let ns = ticks.checked_mul(NS_PER_SECOND)?.checked_add(per_second - 1)?.div_euclid(per_second);
        i64::try_from(ns).ok()
    }

    #[inline]
    fn time_ns(&self, offset: i64) -> Result<i64, Fault> {
        let earliest = self.earliest.ok_or(Fault::Incomplete)?;
        let time_ns = match (self.tick_ns, self.earliest_ns) {
            (Some(tick_ns), Some(earliest_ns)) => {
                offset.checked_mul(tick_ns).and_then(|offset_ns| offset_ns.checked_add(earliest_ns))
            }
            _ => earliest.checked_add(offset.into()).and_then(|ticks| self.ns(ticks)),
        };
        time_ns.ok_or(Fault::OutOfRange)
    }

    /// A delay, of what was at a time.
    #[inline]
    fn delay_ns(&self, offset: Option<i64>, delay: i64) -> Result<i64, Fault> {
        let delay_ns = match (self.tick_ns, offset, self.earliest) {
            (Some(tick_ns), ..) => delay.checked_mul(tick_ns),
            (None, Some(offset), Some(earliest)) => {
                let at = earliest.checked_add(offset.into()).ok_or(Fault::OutOfRange)?;
                let then = at.checked_add(delay.into()).and_then(|then| self.ns(then));
                then.zip(self.ns(at)).and_then(|(then, at)| then.checked_sub(at))
            }
            _ => self.ns(delay.into()),
        };
        delay_ns.ok_or(Fault::OutOfRange)
    }
}

impl<'a> Block<'a> {
    /// Reads the bytes of a whole block, which [`Step::Block`](super::Step::Block) found.
    ///
    /// # Errors
    /// [`Refused`] if the block is damaged as a whole, or chooses parameters that the file does not have.
    pub fn parse(bytes: &'a [u8], preamble: &'a FilePreamble) -> Result<Block<'a>, Refused> {
        Block::parse_any(bytes, preamble, false)
    }

    /// Reads the beginning of a block whose end is missing. It has those items that are whole, if its tables are.
    ///
    /// # Errors
    /// As [`Block::parse`].
    pub fn parse_cut(bytes: &'a [u8], preamble: &'a FilePreamble) -> Result<Block<'a>, Refused> {
        Block::parse_any(bytes, preamble, true)
    }

    fn parse_any(bytes: &'a [u8], preamble: &'a FilePreamble, is_cut: bool) -> Result<Block<'a>, Refused> {
        if bytes.len() > CDNS_BLOCK_MAX {
            return Err(Refused::Damaged("a block is longer than 64 MiB"));
        }
        let mut read = Block {
            bytes,
            is_cut,
            joined: Vec::new(),
            parameters: preamble
                .parameters
                .first()
                .ok_or(Refused::Damaged("there are no block parameters"))?,
            parameters_index: 0,
            clock: Clock::new(1),
            times: BlockTimes::default(),
            statistics: BlockStatistics::default(),
            tables: Tables::default(),
            items: None,
            events: None,
            malformed: None,
            faults: Faults::default(),
        };
        let (mut head, mut has_tables) = (Head::default(), false);
        match read.fields(&mut head, &mut has_tables) {
            Err(Fault::Cut) if is_cut => {}
            Err(fault) => return Err(Refused::Damaged(fault.sentence())),
            Ok(()) => {}
        }
        if is_cut && !has_tables {
            // They may have come later: without them items would be only numbers.
            (read.items, read.events, read.malformed) = (None, None, None);
        }
        read.parameters_index = usize::try_from(head.parameters).unwrap_or(usize::MAX);
        read.parameters = preamble
            .parameters
            .get(read.parameters_index)
            .ok_or(Refused::Damaged("a block chooses parameters that the file does not have"))?;
        read.set_clock(&head)?;
        read.keep_signatures();
        Ok(read)
    }

    /// From when the times of a block count (ns since 1970 UTC), by its preamble alone: nothing else of it is read.
    pub fn earliest_ns(bytes: &[u8], preamble: &FilePreamble) -> Option<i64> {
        let (mut head, mut faults) = (Head::default(), Faults::default());
        // To say that the rest is cut ends the reading.
        let _ = Cursor::new(bytes, 0).fields(&mut faults, |key, cursor, faults| match key {
            block::PREAMBLE => head.read(cursor, faults).and(Err(Fault::Cut)),
            _ => cursor.skip(),
        });
        let parameters = preamble.parameters.get(usize::try_from(head.parameters).ok()?)?;
        let clock = Clock::new(parameters.storage.ticks_per_second);
        clock.ticks(head.earliest?).filter(|_| clock.ticks_per_second > 0).and_then(|ticks| clock.ns(ticks))
    }

    fn set_clock(&mut self, head: &Head) -> Result<(), Refused> {
        let mut clock = Clock::new(self.parameters.storage.ticks_per_second);
        if clock.ticks_per_second == 0 {
            return Err(Refused::Damaged("a block's parameters do not say how long a tick is"));
        }
        let ns = |time: Option<_>| time.and_then(|time| clock.ticks(time)).and_then(|ticks| clock.ns(ticks));
        let [earliest_ns, start_ns, end_ns] = [head.earliest, head.start, head.end].map(ns);
        self.times = BlockTimes { earliest_ns, start_ns, end_ns };
        clock.earliest_ns = earliest_ns;
        clock.earliest = head.earliest.and_then(|time| clock.ticks(time));
        self.clock = clock;
        Ok(())
    }

    fn fields(&mut self, head: &mut Head, has_tables: &mut bool) -> Result<(), Fault> {
        let mut faults = Faults::default();
        let read = Cursor::new(self.bytes, 0).fields(&mut faults, |key, cursor, faults| match key {
            block::PREAMBLE => head.read(cursor, faults),
            block::STATISTICS => statistics(cursor, faults, &mut self.statistics),
            block::TABLES => {
                self.tables(cursor, faults)?;
                *has_tables = true;
                Ok(())
            }
            block::ITEMS => array_at(&mut self.items, cursor),
            block::EVENTS => array_at(&mut self.events, cursor),
            block::MALFORMED => array_at(&mut self.malformed, cursor),
            _ => cursor.skip(),
        });
        self.faults = faults;
        read
    }

    fn tables(&mut self, cursor: &mut Cursor<'a>, faults: &mut Faults) -> Result<(), Fault> {
        let (tables, joined) = (&mut self.tables, &mut self.joined);
        *tables = Tables::default();
        let (mut left, begin) = (CDNS_ENTRIES_MAX, self.bytes.len());
        cursor.fields(faults, |key, cursor, faults| match key {
            tables::ADDRESSES => strings(&mut tables.addresses, cursor, joined, begin, &mut left, faults),
            tables::CLASS_TYPES => places(&mut tables.class_types, cursor, &mut left),
            tables::NAMES => strings(&mut tables.names, cursor, joined, begin, &mut left, faults),
            tables::SIGNATURES => places(&mut tables.signatures, cursor, &mut left),
            tables::QUESTION_LISTS => places(&mut tables.question_lists, cursor, &mut left),
            tables::QUESTIONS => places(&mut tables.questions, cursor, &mut left),
            tables::RECORD_LISTS => places(&mut tables.record_lists, cursor, &mut left),
            tables::RECORDS => places(&mut tables.records, cursor, &mut left),
            tables::MALFORMED_DATA => places(&mut tables.malformed_data, cursor, &mut left),
            _ => cursor.skip(),
        })
    }

    fn keep_signatures(&mut self) {
        let mut faults = Faults::default();
        let kept = self.tables.signatures.iter().take(CDNS_SIGNATURES_KEPT);
        self.tables.kept = kept.map(|&at| named_signature(self.bytes, at, &mut faults)).collect();
        self.faults.merge(&faults);
    }

    /// The parameters that the block has chosen.
    pub fn parameters(&self) -> &'a BlockParameters {
        self.parameters
    }

    /// Their number in the file.
    pub fn parameters_index(&self) -> usize {
        self.parameters_index
    }

    /// When the block was.
    pub fn times(&self) -> BlockTimes {
        self.times
    }

    /// What the collector counted.
    pub fn statistics(&self) -> &BlockStatistics {
        &self.statistics
    }

    /// What is wrong with the block besides its items.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The items, to be taken one at a time.
    pub fn items(&self) -> Items<'_> {
        Items {
            block: self,
            rows: Rows::new(self, self.items),
            records_left: self.bytes.len() as u64 * CDNS_RECORDS_PER_OCTET + 65_536,
            joined: Vec::new(),
            questions: [Vec::new(), Vec::new()],
            records: Default::default(),
        }
    }

    /// Gives all items, in their order. What is wrong with them is counted.
    pub fn for_each_item(&self, faults: &mut Faults, mut each: impl FnMut(&Item<'_>)) {
        let mut items = self.items();
        while let Some(item) = items.next(faults) {
            each(&item);
        }
    }

    /// Gives all malformed messages.
    pub fn for_each_malformed(&self, faults: &mut Faults, mut each: impl FnMut(&MalformedMessage<'_>)) {
        let (mut rows, mut joined) = (Rows::new(self, self.malformed), Vec::new());
        let read = |cursor: &mut Cursor<'a>, faults: &mut Faults| self.malformed(cursor, faults);
        while let Some((message, pieces)) = rows.next(faults, read) {
            joined.clear();
            let in_pieces = pieces.is_some();
            pieces.into_iter().flatten().for_each(|piece| joined.extend_from_slice(piece));
            let payload = if in_pieces { Some(&joined[..]) } else { message.payload };
            each(&MalformedMessage { payload, ..message });
        }
    }

    /// Gives all address events.
    pub fn for_each_event(&self, faults: &mut Faults, mut each: impl FnMut(&AddressEvent<'_>)) {
        let mut rows = Rows::new(self, self.events);
        while let Some(event) = rows.next(faults, |cursor, faults| self.event(cursor, faults)) {
            each(&event);
        }
    }

    fn octets(&self, span: Span) -> &[u8] {
        let (at, length) = (span.at as usize, span.length as usize);
        match at.checked_sub(self.bytes.len()) {
            None => &self.bytes[at..at + length],
            Some(at) => &self.joined[at..at + length],
        }
    }

    #[inline]
    fn address(&self, number: u64) -> Result<&[u8], Fault> {
        let octets = self.octets(*entry(&self.tables.addresses, number)?);
        if (1..=16).contains(&octets.len()) { Ok(octets) } else { Err(Fault::OutOfRange) }
    }

    #[inline]
    fn name(&self, number: u64) -> Result<&[u8], Fault> {
        let octets = self.octets(*entry(&self.tables.names, number)?);
        if is_name(octets) { Ok(octets) } else { Err(Fault::NotName) }
    }

    #[inline]
    fn rdata(&self, number: u64) -> Result<&[u8], Fault> {
        let octets = self.octets(*entry(&self.tables.names, number)?);
        if octets.len() <= usize::from(u16::MAX) { Ok(octets) } else { Err(Fault::OutOfRange) }
    }

    fn class_type(&self, number: u64, faults: &mut Faults) -> Result<ClassType, Fault> {
        let at = *entry(&self.tables.class_types, number)?;
        let (mut rtype, mut class) = (None, None);
        Cursor::new(self.bytes, at as usize).fields(faults, |key, cursor, _| match key {
            class_type::TYPE => set(&mut rtype, cursor.number::<u16>()),
            class_type::CLASS => set(&mut class, cursor.number::<u16>()),
            _ => cursor.skip(),
        })?;
        let both = rtype.zip(class).map(|(rtype, class)| ClassType { rtype, class });
        both.ok_or(Fault::Incomplete)
    }

    fn signature(&self, number: u64, faults: &mut Faults) -> Result<Signature<'_>, Fault> {
        let at = *entry(&self.tables.signatures, number)?;
        let named = match self.tables.kept.get(number as usize) {
            Some(kept) => *kept,
            None => named_signature(self.bytes, at, faults),
        };
        let mut signature: Signature<'_> = named.signature;
        signature.server = keep(named.server.map(|number| self.address(number)), faults);
        signature.class_type = keep(named.class_type.map(|number| self.class_type(number, faults)), faults);
        signature.opt_rdata = keep(named.opt_rdata.map(|number| self.rdata(number)), faults);
        Ok(signature)
    }

    fn question(&self, number: u64, faults: &mut Faults) -> Result<Question<'_>, Fault> {
        let (at, mut read) = (*entry(&self.tables.questions, number)?, Question::default());
        Cursor::new(self.bytes, at as usize).fields(faults, |key, cursor, faults| match key {
            record::NAME => set(&mut read.name, cursor.unsigned().and_then(|number| self.name(number))),
            record::CLASS_TYPE => {
                let number = cursor.unsigned();
                set(&mut read.class_type, number.and_then(|number| self.class_type(number, faults)))
            }
            _ => cursor.skip(),
        })?;
        Ok(read)
    }

    fn record(&self, number: u64, faults: &mut Faults) -> Result<Record<'_>, Fault> {
        let (at, mut read) = (*entry(&self.tables.records, number)?, Record::default());
        Cursor::new(self.bytes, at as usize).fields(faults, |key, cursor, faults| match key {
            record::NAME => set(&mut read.name, cursor.unsigned().and_then(|number| self.name(number))),
            record::CLASS_TYPE => {
                let number = cursor.unsigned();
                set(&mut read.class_type, number.and_then(|number| self.class_type(number, faults)))
            }
            record::TTL => set(&mut read.ttl, cursor.number::<u32>()),
            record::RDATA => set(&mut read.rdata, cursor.unsigned().and_then(|number| self.rdata(number))),
            _ => cursor.skip(),
        })?;
        Ok(read)
    }

    fn event(&self, cursor: &mut Cursor<'a>, faults: &mut Faults) -> Result<AddressEvent<'_>, Fault> {
        let (mut read, mut kind, mut address, mut count) = (AddressEvent::default(), None, None, None);
        cursor.fields(faults, |key, cursor, _| match key {
            event::KIND => set(&mut kind, cursor.unsigned()),
            event::CODE => set(&mut read.code, cursor.unsigned()),
            event::ADDRESS => set(&mut address, cursor.unsigned().and_then(|number| self.address(number))),
            event::TRANSPORT_FLAGS => set(&mut read.transport_flags, cursor.number::<u8>()),
            event::COUNT => set(&mut count, cursor.unsigned()),
            _ => cursor.skip(),
        })?;
        let (Some(kind), Some(address), Some(count)) = (kind, address, count) else {
            return Err(Fault::Incomplete);
        };
        Ok(AddressEvent { kind, address, count, ..read })
    }

    fn malformed(
        &self,
        cursor: &mut Cursor<'a>,
        faults: &mut Faults,
    ) -> Result<(MalformedMessage<'_>, Option<Pieces<'_>>), Fault> {
        let (mut read, mut data, mut pieces) = (MalformedMessage::default(), None, None);
        cursor.fields(faults, |key, cursor, _| match key {
            malformed::TIME => {
                set(&mut read.time_ns, cursor.signed().and_then(|offset| self.clock.time_ns(offset)))
            }
            malformed::CLIENT => {
                set(&mut read.client, cursor.unsigned().and_then(|number| self.address(number)))
            }
            malformed::CLIENT_PORT => set(&mut read.client_port, cursor.number::<u16>()),
            malformed::DATA => {
                let number = cursor.unsigned();
                set(&mut data, number.and_then(|number| entry(&self.tables.malformed_data, number)))
            }
            _ => cursor.skip(),
        })?;
        if let Some(&at) = data {
            let done = self.malformed_data(at, &mut read, &mut pieces, faults);
            keep(Some(done), faults);
        }
        Ok((read, pieces))
    }

    fn malformed_data<'s>(
        &'s self,
        at: u32,
        read: &mut MalformedMessage<'s>,
        pieces: &mut Option<Pieces<'s>>,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        Cursor::new(self.bytes, at as usize).fields(faults, |key, cursor, _| match key {
            malformed_data::SERVER => {
                set(&mut read.server, cursor.unsigned().and_then(|number| self.address(number)))
            }
            malformed_data::SERVER_PORT => set(&mut read.server_port, cursor.number::<u16>()),
            malformed_data::TRANSPORT_FLAGS => set(&mut read.transport_flags, cursor.number::<u8>()),
            malformed_data::PAYLOAD => match cursor.string()? {
                Text::Whole(octets) => set(&mut read.payload, Ok(octets)),
                Text::InPieces(several) => set(pieces, Ok(several)),
            },
            _ => cursor.skip(),
        })
    }
}

/// What a block says of itself first.
#[derive(Default)]
struct Head {
    earliest: Option<(u64, u64)>,
    parameters: u64,
    start: Option<(u64, u64)>,
    end: Option<(u64, u64)>,
}

impl Head {
    fn read(&mut self, cursor: &mut Cursor, faults: &mut Faults) -> Result<(), Fault> {
        cursor.fields(faults, |key, cursor, faults| match key {
            block_preamble::EARLIEST => set(&mut self.earliest, time(cursor, faults)),
            block_preamble::PARAMETERS_INDEX => set(&mut self.parameters, cursor.unsigned()),
            block_preamble::START => set(&mut self.start, time(cursor, faults)),
            block_preamble::END => set(&mut self.end, time(cursor, faults)),
            _ => cursor.skip(),
        })
    }
}

/// Seconds, and ticks.
fn time(cursor: &mut Cursor, _: &mut Faults) -> Result<(u64, u64), Fault> {
    let mut missing = cursor.array()?;
    let mut two = [0; 2];
    for part in &mut two {
        if !cursor.another(&mut missing)? {
            return Err(Fault::Incomplete);
        }
        *part = cursor.unsigned()?;
    }
    while cursor.another(&mut missing)? {
        cursor.skip()?;
    }
    Ok((two[0], two[1]))
}

fn statistics(cursor: &mut Cursor, faults: &mut Faults, read: &mut BlockStatistics) -> Result<(), Fault> {
    cursor.fields(faults, |key, cursor, _| match key {
        0 => set(&mut read.processed_messages, cursor.unsigned()),
        1 => set(&mut read.items, cursor.unsigned()),
        2 => set(&mut read.unmatched_queries, cursor.unsigned()),
        3 => set(&mut read.unmatched_responses, cursor.unsigned()),
        4 => set(&mut read.discarded_opcode, cursor.unsigned()),
        5 => set(&mut read.malformed, cursor.unsigned()),
        -12..=-1 => set(&mut read.private[(-1 - key) as usize], cursor.unsigned()),
        _ => cursor.skip(),
    })
}

/// Notes where an array is. One that is cut is there all the same.
fn array_at(place: &mut Option<usize>, cursor: &mut Cursor) -> Result<(), Fault> {
    let at = cursor.at();
    let mut within = *cursor;
    within.array()?;
    *place = Some(at);
    cursor.skip()
}

/// Notes where the values of an array are.
fn places(table: &mut Vec<u32>, cursor: &mut Cursor, left: &mut usize) -> Result<(), Fault> {
    let mut missing = cursor.array()?;
    while cursor.another(&mut missing)? {
        *left = left.checked_sub(1).ok_or(Fault::TooManyEntries)?;
        table.push(cursor.at() as u32);
        cursor.skip()?;
    }
    Ok(())
}

/// Notes where the strings of an array are. What is no string keeps its place, empty: neither a name nor an address.
fn strings(
    table: &mut Vec<Span>,
    cursor: &mut Cursor,
    joined: &mut Vec<u8>,
    behind: usize,
    left: &mut usize,
    faults: &mut Faults,
) -> Result<(), Fault> {
    let mut missing = cursor.array()?;
    while cursor.another(&mut missing)? {
        *left = left.checked_sub(1).ok_or(Fault::TooManyEntries)?;
        let (start, mut span) = (cursor.at(), Span { at: 0, length: 0 });
        let read = cursor.string().map(|text| match text {
            Text::Whole(octets) => {
                span = Span { at: (cursor.at() - octets.len()) as u32, length: octets.len() as u32 };
            }
            Text::InPieces(pieces) => {
                let at = joined.len();
                pieces.for_each(|piece| joined.extend_from_slice(piece));
                span = Span { at: (behind + at) as u32, length: (joined.len() - at) as u32 };
            }
        });
        cursor.settle(read, start, faults)?;
        table.push(span);
    }
    Ok(())
}

#[inline]
fn entry<T>(table: &[T], number: u64) -> Result<&T, Fault> {
    usize::try_from(number).ok().and_then(|number| table.get(number)).ok_or(Fault::NoSuchEntry)
}

/// What was looked up, or nothing, and the fault is counted. The bytes go on, whatever it is.
#[inline]
fn keep<T>(found: Option<Result<T, Fault>>, faults: &mut Faults) -> Option<T> {
    found?.map_err(|fault| faults.count(fault)).ok()
}

/// Whether octets are one name, as on the wire without compression.
#[inline]
fn is_name(octets: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&length @ 1..=63) = octets.get(at) {
        at += 1 + usize::from(length);
    }
    octets.get(at) == Some(&0) && at + 1 == octets.len() && octets.len() <= 255
}

/// Reads a signature; what is wrong with it is counted.
fn named_signature(bytes: &[u8], at: u32, faults: &mut Faults) -> Named {
    let mut named = Named::default();
    let read = &mut named.signature;
    let done = Cursor::new(bytes, at as usize).fields(faults, |key, cursor, _| match key {
        signature::SERVER => set(&mut named.server, cursor.unsigned()),
        signature::SERVER_PORT => set(&mut read.server_port, cursor.number::<u16>()),
        signature::TRANSPORT_FLAGS => set(&mut read.transport_flags, cursor.number::<u8>()),
        signature::QR_TYPE => set(&mut read.qr_type, cursor.number::<u8>()),
        signature::SIG_FLAGS => set(&mut read.sig_flags, cursor.number::<u8>()),
        signature::OPCODE => set(&mut read.opcode, cursor.number::<u8>()),
        signature::DNS_FLAGS => set(&mut read.dns_flags, cursor.number::<u32>()),
        signature::QUERY_RCODE => set(&mut read.query_rcode, cursor.number::<u16>()),
        signature::CLASS_TYPE => set(&mut named.class_type, cursor.unsigned()),
        signature::QDCOUNT => set(&mut read.qdcount, cursor.number::<u16>()),
        signature::ANCOUNT => set(&mut read.ancount, cursor.number::<u16>()),
        signature::NSCOUNT => set(&mut read.nscount, cursor.number::<u16>()),
        signature::ARCOUNT => set(&mut read.arcount, cursor.number::<u16>()),
        signature::EDNS_VERSION => set(&mut read.edns_version, cursor.number::<u8>()),
        signature::UDP_SIZE => set(&mut read.udp_size, cursor.number::<u16>()),
        signature::OPT_RDATA => set(&mut named.opt_rdata, cursor.unsigned()),
        signature::RESPONSE_RCODE => set(&mut read.response_rcode, cursor.number::<u16>()),
        _ => cursor.skip(),
    });
    keep(Some(done), faults);
    named
}

/// The values of one of the block's arrays, one at a time.
#[derive(Clone, Debug)]
struct Rows<'b> {
    cursor: Cursor<'b>,
    missing: u64,
    is_cut: bool,
}

impl<'b> Rows<'b> {
    fn new(block: &Block<'b>, at: Option<usize>) -> Rows<'b> {
        let mut cursor = Cursor::new(block.bytes, at.unwrap_or(0));
        let missing = at.and_then(|_| cursor.array().ok()).unwrap_or(0);
        Rows { cursor, missing, is_cut: block.is_cut }
    }

    /// The next value that can be read.
    #[inline(always)]
    fn next<T>(
        &mut self,
        faults: &mut Faults,
        mut read: impl FnMut(&mut Cursor<'b>, &mut Faults) -> Result<T, Fault>,
    ) -> Option<T> {
        loop {
            match self.cursor.another(&mut self.missing) {
                Ok(true) => {}
                Ok(false) => return self.over(None, faults),
                Err(fault) => return self.over(Some(fault), faults),
            }
            let start = self.cursor.at();
            match read(&mut self.cursor, faults) {
                Ok(value) => return Some(value),
                Err(fault) => {
                    if let Err(fault) = self.cursor.settle(Err(fault), start, faults) {
                        return self.over(Some(fault), faults);
                    }
                }
            }
        }
    }

    #[cold]
    fn over<T>(&mut self, fault: Option<Fault>, faults: &mut Faults) -> Option<T> {
        self.missing = 0;
        match fault {
            // That the block is cut is known.
            Some(Fault::Cut) if self.is_cut => {}
            Some(fault) => faults.count(fault),
            None => {}
        }
        None
    }
}

/// The items of a block, one at a time: not an iterator, because an item borrows memory that the next one takes.
#[derive(Clone, Debug)]
pub struct Items<'b> {
    block: &'b Block<'b>,
    rows: Rows<'b>,
    /// How many more records and questions may be named.
    records_left: u64,
    /// Texts of the item that lie there in pieces, joined.
    joined: Vec<u8>,
    questions: [Vec<Question<'b>>; 2],
    /// Of query and response: answers, authority, additional.
    records: [[Vec<Record<'b>>; 3]; 2],
}

/// An item's further sections, as numbers of lists: questions, answers, authority, additional.
type Lists = [Option<u64>; 4];

/// Texts that may lie in pieces: where they are among the joined ones.
type Joined = [Option<(usize, usize)>; 4];

impl<'b> Items<'b> {
    /// The next item.
    pub fn next(&mut self, faults: &mut Faults) -> Option<Item<'_>> {
        let (block, joined) = (self.block, &mut self.joined);
        let (read, lists, texts) =
            self.rows.next(faults, |cursor, faults| read_item(block, joined, cursor, faults))?;
        for (side, lists) in lists.iter().enumerate() {
            self.look_up(side, lists, faults);
        }
        let mut item: Item<'_> = read;
        for (text, place) in
            texts.iter().zip([&mut item.asn, &mut item.country, &mut item.user, &mut item.policy_rule])
        {
            if let Some((from, to)) = *text {
                *place = Some(&self.joined[from..to]);
            }
        }
        (item.query, item.response) = (self.sections(0), self.sections(1));
        Some(item)
    }

    fn sections(&self, side: usize) -> Sections<'_> {
        let [answers, authority, additional] = &self.records[side];
        Sections { questions: &self.questions[side], answers, authority, additional }
    }

    fn look_up(&mut self, side: usize, lists: &Lists, faults: &mut Faults) {
        let (block, left) = (self.block, &mut self.records_left);
        let lists_of = |section: usize| match section {
            0 => &block.tables.question_lists,
            _ => &block.tables.record_lists,
        };
        for (section, number) in lists.iter().enumerate() {
            let (questions, records) = (&mut self.questions[side], &mut self.records[side]);
            match section {
                0 => questions.clear(),
                _ => records[section - 1].clear(),
            }
            let Some(number) = *number else { continue };
            let done = entry(lists_of(section), number).and_then(|&at| {
                each_number(block.bytes, at, left, faults, |number, faults| {
                    match section {
                        0 => questions.push(block.question(number, faults)?),
                        _ => records[section - 1].push(block.record(number, faults)?),
                    }
                    Ok(())
                })
            });
            keep(Some(done), faults);
        }
    }
}

/// Calls with each number of a list. What cannot be found is counted and left out.
fn each_number(
    bytes: &[u8],
    at: u32,
    left: &mut u64,
    faults: &mut Faults,
    mut each: impl FnMut(u64, &mut Faults) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut cursor = Cursor::new(bytes, at as usize);
    let mut missing = cursor.array()?;
    let mut so_many = 0..u16::MAX;
    while cursor.another(&mut missing)? {
        if *left == 0 || so_many.next().is_none() {
            return Err(Fault::TooManyRecords);
        }
        *left -= 1;
        let start = cursor.at();
        match cursor.unsigned() {
            Ok(number) => {
                keep(Some(each(number, faults)), faults);
            }
            Err(fault) => cursor.settle(Err(fault), start, faults)?,
        }
    }
    Ok(())
}

/// Reads an item but for its sections.
#[inline(always)]
fn read_item<'b>(
    block: &'b Block<'b>,
    joined: &mut Vec<u8>,
    cursor: &mut Cursor<'b>,
    faults: &mut Faults,
) -> Result<(Item<'b>, [Lists; 2], Joined), Fault> {
    let (mut read, mut lists, mut texts) = (Item::default(), [Lists::default(); 2], Joined::default());
    let (mut offset, mut delay) = (None, None);
    joined.clear();
    cursor.fields(faults, |key, cursor, faults| match key {
        // Some of compactor's are before the time that it says is the earliest.
        item::TIME => set(&mut offset, cursor.signed()),
        item::CLIENT => set(&mut read.client, cursor.unsigned().and_then(|number| block.address(number))),
        item::CLIENT_PORT => set(&mut read.client_port, cursor.number::<u16>()),
        item::ID => set(&mut read.id, cursor.number::<u16>()),
        item::SIGNATURE => {
            let number = cursor.unsigned();
            set(&mut read.signature, number.and_then(|number| block.signature(number, faults)))
        }
        item::HOP_LIMIT => set(&mut read.hop_limit, cursor.number::<u8>()),
        item::DELAY => set(&mut delay, cursor.signed()),
        item::QNAME => set(&mut read.qname, cursor.unsigned().and_then(|number| block.name(number))),
        item::QUERY_SIZE => set(&mut read.query_size, cursor.number::<u32>()),
        item::RESPONSE_SIZE => set(&mut read.response_size, cursor.number::<u32>()),
        item::PROCESSING => cursor.fields(faults, |key, cursor, _| match key {
            processing::BAILIWICK => {
                set(&mut read.bailiwick, cursor.unsigned().and_then(|number| block.name(number)))
            }
            processing::FLAGS => set(&mut read.processing_flags, cursor.unsigned()),
            _ => cursor.skip(),
        }),
        item::QUERY_EXTENDED => read_lists(&mut lists[0], cursor, faults),
        item::RESPONSE_EXTENDED => read_lists(&mut lists[1], cursor, faults),
        item::ASN => text(&mut read.asn, &mut texts[0], cursor, joined),
        item::COUNTRY => text(&mut read.country, &mut texts[1], cursor, joined),
        item::RTT => set(&mut read.rtt, cursor.signed()),
        item::USER => text(&mut read.user, &mut texts[2], cursor, joined),
        item::POLICY_ACTION => set(&mut read.policy_action, cursor.unsigned()),
        item::POLICY_RULE => text(&mut read.policy_rule, &mut texts[3], cursor, joined),
        _ => cursor.skip(),
    })?;
    read.time_ns = keep(offset.map(|offset| block.clock.time_ns(offset)), faults);
    read.delay_ns = keep(delay.map(|delay| block.clock.delay_ns(offset, delay)), faults);
    Ok((read, lists, texts))
}

fn read_lists(lists: &mut Lists, cursor: &mut Cursor, faults: &mut Faults) -> Result<(), Fault> {
    cursor.fields(faults, |key, cursor, _| match key {
        extended::QUESTIONS..=extended::ADDITIONAL => set(&mut lists[key as usize], cursor.unsigned()),
        _ => cursor.skip(),
    })
}

fn text<'b>(
    place: &mut Option<&'b [u8]>,
    in_pieces: &mut Option<(usize, usize)>,
    cursor: &mut Cursor<'b>,
    joined: &mut Vec<u8>,
) -> Result<(), Fault> {
    match cursor.string()? {
        Text::Whole(octets) => (*place, *in_pieces) = (Some(octets), None),
        Text::InPieces(pieces) => {
            let from = joined.len();
            pieces.for_each(|piece| joined.extend_from_slice(piece));
            *in_pieces = Some((from, joined.len()));
        }
    }
    Ok(())
}
