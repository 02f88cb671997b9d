//! Parts on the command line: where one goes, which are added up, and what is said of them.
//!
//! Part files themselves are dpp-sink's; what is in them is known by those who count it ([`rssac`](crate::rssac)).

use crate::flags::{PartForm, RssacWritten};
use crate::inputs::{self, Input, Search};
use crate::output::{Opened, Output};
use crate::report::grouped;
use anyhow::bail;
use dpp::tallies::entry::Op;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::merge::Sum;
use dpp_sink::parts::read::Part;
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header};
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The parts that are named, looked at.
pub(crate) fn sum(
    words: &[PathBuf],
    step: &str,
    output: &Output,
    day: Option<&str>,
    keep_going: bool,
) -> anyhow::Result<Sum> {
    if words.is_empty() {
        bail!("dpp rssac {step}: name parts (dpp rssac {step} --help tells more)")
    }
    let inputs = inputs::all(words, Search { recursive: false, keep_going })?;
    output.check_spares(&inputs.captures)?;
    let parts = inputs.captures.iter().map(|input| match input {
        Input::Path(path) => Part::open(path),
        _ => Part::read("standard input", io::stdin()),
    });
    let sum = Sum::of(parts, day, keep_going)?;
    if sum.parts() == 0 {
        told_left_out(&sum);
        bail!("none of the {} parts can be added up", inputs.captures.len())
    }
    Ok(sum)
}

/// Says which parts are left out. Gives how many.
pub(crate) fn told_left_out(sum: &Sum) -> usize {
    for error in sum.left_out() {
        let _ = writeln!(io::stderr(), "Error: {error}; going on without it");
    }
    sum.left_out().len()
}

/// Says which files are missing.
pub(crate) fn warn_of(ledger: &Ledger, is_silent: bool) {
    if is_silent {
        return;
    }
    let mut text = String::new();
    for sequence in ledger.sequences() {
        let of_site =
            if sequence.site == "-" { String::new() } else { format!(" of site {}", sequence.site) };
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
        let _ = writeln!(text, "WARN: left out when parts were added up: {part}");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Where a part goes, and its form.
pub(crate) fn written(wish: &RssacWritten) -> anyhow::Result<(Output, Form)> {
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

/// A part that is being written.
pub(crate) struct Out<'a> {
    writer: Writer<BufWriter<Opened>>,
    output: &'a Output,
}

impl<'a> Out<'a> {
    pub(crate) fn new(opened: Opened, form: Form, header: &Header, output: &'a Output) -> anyhow::Result<Out<'a>> {
        let writer = Writer::new(BufWriter::with_capacity(1 << 16, opened), form, header);
        Ok(Out { writer: writer.map_err(|error| output.explain(error))?, output })
    }

    pub(crate) fn put(&mut self, op: Op, key: &[u8], number: u64) -> anyhow::Result<()> {
        self.writer.put(op, key, number).map_err(|error| self.output.explain(error))
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Out { writer, output } = self;
        let buffered = writer.finish().map_err(|error| output.explain(error))?;
        let opened = buffered.into_inner().map_err(|error| output.explain(error.into_error()))?;
        opened.finish().map_err(|error| output.explain(error))
    }
}
