//! Parts on the command line: where one goes, which are added up ([`adding`]), and what is said of them.
//!
//! Part files themselves are dpp-sink's; what is in them is known by who counts it: [`rssac`](crate::rssac) and
//! [`stats`](crate::stats), whose steps are called alike and follow the same rules.

mod adding;

pub(crate) use self::adding::{Added, OfDay, Parts, Scratch};
use crate::flags::{PartForm, Sites, Written};
use crate::inputs::Input;
use crate::nearest::complaint;
use crate::output::{Opened, Output};
use crate::report::{self, grouped};
use anyhow::bail;
use dpp::tallies::entry::{Entries, Op};
use dpp_sink::parts::ledger::{Ledger, left_out_words};
use dpp_sink::parts::read::{Part, is_part};
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header, key_name, shown_name};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The steps that stand by themselves.
const STEPS: [&str; 3] = ["map", "merge", "report"];

/// Refuses a word that is no file, where it is probably a step that is spelt otherwise.
///
/// # Errors
/// What was probably meant.
pub(crate) fn check_step(command: &str, words: &[PathBuf]) -> anyhow::Result<()> {
    let Some(word) = words.first().filter(|word| !word.exists()).and_then(|word| word.to_str()) else {
        return Ok(());
    };
    if STEPS.contains(&word) {
        bail!("dpp {command}: '{word}' is a step, which stands first and has its options behind it")
    }
    match complaint(Path::new(word), "step", STEPS, &format!("dpp {command}")) {
        Some(complaint) => bail!("dpp {command}: {complaint}"),
        None => Ok(()),
    }
}

/// Refuses parts where captures are wanted.
///
/// # Errors
/// The first part, and what takes it.
pub(crate) fn refuse(inputs: &[Input]) -> anyhow::Result<()> {
    let Some(Input::Path(part)) = inputs.iter().find(|input| is_one(input)) else { return Ok(()) };
    let kind = Part::open(part).map_or_else(|_| "stats".to_owned(), |part| part.header().kind.clone());
    bail!("'{}' is a part, and was counted; dpp {kind} report shows what is in parts", part.display())
}

/// Whether these are parts, and not captures.
///
/// # Errors
/// Some of each. What can only be read once is looked at if that takes nothing away; else it is a capture here.
pub(crate) fn are_parts(inputs: &[Input]) -> anyhow::Result<bool> {
    let is_part = |input: &&Input| is_one(input) || **input == Input::Stdin && stdin_is_one();
    let (parts, others): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(is_part);
    match (&parts[..], &others[..]) {
        ([], _) => Ok(false),
        (_, []) => Ok(true),
        ([part, ..], [other, ..]) => bail!(
            "{} is a part, and {} is none; name parts or captures (dpp stats map makes a part of captures)",
            part.name(),
            other.name()
        ),
    }
}

/// Whether this is a file that begins as parts do.
pub(crate) fn is_one(input: &Input) -> bool {
    let Input::Path(path) = input else { return false };
    let mut first = Vec::new();
    let mut read = || File::open(path)?.take(FIRST).read_to_end(&mut first);
    input.is_file() && read().is_ok() && is_part(&first)
}

/// Octets that tell a part.
const FIRST: u64 = 16;

/// Whether standard input begins as parts do. Waits for its first octets, and takes none away.
fn stdin_is_one() -> bool {
    let first = match Input::Stdin.size() {
        Some(_) => first_of_file(),
        None => first_of_pipe(),
    };
    first.is_ok_and(|first| is_part(&first))
}

fn first_of_file() -> io::Result<Vec<u8>> {
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Somebody may have read some of it.
    let at = file.stream_position()?;
    let mut first = vec![0; FIRST as usize];
    let read = file.read_at(&mut first, at)?;
    first.truncate(read);
    Ok(first)
}

/// The kernel copies what is in a pipe into another, and leaves it there.
#[cfg(target_os = "linux")]
fn first_of_pipe() -> io::Result<Vec<u8>> {
    use rustix::pipe::{SpliceFlags, pipe, tee};
    let (from, to) = pipe()?;
    let read = tee(io::stdin(), &to, FIRST as usize, SpliceFlags::empty())?;
    let mut first = vec![0; read];
    File::from(from).read_exact(&mut first)?;
    Ok(first)
}

#[cfg(not(target_os = "linux"))]
fn first_of_pipe() -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Of so many captures and parts it is told what became of each.
const TOLD_MAX: usize = 10;

/// Says which files are missing, which did not end well, and which were left out.
pub(crate) fn warn_of(ledger: &Ledger, is_silent: bool) {
    if is_silent {
        return;
    }
    let mut text = String::new();
    for sequence in ledger.sequences().into_iter().filter(|sequence| sequence.missing_count > 0) {
        let ranges = sequence.missing.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        let (count, ranges) = (grouped(sequence.missing_count), ranges.collect::<Vec<_>>().join(", "));
        let (of_site, first, last) = (of_site(&sequence.site), sequence.first, sequence.last);
        let _ =
            writeln!(text, "WARN: files{of_site} are missing between {first} and {last}: {count} ({ranges})");
    }
    let ended = ledger.all_ended().map(|ended| {
        let words = report::ended(ended.ending);
        format!("'{}'{} {words}; it was counted up to there", ended.name, of_site(ended.site))
    });
    warn_of_some(&mut text, ended, "captures did not end well");
    let left_out = ledger.all_left_out().map(|left_out| {
        let words = left_out_words(left_out.reason);
        format!("left out: {} ({words})", shown_name(left_out.name))
    });
    warn_of_some(&mut text, left_out, "captures and parts were left out");
    let _ = io::stderr().write_all(text.as_bytes());
}

fn of_site(site: &str) -> String {
    if site == "-" { String::new() } else { format!(" of site {}", shown_name(site)) }
}

/// Says the first of these, and how many there are if that is not all.
fn warn_of_some(text: &mut String, sentences: impl Iterator<Item = String>, what: &str) {
    let mut count = 0_u64;
    for sentence in sentences {
        count += 1;
        if count <= TOLD_MAX as u64 {
            let _ = writeln!(text, "WARN: {sentence}");
        }
    }
    if count > TOLD_MAX as u64 {
        let _ = writeln!(text, "WARN: {} {what} in all", grouped(count));
    }
}

/// Says which parts have nothing of a day.
pub(crate) fn warn_of_day(added: &Added, day: &str, is_silent: bool) {
    if is_silent {
        return;
    }
    let parts = added
        .without_day
        .iter()
        .map(|(part, dates)| format!("{part} has nothing of {day}; it is of {dates}"));
    let mut text = String::new();
    warn_of_some(&mut text, parts, &format!("parts have nothing of {day}"));
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What these sites have together, or all of them; `None` if there is none. What is known of the captures of others is forgotten.
///
/// # Errors
/// A site of which there is nothing.
pub(crate) fn together<T>(
    sites: BTreeMap<String, T>,
    ledger: &mut Ledger,
    wish: &Sites,
    mut add: impl FnMut(&mut T, T),
) -> anyhow::Result<Option<T>> {
    let wanted: Vec<String> = wish.site.iter().map(|site| key_name(&site.to_string_lossy())).collect();
    let mut known = ledger.sites();
    known.extend(sites.keys().map(String::as_str));
    if let Some(missing) = wanted.iter().find(|site| !known.contains(site.as_str())) {
        let there: Vec<String> = known.into_iter().map(shown_name).collect();
        bail!("--site: the parts have no site '{}'; they have {}", shown_name(missing), there.join(", "))
    }
    if !wanted.is_empty() {
        ledger.only_sites(&wanted);
    }
    let wanted = sites.into_iter().filter(|(site, _)| wanted.is_empty() || wanted.contains(site));
    Ok(wanted.map(|(_, tally)| tally).reduce(|mut all, tally| {
        add(&mut all, tally);
        all
    }))
}

/// Where a part goes, and its form.
///
/// # Errors
/// What cannot be the name of a part.
pub(crate) fn written(wish: &Written) -> anyhow::Result<(Output, Form)> {
    let output = match wish.output.as_deref() {
        None => Output::Stdout,
        Some(path) if path == Path::new("-") => Output::Stdout,
        Some(path) if path == Path::new("") => bail!("--output: the part has an empty name; name a file"),
        Some(path) if path.is_dir() => {
            bail!("--output: '{}' is a directory; name a file in it", path.display())
        }
        // Such a file is taken for one that was never finished by whoever writes one of the name without it.
        Some(path) if path.extension().is_some_and(|extension| extension == "part") => {
            bail!(
                "--output: '{}' is called like a file that is not finished yet; call it .tally",
                path.display()
            )
        }
        Some(path) => Output::Path(path.to_owned()),
    };
    let is_text = match &output {
        Output::Path(path) => path.extension().is_some_and(|extension| extension == "txt"),
        _ => io::stdout().is_terminal(),
    };
    let form = match wish.form {
        Some(PartForm::Text) => Form::Text,
        Some(PartForm::Compact) => Form::Compact,
        None if is_text => Form::Text,
        None => Form::Compact,
    };
    Ok((output, form))
}

/// Of what a part of a run that goes on is.
pub(crate) struct Since {
    /// As it stands in keys.
    pub(crate) site: String,
    /// By what the part is known, so that it is not added twice.
    pub(crate) ledger: Ledger,
}

/// A part that is being written.
pub(crate) struct Out<'a> {
    writer: Writer<BufWriter<Opened>>,
    output: &'a Output,
}

impl<'a> Out<'a> {
    pub(crate) fn new(
        opened: Opened,
        form: Form,
        header: &Header,
        output: &'a Output,
    ) -> anyhow::Result<Out<'a>> {
        let writer = Writer::new(BufWriter::with_capacity(1 << 16, opened), form, header);
        Ok(Out { writer: writer.map_err(|error| output.explain(error))?, output })
    }

    pub(crate) fn put(&mut self, op: Op, key: &[u8], number: u64) -> anyhow::Result<()> {
        self.writer.put(op, key, number).map_err(|error| self.output.explain(error))
    }

    /// What is said of captures, which stands first.
    pub(crate) fn put_ledger(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        ledger.tell(|op, key, number| self.put(op, key, number))
    }

    /// What a site has counted, if it tells that in the order of parts.
    pub(crate) fn put_in_order(&mut self, site: &str, tally: &impl Entries) -> anyhow::Result<()> {
        let mut error = None;
        tally.tell(&format!("{site}/"), &mut |op, key, number| {
            if error.is_none() {
                error = self.put(op, key, number).err();
            }
        });
        error.map_or(Ok(()), Err)
    }

    /// What sites have counted that tell it in any order.
    pub(crate) fn put_all<T: Entries>(&mut self, sites: &BTreeMap<String, T>) -> anyhow::Result<()> {
        let mut told = Told::default();
        for (site, tally) in sites {
            tally.tell(&format!("{site}/"), &mut |op, key, number| told.add(op, key, number));
        }
        told.sort();
        told.entries.iter().try_for_each(|entry| self.put(entry.op, told.key(entry), entry.number))
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Out { writer, output } = self;
        let buffered = writer.finish().map_err(|error| output.explain(error))?;
        let opened = buffered.into_inner().map_err(|error| output.explain(error.into_error()))?;
        opened.finish().map_err(|error| output.explain(error))
    }
}

/// Entries that are to be sorted; their keys lie one behind the other, for there may be millions.
#[derive(Default)]
struct Told {
    keys: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    op: Op,
    start: usize,
    end: usize,
    number: u64,
}

impl Told {
    fn add(&mut self, op: Op, key: &[u8], number: u64) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.entries.push(Entry { op, start, end: self.keys.len(), number });
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.keys[entry.start..entry.end]
    }

    fn sort(&mut self) {
        let keys = &self.keys;
        self.entries.sort_unstable_by(|one, other| {
            (one.op, &keys[one.start..one.end]).cmp(&(other.op, &keys[other.start..other.end]))
        });
    }
}
