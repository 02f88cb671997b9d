//! C-DNS (RFC 8618): each row an item, in blocks of so many.
//!
//! Any worker prepares the rows of a chunk: names and data are written out without compression, fields are put where an
//! item wants them ([`prepared`]). The one lane has the tables of the block and only looks up what it has there already; a
//! block ends behind a number of rows, so that where chunks were cut shows nowhere. What is stored, [`settings`] says.
//!
//! The surprising fact: a row is not always an item. A query of several questions is several rows and one item, and a query
//! whose question cannot be read is a malformed message, kept as it was.

mod prepared;
mod settings;
mod veiled;

pub use settings::{FIELDS, Field, Prefixes, SECTIONS, Sections, Settings, all_opcodes, all_rr_types};

use crate::TableSink;
use dpp::cdns::{
    BlockParameters, BlockStatistics, CollectionParameters, FilePreamble, Hints, Question, Record,
    StorageParameters, Writer, item_hints,
};
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::privacy::Privacy;
use prepared::{Prepared, Preparing, Row};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bit 0 of the storage flags: addresses or names are not those of the traffic.
const ANONYMISED: u64 = 1;

/// A C-DNS file in the making.
#[derive(Debug)]
pub struct CdnsFile<W> {
    preparing: Preparing,
    lane: Mutex<Lane<W>>,
    /// What was prepared, to be filled again.
    spare: Mutex<Vec<Prepared>>,
}

impl<W: Write> CdnsFile<W> {
    /// Writes what stands before the blocks. The seed is for hash tables, and shows in no file.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W, plan: &Plan, settings: &Settings, seed: u64) -> io::Result<Self> {
        let writer = Writer::new(preamble(plan, settings), seed);
        let writer = if settings.is_listed() { writer.only_listed() } else { writer };
        let counts = Counted { discarded: settings.is_listed(), malformed: settings.has_malformed() };
        let mut lane = Lane {
            out,
            writer,
            counts,
            tally: Tally::default(),
            encoded: Vec::new(),
            row: Prepared::default(),
        };
        lane.writer.begin(&mut lane.encoded);
        lane.write()?;
        let preparing = Preparing::new(hints(plan, settings), plan.context.clone());
        Ok(CdnsFile { preparing, lane: Mutex::new(lane), spare: Mutex::default() })
    }

    fn lane(&self) -> MutexGuard<'_, Lane<W>> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Prepared>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be stored. Where names are dropped, none is.
fn hints(plan: &Plan, settings: &Settings) -> Hints {
    let hints = settings.hints();
    match plan.context.drops_names() {
        true => Hints { item: hints.item & !item_hints::QNAME, ..hints },
        false => hints,
    }
}

/// The schemes by which addresses and names were replaced, in the words that the program is asked with.
fn method(privacy: &Privacy) -> Option<String> {
    let addresses = privacy.addresses.as_ref().map(|map| map.scheme().to_string());
    let names = privacy.names.as_ref().map(|map| format!("names {}", map.scheme()));
    let methods: Vec<String> = addresses.into_iter().chain(names).collect();
    (!methods.is_empty()).then(|| methods.join(", "))
}

/// What stands before the blocks: nothing of the machine, and nothing of the time.
fn preamble(plan: &Plan, settings: &Settings) -> FilePreamble {
    let storage = StorageParameters {
        ticks_per_second: settings.ticks_per_second,
        max_block_items: settings.block_items,
        hints: hints(plan, settings),
        opcodes: settings.opcodes.clone().unwrap_or_else(all_opcodes),
        rr_types: settings.rr_types.clone().unwrap_or_else(all_rr_types),
        flags: plan.context.privacy.is_active().then_some(ANONYMISED),
        client_prefix_v4: settings.prefixes.client_v4,
        client_prefix_v6: settings.prefixes.client_v6,
        server_prefix_v4: settings.prefixes.server_v4,
        server_prefix_v6: settings.prefixes.server_v6,
        sampling_method: None,
        anonymization_method: method(&plan.context.privacy),
    };
    // Told by a key that is compactor's own, and only if it is not what everybody expects.
    let port = match plan.ports.ranges() {
        [range] if range.start() == range.end() => Some(u64::from(*range.start())).filter(|port| *port != 53),
        _ => None,
    };
    let collection = CollectionParameters {
        query_timeout_ms: u64::try_from(plan.match_timeout_ns / 1_000_000).ok(),
        generator: Some(settings.generator.clone()),
        dns_port: port,
        ..CollectionParameters::default()
    };
    let parameters = vec![BlockParameters { storage, collection: Some(collection) }];
    FilePreamble { parameters, ..FilePreamble::default() }
}

/// A chunk's rows.
#[derive(Debug)]
pub struct Piece {
    prepared: Prepared,
    /// All rows, if they are too long to be prepared at once, and how many of them are prepared: at least one.
    rest: Option<(Rows, usize)>,
}

impl<W: Write + Send> Sink for CdnsFile<W> {
    type Piece = Piece;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Piece {
        let mut prepared = self.spare().pop().unwrap_or_default();
        let done = prepared.fill(&rows, &self.preparing);
        if done < rows.len() {
            return Piece { prepared, rest: Some((rows, done)) };
        }
        pool.recycle(rows);
        Piece { prepared, rest: None }
    }

    fn size(&self, piece: &Piece) -> usize {
        piece.prepared.size() + piece.rest.as_ref().map_or(0, |(rows, _)| rows.size())
    }

    fn accept(&self, _lane: usize, piece: &Piece) -> io::Result<()> {
        let lane = &mut *self.lane();
        lane.accept(&piece.prepared)?;
        let Some((rows, done)) = &piece.rest else { return Ok(()) };
        let mut row = std::mem::take(&mut lane.row);
        let mut rows = rows.iter().skip(done - 1);
        let mut before = rows.next();
        for transaction in rows {
            row.fill_one(&transaction, before.as_ref(), &self.preparing);
            lane.accept(&row)?;
            before = Some(transaction);
        }
        lane.row = row;
        Ok(())
    }

    fn recycle(&self, piece: Piece, pool: &Pool) {
        self.spare().push(piece.prepared);
        if let Some((rows, _)) = piece.rest {
            pool.recycle(rows);
        }
    }
}

impl<W: Write + Send> TableSink<W> for CdnsFile<W> {
    /// Writes the last block. What is told of the run has no place in the format.
    fn finish(self, _: Vec<(String, String)>) -> io::Result<W> {
        let mut lane = self.lane.into_inner().unwrap_or_else(PoisonError::into_inner);
        lane.finish_block()?;
        lane.writer.end(&mut lane.encoded);
        lane.write()?;
        Ok(lane.out)
    }
}

/// The block that is being made.
#[derive(Debug)]
struct Lane<W> {
    out: W,
    writer: Writer,
    counts: Counted,
    tally: Tally,
    encoded: Vec<u8>,
    /// For rows that were not prepared.
    row: Prepared,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
struct Counted {
    discarded: bool,
    malformed: bool,
}

/// What is counted for a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    messages: u64,
    items: u64,
    unmatched_queries: u64,
    unmatched_responses: u64,
    discarded: u64,
    malformed: u64,
}

impl Tally {
    fn count(&mut self, row: &Row, is_stored: bool) {
        if !is_stored {
            self.discarded += u64::from(row.messages);
            return;
        }
        self.items += 1;
        self.messages += u64::from(row.messages);
        match (row.has_query, row.has_response) {
            (true, false) => self.unmatched_queries += 1,
            (false, true) => self.unmatched_responses += 1,
            _ => {}
        }
    }
}

impl<W: Write> Lane<W> {
    fn accept(&mut self, piece: &Prepared) -> io::Result<()> {
        let questions: Vec<Question> = piece.questions().collect();
        let records: Vec<Record> = piece.records().collect();
        for row in piece.rows() {
            if let Some(message) = piece.malformed(row) {
                self.tally.malformed += 1;
                self.writer.add_malformed(&message);
            }
            if let Some(item) = piece.item(row, &questions, &records) {
                let is_stored = self.writer.add(&item);
                self.tally.count(row, is_stored);
            }
            if self.writer.is_full() {
                self.finish_block()?;
            }
        }
        Ok(())
    }

    fn finish_block(&mut self) -> io::Result<()> {
        let tally = std::mem::take(&mut self.tally);
        if tally == Tally::default() {
            return Ok(());
        }
        self.writer.set_statistics(BlockStatistics {
            processed_messages: Some(tally.messages),
            items: Some(tally.items),
            unmatched_queries: Some(tally.unmatched_queries),
            unmatched_responses: Some(tally.unmatched_responses),
            // What is not looked for is not counted.
            discarded_opcode: self.counts.discarded.then_some(tally.discarded),
            malformed: self.counts.malformed.then_some(tally.malformed),
            ..BlockStatistics::default()
        });
        self.writer.finish_block(&mut self.encoded);
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(&self.encoded)?;
        self.encoded.clear();
        Ok(())
    }
}
