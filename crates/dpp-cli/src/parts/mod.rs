//! Parts on the command line: where one goes, which are added up, and what is said of them.
//!
//! Part files themselves are dpp-sink's; what is in them is known by who counts it: [`rssac`](crate::rssac) and
//! [`stats`](crate::stats), whose steps are called alike and follow the same rules.

use crate::flags::{Adding, PartForm, Sites, Written};
use crate::inputs::{self, Input, Search};
use crate::nearest::complaint;
use crate::output::{Opened, Output};
use crate::report::{grouped, none_can, several, were};
use anyhow::bail;
use dpp::tallies::entry::{Entries, NotMine, Op};
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::merge::Sum;
use dpp_sink::parts::read::{Part, is_part};
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header, PartError, Wrong, key_name, shown_name};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
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

/// The parts that are named, looked at: those of a kind, which is called like its command.
///
/// # Errors
/// What cannot be read or does not add up, unless it is to be left out.
pub(crate) fn sum(
    wish: &Adding,
    kind: &str,
    step: &str,
    output: &Output,
    day: Option<&str>,
) -> anyhow::Result<Sum> {
    if wish.parts.is_empty() {
        bail!("dpp {kind} {step}: name parts (dpp {kind} {step} --help tells more)")
    }
    let search = Search { recursive: wish.recursive, keep_going: wish.keep_going, noun: "part" };
    let inputs = inputs::all(&wish.parts, search)?;
    output.check_spares(&inputs.captures)?;
    sum_of(&inputs.captures, kind, day, wish.keep_going)
}

/// The same of parts that were found.
///
/// # Errors
/// What cannot be read or does not add up, unless it is to be left out.
pub(crate) fn sum_of(
    inputs: &[Input],
    kind: &str,
    day: Option<&str>,
    keep_going: bool,
) -> anyhow::Result<Sum> {
    let sum = Sum::of(inputs.iter().map(|input| open(input, kind)), day, keep_going)?;
    if sum.parts() == 0 {
        told_left_out(&sum);
        bail!("{} be added up", none_can(inputs.len() as u64, "part"))
    }
    Ok(sum)
}

fn open(input: &Input, kind: &str) -> Result<Part, PartError> {
    let part = match input {
        Input::Path(path) => Part::open(path),
        _ => Part::read("standard input", io::stdin()),
    }?;
    match part.header().kind == kind {
        true => Ok(part),
        false => Err(part.error(Wrong::Kind(kind.to_owned(), part.header().kind.clone()))),
    }
}

/// Whether these are parts, and not captures.
///
/// # Errors
/// Some of each. What is no file can only be read once, and is a capture here.
pub(crate) fn are_parts(inputs: &[Input]) -> anyhow::Result<bool> {
    let (parts, others): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(|input| is_one(input));
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
    let mut read = || File::open(path)?.take(16).read_to_end(&mut first);
    input.is_file() && read().is_ok() && is_part(&first)
}

/// Says which parts are left out. Gives how many.
pub(crate) fn told_left_out(sum: &Sum) -> usize {
    for error in sum.left_out() {
        let _ = writeln!(io::stderr(), "Error: {error}; going on without it");
    }
    sum.left_out().len()
}

/// Says how many were added up.
///
/// # Errors
/// If some were not.
pub(crate) fn told_added(parts: usize, left_out: usize, is_told: bool) -> anyhow::Result<()> {
    if is_told {
        let _ = writeln!(io::stderr(), "{} added up", several(parts as u64, "part"));
    }
    match left_out {
        0 => Ok(()),
        count => bail!(
            "{count} of {} {} left out; all others were added up",
            several((count + parts) as u64, "part"),
            were(count as u64)
        ),
    }
}

/// Says which files are missing.
pub(crate) fn warn_of(ledger: &Ledger, is_silent: bool) {
    if is_silent {
        return;
    }
    let mut text = String::new();
    for sequence in ledger.sequences() {
        let of_site = if sequence.site == "-" {
            String::new()
        } else {
            format!(" of site {}", shown_name(&sequence.site))
        };
        if sequence.missing_count > 0 {
            let ranges = sequence.missing.iter().map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            });
            let (count, ranges) = (grouped(sequence.missing_count), ranges.collect::<Vec<_>>().join(", "));
            let (first, last) = (sequence.first, sequence.last);
            let _ = writeln!(
                text,
                "WARN: files{of_site} are missing between {first} and {last}: {count} ({ranges})"
            );
        }
    }
    for part in ledger.parts_left_out() {
        let _ = writeln!(text, "WARN: left out when parts were added up: {}", shown_name(part));
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What was counted at each site, of the keys that are wanted; these have no site any more.
///
/// # Errors
/// What is wrong with a part, and an entry that no such tally has.
pub(crate) fn tallies<T: Entries>(
    sum: Sum,
    new: impl Fn() -> T,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<BTreeMap<String, T>> {
    let mut sites: BTreeMap<String, T> = BTreeMap::new();
    sum.entries(|op, key, number| {
        if key.first() == Some(&b'!') || !is_wanted(key) {
            return Ok(());
        }
        let (site, rest) = site_of(key)?;
        let tally = match sites.get_mut(site) {
            Some(tally) => tally,
            None => sites.entry(site.to_owned()).or_insert_with(&new),
        };
        tally.take(op, rest, number).map_err(|NotMine| unknown(key))
    })?;
    sites.values_mut().for_each(Entries::settle);
    Ok(sites)
}

/// Refuses an entry that such a tally does not have, so that nobody adds up what nobody can report. `scratch` is of all sites.
/// Members of sets are not looked at: there are too many.
///
/// # Errors
/// If it does not.
pub(crate) fn check_known(
    scratch: &mut impl Entries,
    (op, key, number): (Op, &[u8], u64),
) -> anyhow::Result<()> {
    if op == Op::Member || key.first() == Some(&b'!') {
        return Ok(());
    }
    let (_, rest) = site_of(key)?;
    Ok(scratch.take(op, rest, number).map_err(|NotMine| unknown(key))?)
}

/// The site of an entry, and its key there.
fn site_of(key: &[u8]) -> Result<(&str, &[u8]), PartError> {
    let slash = key.iter().position(|&byte| byte == b'/').ok_or_else(|| unknown(key))?;
    let site = str::from_utf8(&key[..slash]).map_err(|_| unknown(key))?;
    Ok((site, &key[slash + 1..]))
}

fn unknown(key: &[u8]) -> PartError {
    let wrong = Wrong::Unknown(String::from_utf8_lossy(key).into_owned());
    PartError { part: "a part".to_owned(), wrong }
}

/// What these sites have together, or all of them; `None` if there is none.
///
/// # Errors
/// A site of which there is nothing.
pub(crate) fn together<T>(
    sites: BTreeMap<String, T>,
    wish: &Sites,
    mut add: impl FnMut(&mut T, T),
) -> anyhow::Result<Option<T>> {
    let wanted: Vec<String> = wish.site.iter().map(|site| key_name(&site.to_string_lossy())).collect();
    if let Some(missing) = wanted.iter().find(|site| !sites.contains_key(*site)) {
        let there: Vec<String> = sites.keys().map(|site| shown_name(site)).collect();
        bail!("--site: the parts have no site '{}'; they have {}", shown_name(missing), there.join(", "))
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
