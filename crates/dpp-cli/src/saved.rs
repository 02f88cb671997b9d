//! `--save-skipped`: the first packets of each reason, as a capture to look at.
//!
//! A run only remembers where they are; a second reading fetches them, which ends at the last of them. So it costs a run
//! nothing, but a capture on standard input cannot be had twice. What is written is pcapng: an interface for each link
//! type, and each packet with its reason as a comment, which Wireshark shows beside it.

use crate::captures::Opener;
use crate::checks::Job;
use crate::output::Target;
use crate::run::Done;
use dpp::capture::{Chunk, Cutter, Record, Settings};
use dpp::packet::{SKIPS, Skip, Skips};
use dpp_sink::part_file::PartFile;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many of each reason unless set otherwise.
pub(crate) const EXAMPLES: u16 = 8;

/// Where the packets go, and how many of each reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) path: PathBuf,
    pub(crate) examples: usize,
}

impl Saved {
    /// Saves the first skipped packets of each table's captures.
    ///
    /// # Errors
    /// If a capture cannot be read any more, or the file not be written.
    pub(crate) fn save(&self, job: &Job, tables: &[Done]) -> anyhow::Result<()> {
        let mut file = Pcapng::create(&self.path)?;
        for table in tables {
            let wanted = self.wanted(&table.outcome.totals.skips);
            self.copy(job, table, &wanted, &mut file)?;
        }
        if file.left_out > 0 {
            let (left_out, path) = (file.left_out, self.path.display());
            eprintln!(
                "{path}: without {left_out} skipped dnstap frames or C-DNS blocks, which pcapng has no place for"
            );
        }
        Ok(file.finish()?)
    }

    /// The positions of the packets, with their reasons.
    fn wanted(&self, skips: &Skips) -> BTreeMap<u64, Skip> {
        let of = |skip| skips.first(skip).take(self.examples).map(move |position| (position, skip));
        SKIPS.iter().flat_map(|row| of(row.0)).collect()
    }

    fn copy(
        &self,
        job: &Job,
        table: &Done,
        wanted: &BTreeMap<u64, Skip>,
        file: &mut Pcapng,
    ) -> anyhow::Result<()> {
        let Some((&last, _)) = wanted.last_key_value() else { return Ok(()) };
        let opener = Opener::new(job.manner, Arc::default());
        let captures = opener.captures(table.taken.iter().map(|taken| taken.input.clone()))?;
        let plan = &job.plan;
        let settings = Settings {
            bytes: 256 << 10,
            packets: usize::MAX,
            jump_ns: plan.limits.jump_ns,
            monotonic: false,
            merge: plan.merge,
        };
        // Where each capture has its own table, it also has its own frame 1.
        let of = match (&job.target, &table.taken[..]) {
            (Target::Directory { .. }, [taken]) => format!(" of {}", taken.input.name()),
            _ => String::new(),
        };
        let (mut cutter, mut chunk) = (Cutter::new(captures, settings)?, Chunk::default());
        let mut next = 0;
        while next <= last
            && let Some(read) = cutter.next(chunk)?
        {
            next = read.first_position + read.records.len() as u64;
            for (&position, &skip) in wanted.range(read.first_position..next) {
                let record = &read.records[(position - read.first_position) as usize];
                // There is no link type for what is no packet.
                if Record::no_packet(record.linktype).is_some() {
                    file.left_out += 1;
                    continue;
                }
                let (frame, sentence) = (position + 1, SKIPS[skip as usize].2);
                let comment = format!("frame {frame}{of}, {}: {sentence}", skip.name());
                file.packet(record.linktype, record.time_ns, read.packet(record), &comment)?;
            }
            chunk = read;
        }
        Ok(())
    }
}

/// A pcapng file in the making. All its numbers are little-endian.
struct Pcapng {
    file: BufWriter<PartFile>,
    /// The number of the interface for each link type.
    interfaces: HashMap<u16, u32>,
    /// How many dnstap frames and C-DNS blocks it has no place for.
    left_out: u64,
}

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// Options.
const COMMENT: u16 = 1;
const TIME_RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;

impl Pcapng {
    fn create(path: &Path) -> io::Result<Pcapng> {
        let file = BufWriter::new(PartFile::create(path)?);
        let mut pcapng = Pcapng { file, interfaces: HashMap::new(), left_out: 0 };
        let unknown_length = [0xff; 8];
        pcapng.block(
            SECTION,
            &[&0x1A2B_3C4D_u32.to_le_bytes(), &1_u16.to_le_bytes(), &[0; 2], &unknown_length],
        )?;
        Ok(pcapng)
    }

    fn packet(&mut self, linktype: u16, time_ns: i64, bytes: &[u8], comment: &str) -> io::Result<()> {
        let interface = self.interface(linktype)?;
        let (time, length) = (time_ns as u64, bytes.len() as u32);
        let numbers = [interface, (time >> 32) as u32, time as u32, length, length].map(u32::to_le_bytes);
        let option = option(COMMENT, comment.as_bytes());
        self.block(PACKET, &[numbers.as_flattened(), &padded(bytes), &option, &[0; 4]])
    }

    /// The interface for a link type; described when it is first needed.
    fn interface(&mut self, linktype: u16) -> io::Result<u32> {
        if let Some(&number) = self.interfaces.get(&linktype) {
            return Ok(number);
        }
        let number = self.interfaces.len() as u32;
        self.interfaces.insert(linktype, number);
        let option = option(TIME_RESOLUTION, &[NANOSECONDS]);
        self.block(INTERFACE, &[&linktype.to_le_bytes(), &[0; 6], &option, &[0; 4]])?;
        Ok(number)
    }

    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let body = parts.concat();
        let length = (12 + body.len() as u32).to_le_bytes();
        self.file.write_all(&[&kind.to_le_bytes()[..], &length, &body, &length].concat())
    }

    /// The file gets its name.
    fn finish(self) -> io::Result<()> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    }
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), &padded(value)].concat()
}

/// With as many zeros behind as make a multiple of four.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}
