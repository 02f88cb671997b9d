//! Reading a part, block by block, whichever form it has.
//!
//! A part that is one of thousands is open only while some of it is read: [`Part::park`]. So their number takes no descriptors;
//! in memory each has 32 KiB of its file and two blocks, the second of which tells how far the first entries are all known.

use super::block::{BLOCK_MAX, Block, PAD, Packer, set_of};
use super::{END, FIRST, Form, HEADER_MAX, Header, KEY_MAX, MAGIC, PartError, Wrong};
use super::{can_be_key, op, reduced, shown};
use crate::parts::ledger::Ledger;
use dpp::tallies::entry::Op;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// So much is read at once.
const CHUNK: usize = 32 << 10;

/// A line has a key, a space, a number of twenty digits and an end.
const LINE_MAX: usize = KEY_MAX + 32;

/// A part that is being read: it stands at the first entry of its front block, or at its end.
pub struct Part {
    name: String,
    bytes: Bytes,
    form: Form,
    header: Header,
    front: Option<Block>,
    next: Option<Block>,
    /// The last key that was read.
    key: Vec<u8>,
    /// In text, whether that entry waits for others with its key, its number, and the entries before it.
    is_waiting: bool,
    number: u64,
    packer: Packer,
    /// Entries so far, of the compact form; of text, first lines and ends so far: of each there are as many as parts that were sorted into one.
    entries: u64,
    firsts: u64,
    ends: u64,
    is_read: bool,
}

/// What unpacks blocks, of any number of parts: it takes more memory than a part does.
pub(super) struct Unpacker(zstd::bulk::Decompressor<'static>);

impl Unpacker {
    pub(super) fn new() -> io::Result<Unpacker> {
        zstd::bulk::Decompressor::new().map(Unpacker)
    }
}

/// Whether something that begins so may be a part, in either form.
pub fn is_part(first: &[u8]) -> bool {
    first.starts_with(&MAGIC) || first.starts_with(FIRST.as_bytes())
}

impl Part {
    /// Opens a part that is a file, and looks whether its end is there.
    ///
    /// # Errors
    /// What is no part, or was cut.
    pub fn open(path: &Path) -> Result<Part, PartError> {
        let name = format!("'{}'", path.display());
        let opened = File::open(path).map_err(|error| Wrong::Io(error).of(&name))?;
        let known = opened.metadata().map_err(|error| Wrong::Io(error).of(&name))?;
        if known.is_dir() {
            return Err(Wrong::Io(ErrorKind::IsADirectory.into()).of(&name));
        }
        let mut supply = Supply::File(Again::new(path, opened, &known));
        if known.is_file() {
            supply.look_at_end(&known).map_err(|wrong| wrong.of(&name))?;
        } else {
            let Supply::File(Again { file: Some(file), .. }) = supply else { unreachable!("it was opened") };
            supply = Supply::Stream(Box::new(file));
        }
        Part::begin(name, supply)
    }

    /// Reads a part from somewhere else.
    ///
    /// # Errors
    /// What is no part.
    pub fn read(name: &str, from: impl Read + Send + 'static) -> Result<Part, PartError> {
        Part::begin(name.to_owned(), Supply::Stream(Box::new(from)))
    }

    fn begin(name: String, supply: Supply) -> Result<Part, PartError> {
        let mut part = Part {
            name,
            bytes: Bytes { supply, buffer: Vec::new(), at: 0 },
            form: Form::Text,
            header: Header::default(),
            front: None,
            next: None,
            key: Vec::new(),
            number: 0,
            is_waiting: false,
            packer: Packer::default(),
            entries: 0,
            firsts: 0,
            ends: 0,
            is_read: false,
        };
        part.head().map_err(|wrong| wrong.of(&part.name))?;
        Ok(part)
    }

    /// How it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is true of all of it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Which form it has.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The block that it stands in; `None` at the end.
    pub(super) fn front(&self) -> Option<&Block> {
        self.front.as_ref()
    }

    /// The block behind that; `None` if there is none.
    pub(super) fn next(&self) -> Option<&Block> {
        self.next.as_ref()
    }

    /// Reads on until there are two blocks, if there are. Gives whether there is one.
    pub(super) fn ready(&mut self, unpacker: &mut Unpacker) -> Result<bool, PartError> {
        while self.next.is_none() && !self.is_read {
            let block = self.read_block(unpacker).map_err(|wrong| wrong.of(&self.name))?;
            match self.front {
                None => self.front = block,
                Some(_) => self.next = block,
            }
        }
        Ok(self.front.is_some())
    }

    /// Gives away values of the set that it stands in, up to this one; they must be [known](Part::next). Gives the next.
    #[inline]
    pub(super) fn drain_set(
        &mut self,
        bound: u128,
        mut take: impl FnMut(u128),
    ) -> Result<Option<u128>, PartError> {
        while let Some(Block::Set(set)) = &mut self.front {
            if set.value > bound {
                return Ok(Some(set.value));
            }
            set.drain(bound, &mut take).map_err(|wrong| wrong.of(&self.name))?;
            if set.left == 0 {
                let (stem, digits) = (std::mem::take(&mut set.stem), set.digits);
                self.front = self.next.take();
                match &self.front {
                    Some(Block::Set(next)) if next.is_of(&stem, digits) => {}
                    _ => break,
                }
            }
        }
        Ok(None)
    }

    /// Gives away plain entries, up to this key; they must be [known](Part::next).
    pub(super) fn drain_plain(
        &mut self,
        bound: &[u8],
        mut take: impl FnMut(&[u8], u64),
    ) -> Result<(), PartError> {
        while let Some(Block::Plain(plain)) = &mut self.front {
            while plain.key[..] <= *bound {
                take(&plain.key, plain.number);
                if !plain.step().map_err(|wrong| wrong.of(&self.name))? {
                    break;
                }
            }
            if plain.left() > 0 {
                break;
            }
            self.front = self.next.take();
        }
        Ok(())
    }

    /// Reads what it says of files, which stands first.
    ///
    /// # Errors
    /// What is wrong with the part.
    pub(super) fn ledger(&mut self, unpacker: &mut Unpacker) -> Result<Ledger, PartError> {
        let mut ledger = Ledger::default();
        while self.ready(unpacker)? {
            let Some(Block::Plain(plain)) = &mut self.front else { break };
            let [b'+', b'!', key @ ..] = &plain.key[..] else { break };
            if !ledger.add(key, plain.number) {
                return Err(Wrong::Unknown(shown(&plain.key)).of(&self.name));
            }
            if !plain.step().map_err(|wrong| wrong.of(&self.name))? {
                self.front = self.next.take();
            }
        }
        Ok(ledger)
    }

    /// Closes its file until more of it is wanted, now and ever after.
    pub fn park(&mut self) {
        if let Supply::File(again) = &mut self.bytes.supply {
            (again.file, again.is_parked) = (None, true);
        }
    }

    /// An error of this part.
    pub fn error(&self, wrong: Wrong) -> PartError {
        wrong.of(&self.name)
    }

    /// Which form it has, and of a compact part the header.
    fn head(&mut self) -> Result<(), Wrong> {
        self.bytes.fill(MAGIC.len())?;
        let first = self.bytes.rest();
        if first.starts_with(&[0x1F, 0x8B]) || first.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            return Err(Wrong::Packed);
        }
        if first.starts_with(&MAGIC) {
            self.form = Form::Compact;
            self.bytes.at += MAGIC.len();
            let stored = self.bytes.u32()? as usize;
            let text = self.unpack(stored, HEADER_MAX, &mut Unpacker::new()?)?;
            let text = std::str::from_utf8(&text).map_err(|_| Wrong::Header)?;
            return text.lines().try_for_each(|line| self.header.line(line));
        }
        if !first.starts_with(&FIRST.as_bytes()[..FIRST.len().min(first.len())]) || first.is_empty() {
            return Err(Wrong::Foreign);
        }
        while self.bytes.fill(1)? && self.bytes.rest()[0] == b'#' {
            let Some(length) = self.bytes.line()? else { return Err(Wrong::Cut) };
            let line = std::str::from_utf8(&self.bytes.rest()[..length]).map_err(|_| Wrong::Header)?;
            self.firsts += u64::from(line.starts_with(FIRST));
            self.header.line(line)?;
            self.bytes.at += length + 1;
        }
        if self.firsts == 0 { Err(Wrong::Foreign) } else { Ok(()) }
    }

    /// The next block; none at the end.
    fn read_block(&mut self, unpacker: &mut Unpacker) -> Result<Option<Block>, Wrong> {
        match self.form {
            Form::Text => self.pack_lines(),
            Form::Compact => self.read_packed(unpacker),
        }
    }

    /// Lines become the block that they would be in the compact form.
    fn pack_lines(&mut self) -> Result<Option<Block>, Wrong> {
        while !(self.is_read || self.is_waiting && self.is_packed()) {
            self.next_line()?;
        }
        if self.packer.is_empty() {
            return Ok(None);
        }
        let mut block = Vec::new();
        self.packer.pack(&mut block);
        Block::of(block).map(Some)
    }

    /// Whether the entry that waits is of the next block.
    fn is_packed(&self) -> bool {
        self.packer.is_full() || !self.packer.fits(&self.key, set_of(&self.key))
    }

    /// Takes a line. The entry that waits is whole if the line is of another key.
    fn next_line(&mut self) -> Result<(), Wrong> {
        let Some(length) = self.bytes.line()? else {
            if self.ends == 0 || self.ends != self.firsts {
                return Err(Wrong::Cut);
            }
            if std::mem::take(&mut self.is_waiting) {
                self.packer.put(&self.key, self.number, set_of(&self.key));
            }
            self.is_read = true;
            return Ok(());
        };
        let at = self.bytes.at;
        self.bytes.at += length + 1;
        let line = &self.bytes.buffer[at..at + length];
        if line.first() == Some(&b'#') {
            return Err(Wrong::Unsorted(shown(line), shown(&self.key)));
        }
        let space = line.iter().position(|&byte| byte == b' ').ok_or_else(|| Wrong::Line(shown(line)))?;
        let (key, digits) = (&line[..space], &line[space + 1..]);
        let number = number(digits).ok_or_else(|| Wrong::Number(shown(line)))?;
        let (sign, name) = key.split_first().ok_or_else(|| Wrong::Line(shown(line)))?;
        let op = op(*sign).filter(|_| can_be_key(name)).ok_or_else(|| Wrong::Line(shown(line)))?;
        if op == Op::Member && number != 1 {
            return Err(Wrong::Number(shown(line)));
        }
        if *key < self.key[..] {
            return Err(Wrong::Unsorted(shown(key), shown(&self.key)));
        }
        if key == END {
            self.ends += 1;
            return Ok(());
        }
        if self.ends > 0 {
            return Err(Wrong::Behind);
        }
        if self.is_waiting && *key == self.key[..] {
            self.number = reduced(op, self.number, number).ok_or_else(|| Wrong::Overflow(shown(key)))?;
            return Ok(());
        }
        if self.is_waiting {
            self.packer.put(&self.key, self.number, set_of(&self.key));
        }
        key.clone_into(&mut self.key);
        (self.number, self.is_waiting) = (number, true);
        Ok(())
    }

    /// Unpacks the next block.
    fn read_packed(&mut self, unpacker: &mut Unpacker) -> Result<Option<Block>, Wrong> {
        let stored = self.bytes.u32()? as usize;
        if stored == 0 {
            let entries = u64::from_le_bytes(self.bytes.take(8)?.try_into().expect("eight octets"));
            if entries != self.entries {
                return Err(Wrong::Damaged("entries are missing"));
            }
            self.is_read = true;
            return if self.bytes.fill(1)? { Err(Wrong::Behind) } else { Ok(None) };
        }
        let block = Block::of(self.unpack(stored, BLOCK_MAX, unpacker)?)?;
        self.entries = self.entries.saturating_add(block.left());
        let mut first = Vec::new();
        block.key(&mut first);
        if first <= self.key {
            return Err(Wrong::Unsorted(shown(&first), shown(&self.key)));
        }
        self.key = block.last_key();
        Ok(Some(block))
    }

    /// Unpacks a block of which so many octets are stored.
    fn unpack(&mut self, stored: usize, max: usize, unpacker: &mut Unpacker) -> Result<Vec<u8>, Wrong> {
        let raw = self.bytes.u32()? as usize;
        if raw > max || stored > max + max / 64 + 64 || raw == 0 {
            return Err(Wrong::Damaged("a block says what cannot be"));
        }
        let mut unpacked = Vec::with_capacity(raw + PAD);
        unpacked.resize(raw, 0);
        let packed = self.bytes.take(stored)?;
        match unpacker.0.decompress_to_buffer(packed, &mut unpacked[..]) {
            Ok(length) if length == raw => Ok(unpacked),
            _ => Err(Wrong::Damaged("a block that cannot be unpacked")),
        }
    }
}

/// A number as parts have it: digits, no sign, no zeros in front.
fn number(digits: &[u8]) -> Option<u64> {
    let is_plain =
        digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits.first() != Some(&b'0'));
    std::str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
}

/// What was read of a part and not yet used.
struct Bytes {
    supply: Supply,
    buffer: Vec<u8>,
    at: usize,
}

impl Bytes {
    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Reads on until there are so many octets, if there are.
    fn fill(&mut self, wanted: usize) -> Result<bool, Wrong> {
        while self.buffer.len() - self.at < wanted {
            self.buffer.drain(..self.at);
            self.at = 0;
            let before = self.buffer.len();
            self.buffer.resize(before + CHUNK.max(wanted - before), 0);
            let read = self.supply.read(&mut self.buffer[before..]);
            self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take(&mut self, length: usize) -> Result<&[u8], Wrong> {
        if !self.fill(length)? {
            return Err(Wrong::Cut);
        }
        self.at += length;
        Ok(&self.buffer[self.at - length..self.at])
    }

    fn u32(&mut self) -> Result<u32, Wrong> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four octets")))
    }

    /// How long the next line is without its end; `None` behind the last.
    fn line(&mut self) -> Result<Option<usize>, Wrong> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.rest()[searched..].iter().position(|&byte| byte == b'\n') {
                return Ok(Some(searched + end));
            }
            searched = self.rest().len();
            // Those of the header name servers.
            let most = if self.rest().first() == Some(&b'#') { HEADER_MAX } else { LINE_MAX };
            if searched > most {
                return Err(Wrong::Line(shown(self.rest())));
            }
            if !self.fill(searched + 1)? {
                return if searched == 0 { Ok(None) } else { Err(Wrong::Cut) };
            }
        }
    }
}

/// Where a part's bytes come from.
enum Supply {
    Stream(Box<dyn Read + Send>),
    File(Again),
}

/// A file that may be opened again where it was left.
struct Again {
    path: PathBuf,
    file: Option<File>,
    is_parked: bool,
    offset: u64,
    /// Which file it was, and of which size and time.
    known: [i128; 4],
}

impl Again {
    fn new(path: &Path, file: File, known: &std::fs::Metadata) -> Again {
        Again { path: path.to_owned(), file: Some(file), is_parked: false, offset: 0, known: identity(known) }
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Wrong> {
        let file = match &mut self.file {
            Some(file) => file,
            closed => {
                let mut file = File::open(&self.path)?;
                if identity(&file.metadata()?) != self.known {
                    return Err(Wrong::Changed);
                }
                file.seek(SeekFrom::Start(self.offset))?;
                closed.insert(file)
            }
        };
        let read = loop {
            match file.read(out) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.offset += read as u64;
        if self.is_parked {
            self.file = None;
        }
        Ok(read)
    }
}

fn identity(known: &std::fs::Metadata) -> [i128; 4] {
    let modified_ns = i128::from(known.mtime()) * 1_000_000_000 + i128::from(known.mtime_nsec());
    [known.dev().into(), known.ino().into(), known.size().into(), modified_ns]
}

impl Supply {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Wrong> {
        match self {
            Supply::File(again) => again.read(out),
            Supply::Stream(stream) => loop {
                match stream.read(out) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    read => return Ok(read?),
                }
            },
        }
    }

    /// Whether a file ends as parts do, so that one that was cut is known before it is read.
    fn look_at_end(&mut self, known: &std::fs::Metadata) -> Result<(), Wrong> {
        let Supply::File(Again { file: Some(file), .. }) = self else { return Ok(()) };
        let mut first = [0; MAGIC.len()];
        let length = read_up_to(file, &mut first)?;
        let is_text = first.starts_with(&FIRST.as_bytes()[..MAGIC.len()]);
        let is_compact = first == MAGIC;
        let mut last = [0; 12];
        if let Some(at) = known.len().checked_sub(last.len() as u64) {
            file.seek(SeekFrom::Start(at))?;
            read_up_to(file, &mut last)?;
        }
        file.seek(SeekFrom::Start(0))?;
        let is_end = match (is_text, is_compact) {
            (true, _) => last.ends_with(b"\n>~end 1\n"),
            (_, true) => last.starts_with(&[0; 4]),
            // A few octets may be the beginning of either; what else it is will be seen.
            _ => length > 0 || known.len() > 0,
        };
        if is_end { Ok(()) } else { Err(Wrong::Cut) }
    }
}

fn read_up_to(file: &mut File, out: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < out.len() {
        match file.read(&mut out[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
