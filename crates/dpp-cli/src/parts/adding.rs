//! Adding parts up, and finding out which is at fault where that is seen only on the way.
//!
//! Most of what can be wrong with a part its header, its ledger and its end tell before anything is added. What is left is an entry
//! that nobody counts, a number that cannot be, and a block that is damaged in the middle. The surprising fact: where the entries of
//! a thousand parts are reduced, nobody knows any more which of them an entry came from. So when one was refused the parts are read
//! once more, each alone, until the one at fault is known; with `--keep-going` all that are at fault, and the others are added up anew. Whose
//! parts are sound pays nothing for it.

use crate::flags::Adding;
use crate::inputs::{self, Input, Search, Sought};
use crate::output::Output;
use crate::report::{none_can, several, several_were, were};
use anyhow::{anyhow, bail};
use dpp::tallies::entry::{Entries, NotMine, Op};
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::merge::Sum;
use dpp_sink::parts::read::Part;
use dpp_sink::parts::{Header, PartError, Wrong, shown_key};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Parts that are to be added up, all of a kind, which is called like its command.
pub(crate) struct Parts<'a> {
    inputs: Vec<Input>,
    kind: &'a str,
    day: OfDay<'a>,
    /// Those that do not add up are left out, and the result says so.
    keep_going: bool,
}

/// Of which day parts are to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OfDay<'a> {
    Any,
    /// Of this one; a part that has only others does not add up.
    Only(&'a str),
    /// Of this one, but parts that have only others are added, too.
    Wanted(&'a str),
}

/// What is said of parts that were added up.
pub(crate) struct Added {
    pub(crate) header: Header,
    pub(crate) ledger: Ledger,
    /// How many there are.
    pub(crate) parts: usize,
    /// How many do not add up.
    pub(crate) left_out: usize,
    /// Parts that have nothing of the day that is wanted, and of which days they are.
    pub(crate) without_day: Vec<(String, String)>,
}

/// Parts that are at fault, by their places.
type Faults = BTreeMap<usize, PartError>;

impl<'a> Parts<'a> {
    /// The parts that are named.
    ///
    /// # Errors
    /// A word that names none, and a part that the output would destroy.
    pub(crate) fn named(
        wish: &Adding,
        (kind, step): (&'a str, &str),
        output: &Output,
        day: OfDay<'a>,
    ) -> anyhow::Result<Parts<'a>> {
        if wish.parts.is_empty() {
            bail!("dpp {kind} {step}: name parts (dpp {kind} {step} --help tells more)")
        }
        let search = Search { recursive: wish.recursive, keep_going: wish.keep_going, sought: Sought::Parts };
        let inputs = inputs::all(&wish.parts, search)?;
        inputs.tell_passed(wish.quiet.silent);
        let inputs = inputs.captures;
        output.check_spares(&inputs)?;
        Ok(Parts { inputs, kind, day, keep_going: wish.keep_going })
    }

    /// Parts that were found.
    pub(crate) fn of(inputs: Vec<Input>, kind: &'a str, keep_going: bool) -> Parts<'a> {
        Parts { inputs, kind, day: OfDay::Any, keep_going }
    }

    /// Refuses an output that would destroy one of them.
    ///
    /// # Errors
    /// If it would.
    pub(crate) fn check_spared(&self, output: &Output) -> anyhow::Result<()> {
        output.check_spares(&self.inputs)
    }

    /// What was counted at each site, of the keys that are wanted; these have no site any more. What `open` gives is opened when the
    /// parts have shown to add up, as far as that is seen before they are read.
    ///
    /// # Errors
    /// What is wrong with a part, if it is not left out.
    pub(crate) fn tallies<T: Entries + Clone, O>(
        &self,
        new: impl Fn(&Header) -> anyhow::Result<T>,
        is_wanted: impl Fn(&[u8]) -> bool,
        open: impl FnOnce() -> anyhow::Result<O>,
    ) -> anyhow::Result<(Added, BTreeMap<String, T>, O)> {
        let (mut open, mut opened) = (Some(open), None);
        let (added, sites) = self.add(
            |sum| tallies(sum, &new, &is_wanted).map(drop),
            |sum| {
                if let Some(open) = open.take() {
                    opened = Some(open()?);
                }
                tallies(sum, &new, &is_wanted)
            },
        )?;
        Ok((added, sites, opened.expect("it is opened before parts are added up")))
    }

    /// Adds them up: `add` makes something of their sum, once more if that shows that some are at fault; `check` looks at the sum of
    /// a part alone.
    ///
    /// # Errors
    /// What is wrong with a part, if it is not left out, and those of `add`.
    pub(crate) fn add<T>(
        &self,
        check: impl Fn(Sum) -> anyhow::Result<()>,
        mut add: impl FnMut(Sum) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Added, T)> {
        let mut faults = Faults::new();
        loop {
            match self.add_without(&faults, &mut add)? {
                Ok(added) => return Ok(added),
                Err(error) => faults.extend(self.at_fault(error, &check, &faults)?),
            }
        }
    }

    /// The same where `add` can be done only once, as on standard output: with `--keep-going` all parts are looked at before.
    ///
    /// # Errors
    /// What is wrong with a part, if it is not left out, and those of `add`.
    pub(crate) fn add_once<T>(
        &self,
        check: impl Fn(Sum) -> anyhow::Result<()>,
        mut add: impl FnMut(Sum) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Added, T)> {
        let faults = if self.keep_going { self.faults(&check, &Faults::new())? } else { Faults::new() };
        match self.add_without(&faults, &mut add)? {
            Ok(added) => Ok(added),
            Err(error) => match self.at_fault(error, &check, &faults)?.pop_first() {
                Some((_, fault)) => {
                    bail!("{fault}; it cannot be left out, as some of the output is written: write a file")
                }
                None => bail!("no part is at fault"),
            },
        }
    }

    /// Adds up all but those at fault.
    ///
    /// # Errors
    /// What cannot be helped; and within, what is wrong with some part.
    fn add_without<T>(
        &self,
        faults: &Faults,
        add: &mut impl FnMut(Sum) -> anyhow::Result<T>,
    ) -> anyhow::Result<Result<(Added, T), PartError>> {
        let mut sum = self.sum(faults)?;
        faults.values().for_each(|fault| sum.note_left_out(fault));
        let left_out: Vec<String> =
            sum.left_out().iter().chain(faults.values()).map(PartError::to_string).collect();
        let added = Added {
            header: sum.header().clone(),
            ledger: sum.ledger().clone(),
            parts: sum.parts(),
            left_out: left_out.len(),
            without_day: self.without_day(&sum),
        };
        if added.parts == 0 {
            tell_left_out(&left_out);
            bail!("{} be added up", none_can(self.inputs.len() as u64, "part"))
        }
        match add(sum) {
            Ok(done) => {
                tell_left_out(&left_out);
                Ok(Ok((added, done)))
            }
            Err(error) => error.downcast().map(Err),
        }
    }

    /// The sum of all but those at fault.
    fn sum(&self, faults: &Faults) -> Result<Sum, PartError> {
        let sound = self.inputs.iter().enumerate().filter(|(place, _)| !faults.contains_key(place));
        let day = match self.day {
            OfDay::Only(day) => Some(day),
            OfDay::Any | OfDay::Wanted(_) => None,
        };
        Sum::of(sound.map(|(_, input)| self.open(input)), day, self.keep_going)
    }

    fn without_day(&self, sum: &Sum) -> Vec<(String, String)> {
        let OfDay::Wanted(day) = self.day else { return Vec::new() };
        sum.without_day(day).into_iter().map(|(part, dates)| (part.to_owned(), dates)).collect()
    }

    fn open(&self, input: &Input) -> Result<Part, PartError> {
        let part = match input {
            Input::Path(path) => Part::open(path),
            _ => Part::read(STDIN, io::stdin()),
        }?;
        match part.header().kind == self.kind {
            true => Ok(part),
            false => Err(part.error(Wrong::Kind(self.kind.to_owned(), part.header().kind.clone()))),
        }
    }

    /// The parts that are at fault, beside those that are known to be, if this is what came of adding up.
    ///
    /// # Errors
    /// What the user is told, if nothing can be left out.
    fn at_fault(
        &self,
        error: PartError,
        check: &impl Fn(Sum) -> anyhow::Result<()>,
        known: &Faults,
    ) -> anyhow::Result<Faults> {
        let is_named = self.inputs.iter().any(|input| part_name(input) == error.part);
        if is_named && !self.keep_going {
            return Err(error.into());
        }
        let streams = self.inputs.iter().enumerate().filter(|(_, input)| !input.is_file());
        let streams: Vec<usize> = streams.map(|(place, _)| place).collect();
        let mut faults = self.faults(check, known)?;
        if faults.is_empty() {
            let fault = match (&error.wrong, &streams[..]) {
                (Wrong::Overflow(key), []) => self.most_of(key, known)?,
                // All files are sound.
                (Wrong::Unknown(_), &[stream]) => Some((stream, self.fault(stream, error.wrong))),
                (_, &[stream]) if part_name(&self.inputs[stream]) == error.part => Some((stream, error)),
                _ => return Err(error.into()),
            };
            // Whoever goes on must have less to add than before.
            faults.extend(Some(fault.ok_or_else(|| anyhow!("the parts come to more than can be counted"))?));
        }
        let Some(first) = faults.first_entry().filter(|_| !self.keep_going) else {
            return match streams.iter().find(|stream| !faults.contains_key(stream)) {
                Some(stream) => self.cannot_do_without(&faults, *stream),
                None => Ok(faults),
            };
        };
        Err(first.remove().into())
    }

    /// What is read only once cannot be added up anew.
    fn cannot_do_without(&self, faults: &Faults, stream: usize) -> anyhow::Result<Faults> {
        let stream = part_name(&self.inputs[stream]);
        let fault = faults.values().next().map(PartError::to_string).unwrap_or_default();
        bail!("{fault}; it cannot be left out, as {stream} can be read only once: name files")
    }

    /// The files that are at fault: all, or the first if it is not left out anyway. Each is read alone.
    fn faults(&self, check: &impl Fn(Sum) -> anyhow::Result<()>, known: &Faults) -> anyhow::Result<Faults> {
        let mut faults = Faults::new();
        let files = self.inputs.iter().enumerate().filter(|(_, input)| input.is_file());
        for (place, input) in files.filter(|(place, _)| !known.contains_key(place)) {
            let alone = Sum::of([self.open(input)], None, false);
            let Err(error) = alone.map_err(Into::into).and_then(check) else { continue };
            faults.insert(place, self.fault(place, error.downcast::<PartError>()?.wrong));
            if !self.keep_going {
                break;
            }
        }
        Ok(faults)
    }

    /// The part that has the most of what comes to more than can be counted.
    fn most_of(&self, shown: &str, known: &Faults) -> anyhow::Result<Option<(usize, PartError)>> {
        let mut most: Option<(u64, usize)> = None;
        for (place, input) in self.inputs.iter().enumerate().filter(|(place, _)| !known.contains_key(place)) {
            Sum::of([self.open(input)], None, false)?.entries(|op, key, number| {
                if number > most.map_or(0, |(most, _)| most) && shown_key(op, key) == shown {
                    most = Some((number, place));
                }
                Ok::<(), PartError>(())
            })?;
        }
        Ok(most.map(|(_, place)| (place, self.fault(place, Wrong::Overflow(shown.to_owned())))))
    }

    fn fault(&self, place: usize, wrong: Wrong) -> PartError {
        PartError { part: part_name(&self.inputs[place]), wrong }
    }
}

/// What standard input is called.
const STDIN: &str = "standard input";

/// How an input is called where it is a part.
fn part_name(input: &Input) -> String {
    match input {
        Input::Path(path) => format!("'{}'", path.display()),
        _ => STDIN.to_owned(),
    }
}

/// Says which parts are left out, in sentences.
fn tell_left_out(left_out: &[String]) {
    for error in left_out {
        let _ = writeln!(io::stderr(), "Error: {error}; going on without it");
    }
}

impl Added {
    /// Says how many were added up.
    ///
    /// # Errors
    /// If some were not.
    pub(crate) fn tell(&self, is_told: bool) -> anyhow::Result<()> {
        let Added { parts, left_out, .. } = self;
        if is_told {
            let _ = writeln!(io::stderr(), "{} added up", several(*parts as u64, "part"));
        }
        match left_out {
            0 => Ok(()),
            _ => {
                let all = several((left_out + parts) as u64, "part");
                bail!("{left_out} of {all} {} left out; all others were added up", were(*left_out as u64))
            }
        }
    }

    /// Whether these are all that there were to be.
    ///
    /// # Errors
    /// If some were left out; `what` is of the others.
    pub(crate) fn verdict(&self, what: &str) -> anyhow::Result<()> {
        match self.left_out {
            0 => Ok(()),
            count => Err(anyhow!("{} left out; {what} of all others", several_were(count as u64, "part"))),
        }
    }
}

/// What each site of a sum has.
fn tallies<T: Entries + Clone>(
    sum: Sum,
    new: impl Fn(&Header) -> anyhow::Result<T>,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<BTreeMap<String, T>> {
    let (blank, mut sites) = (new(sum.header())?, BTreeMap::<String, T>::new());
    sum.entries(|op, key, number| {
        if key.first() == Some(&b'!') || !is_wanted(key) {
            return Ok(());
        }
        let (site, rest) = site_of(op, key)?;
        let tally = match sites.get_mut(site) {
            Some(tally) => tally,
            None => sites.entry(site.to_owned()).or_insert_with(|| blank.clone()),
        };
        tally.take(op, rest, number).map_err(|NotMine| unknown(op, key))
    })?;
    sites.values_mut().for_each(Entries::settle);
    Ok(sites)
}

/// Refuses entries that such a tally does not have, so that nobody adds up what nobody can report. It is of all sites.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    tally: T,
    /// What stands before the members of a set of which one was looked at, and their length: there are millions of each.
    set: (Vec<u8>, usize),
}

impl<T: Entries> Scratch<T> {
    /// Looks at an entry.
    ///
    /// # Errors
    /// If no tally has it.
    pub(crate) fn check(&mut self, (op, key, number): (Op, &[u8], u64)) -> anyhow::Result<()> {
        if key.first() == Some(&b'!') {
            return Ok(());
        }
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        let is_of_set = || {
            let (stem, length) = &self.set;
            key.len() == *length && key.strip_prefix(&stem[..]).is_some_and(|value| value.iter().all(is_hex))
        };
        if op == Op::Member && is_of_set() {
            return Ok(());
        }
        let (_, rest) = site_of(op, key)?;
        self.tally.take(op, rest, number).map_err(|NotMine| unknown(op, key))?;
        if op == Op::Member {
            let stem = key.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
            self.set = (key[..stem].to_owned(), key.len());
        }
        Ok(())
    }
}

/// The site of an entry, and its key there.
fn site_of(op: Op, key: &[u8]) -> Result<(&str, &[u8]), PartError> {
    let slash = key.iter().position(|&byte| byte == b'/').ok_or_else(|| unknown(op, key))?;
    let site = str::from_utf8(&key[..slash]).map_err(|_| unknown(op, key))?;
    Ok((site, &key[slash + 1..]))
}

/// Whose it is will be looked for.
fn unknown(op: Op, key: &[u8]) -> PartError {
    PartError { part: "a part".to_owned(), wrong: Wrong::Unknown(shown_key(op, key)) }
}
