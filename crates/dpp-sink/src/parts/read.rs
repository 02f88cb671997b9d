//! Reading a part, entry by entry, whichever form it has.
//!
//! A part that is one of thousands is open only while some of it is read: [`Part::park`]. So their number takes no descriptors.

use super::{END, FIRST, Form, HEADER_MAX, Header, KEY_MAX, MAGIC, PartError, Wrong, can_be_key, op, shown};
use crate::parts::ledger::Ledger;
use dpp::tallies::entry::Op;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// So much is read at once.
const CHUNK: usize = 32 << 10;

/// The longest block of a compact part, as it was; ours are shorter.
const BLOCK_MAX: usize = 1 << 20;

/// A line has a key, a space, a number of twenty digits and an end.
const LINE_MAX: usize = KEY_MAX + 32;

/// A part that is being read: it stands at an entry, or at its end.
pub struct Part {
    name: String,
    bytes: Bytes,
    form: Form,
    header: Header,
    /// The entries that were unpacked last, and where the next of them is; of compact parts alone.
    block: Vec<u8>,
    at: usize,
    /// The entry at hand: sign and key, and its number. No key is the end.
    key: Vec<u8>,
    number: u64,
    /// Entries so far; of text, first lines and ends so far: of each there are as many as parts that were sorted into one.
    entries: u64,
    firsts: u64,
    ends: u64,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
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
            block: Vec::new(),
            at: 0,
            key: Vec::new(),
            number: 0,
            entries: 0,
            firsts: 0,
            ends: 0,
            decompressor: None,
        };
        part.head().and_then(|()| part.step_over()).map_err(|wrong| wrong.of(&part.name))?;
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

    /// The entry at hand: sign and key. `None` at the end.
    #[inline]
    pub fn key(&self) -> Option<&[u8]> {
        (!self.key.is_empty()).then_some(&self.key[..])
    }

    /// Its number.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The entry at hand; `None` at the end.
    pub fn entry(&self) -> Option<(Op, &[u8], u64)> {
        let (sign, key) = self.key.split_first()?;
        Some((op(*sign)?, key, self.number))
    }

    /// Goes on to the next entry.
    ///
    /// # Errors
    /// What is wrong with the part.
    #[inline]
    pub fn step(&mut self) -> Result<(), PartError> {
        self.step_over().map_err(|wrong| wrong.of(&self.name))
    }

    /// Reads what it says of files, which stands first.
    ///
    /// # Errors
    /// What is wrong with the part.
    pub fn ledger(&mut self) -> Result<Ledger, PartError> {
        let mut ledger = Ledger::default();
        while let Some((Op::Sum, [b'!', key @ ..], number)) = self.entry() {
            if !ledger.add(key, number) {
                return Err(Wrong::Unknown(shown(&self.key)).of(&self.name));
            }
            self.step()?;
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
            self.decompressor = Some(zstd::bulk::Decompressor::new()?);
            self.bytes.at += MAGIC.len();
            let stored = self.bytes.u32()? as usize;
            self.unpack(stored)?;
            let text = std::mem::take(&mut self.block);
            let text = std::str::from_utf8(&text).map_err(|_| Wrong::Header)?;
            return text.lines().try_for_each(|line| self.header.line(line));
        }
        match first.starts_with(&FIRST.as_bytes()[..FIRST.len().min(first.len())]) && !first.is_empty() {
            true => Ok(()),
            false => Err(Wrong::Foreign),
        }
    }

    #[inline]
    fn step_over(&mut self) -> Result<(), Wrong> {
        match self.form {
            Form::Text => self.next_line(),
            Form::Compact => self.next_packed(),
        }
    }

    fn next_line(&mut self) -> Result<(), Wrong> {
        loop {
            let Some(length) = self.bytes.line()? else {
                self.key.clear();
                return if self.ends > 0 && self.ends == self.firsts { Ok(()) } else { Err(Wrong::Cut) };
            };
            let at = self.bytes.at;
            self.bytes.at += length + 1;
            let line = &self.bytes.buffer[at..at + length];
            if line.first() == Some(&b'#') {
                if self.entries > 0 {
                    return Err(Wrong::Unsorted(shown(line), shown(&self.key)));
                }
                let line = std::str::from_utf8(line).map_err(|_| Wrong::Header)?;
                self.firsts += u64::from(line.starts_with(FIRST));
                self.header.line(line)?;
                continue;
            }
            let space = line.iter().position(|&byte| byte == b' ').ok_or_else(|| Wrong::Line(shown(line)))?;
            let (key, digits) = (&line[..space], &line[space + 1..]);
            let number = number(digits).ok_or_else(|| Wrong::Number(shown(line)))?;
            if self.firsts == 0 {
                return Err(Wrong::Foreign);
            }
            let (sign, name) = key.split_first().ok_or_else(|| Wrong::Line(shown(line)))?;
            let op = op(*sign).filter(|_| can_be_key(name)).ok_or_else(|| Wrong::Line(shown(line)))?;
            if op == Op::Member && number != 1 {
                return Err(Wrong::Number(shown(line)));
            }
            if key < &self.key[..] {
                return Err(Wrong::Unsorted(shown(key), shown(&self.key)));
            }
            self.entries += 1;
            self.key.clear();
            self.key.extend_from_slice(key);
            self.number = number;
            if key == END {
                self.ends += 1;
                continue;
            }
            return if self.ends > 0 { Err(Wrong::Behind) } else { Ok(()) };
        }
    }

    #[inline]
    fn next_packed(&mut self) -> Result<(), Wrong> {
        if self.at == self.block.len() && !self.next_block()? {
            self.key.clear();
            return Ok(());
        }
        if self.ends > 0 {
            return Err(Wrong::Behind);
        }
        let is_first = self.at == 0;
        let shared = self.varint()? as usize;
        let rest = self.varint()? as usize;
        if shared > self.key.len() || (is_first && shared > 0) || rest == 0 || shared + rest > KEY_MAX {
            return Err(Wrong::Damaged("a key that cannot be"));
        }
        let rest = self.block.get(self.at..self.at + rest).ok_or(Wrong::Damaged("a key that is cut"))?;
        self.at += rest.len();
        // With more in common than it says, a key would not be behind the one before.
        if *rest <= self.key[shared..] {
            let mut key = self.key[..shared].to_vec();
            key.extend_from_slice(rest);
            return Err(Wrong::Unsorted(shown(&key), shown(&self.key)));
        }
        if !rest.iter().all(u8::is_ascii_graphic) {
            return Err(Wrong::Damaged("a key that cannot be"));
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(rest);
        let op = self.key.first().copied().and_then(op).filter(|_| self.key.len() > 1);
        self.number = match op {
            None => return Err(Wrong::Damaged("a key without operator")),
            Some(Op::Member) => 1,
            Some(_) => self.varint()?,
        };
        self.entries += 1;
        if self.key == END {
            self.ends += 1;
            return self.next_packed();
        }
        Ok(())
    }

    /// Unpacks the next block; there is none at the end.
    #[cold]
    fn next_block(&mut self) -> Result<bool, Wrong> {
        let stored = self.bytes.u32()? as usize;
        if stored == 0 {
            let entries = u64::from_le_bytes(self.bytes.take(8)?.try_into().expect("eight octets"));
            if self.ends == 0 || entries != self.entries {
                return Err(Wrong::Damaged("entries are missing"));
            }
            return if self.bytes.fill(1)? { Err(Wrong::Behind) } else { Ok(false) };
        }
        self.unpack(stored)?;
        self.at = 0;
        Ok(true)
    }

    /// Unpacks a block of which so many octets are stored.
    fn unpack(&mut self, stored: usize) -> Result<(), Wrong> {
        let raw = self.bytes.u32()? as usize;
        if raw > BLOCK_MAX || stored > BLOCK_MAX || raw == 0 {
            return Err(Wrong::Damaged("a block that cannot be"));
        }
        self.block.resize(raw, 0);
        let packed = self.bytes.take(stored)?;
        let decompressor = self.decompressor.as_mut().expect("a compact part has one");
        match decompressor.decompress_to_buffer(packed, &mut self.block[..]) {
            Ok(unpacked) if unpacked == raw => Ok(()),
            _ => Err(Wrong::Damaged("a block that cannot be unpacked")),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Wrong> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = *self.block.get(self.at).ok_or(Wrong::Damaged("a number that is cut"))?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(Wrong::Damaged("a number that is too large"));
            }
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
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
