//! `dpp explain`: what became of a packet, and which packets a reason stands for.
//!
//! Frames are numbered from 1, over all captures in their order, as in the reports of a run on the same captures.
//! Everything is told by the engine ([`pipeline::fates`]); here it is only put into words. A reason takes two readings: one
//! finds its first frames, the second tells their fate. The rows of messages take one more, a run without a table.

mod rows;

use crate::captures::Opener;
use crate::checks::{Manner, manner};
use crate::flags::{self, Many};
use crate::inputs::{self, Input, Search};
use crate::nearest::did_you_mean;
use crate::output::STDOUT;
use crate::plan;
use crate::report::{EXAMPLES_SHOWN, frames, grouped, several, utc};
use anyhow::{Context, bail};
use dpp::capture::{InputError, Record};
use dpp::dns::iana;
use dpp::packet::{self, SKIPS, Skip};
use dpp::pipeline::{self, Carried, Fate, Machine, PartOf, RunError, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp_sink::text::{NAME_ROOM, write_name};
use rows::{Finder, Row};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Explains what was asked for.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn explain(wish: flags::Explain) -> anyhow::Result<()> {
    let reason = wish.reason.as_deref().map(reason).transpose()?;
    if wish.inputs.is_empty() {
        bail!("dpp explain: name a capture (dpp explain --help tells more)")
    }
    let Many { joined, keep_going } = &wish.many;
    let search = Search { recursive: joined.recursive, keep_going: *keep_going, ..Search::default() };
    let manner = manner(joined, *keep_going)?;
    let plan = Plan { ports: plan::ports(&wish.reading.port)?, merge: manner.merge, ..Plan::default() };
    let inputs = inputs::all(&wish.inputs, search)?;
    inputs.tell_passed(false);
    let reading = Reading { captures: inputs.captures, manner, plan };
    let told = match reason {
        Some(reason) => reading.reason(reason)?,
        None if wish.frame.is_empty() => reading.all()?,
        None => reading.frames(&wish.frame)?,
    };
    io::stdout().write_all(told.as_bytes()).context(STDOUT)
}

fn reason(name: &str) -> anyhow::Result<Skip> {
    match SKIPS.iter().find(|row| row.1 == name) {
        Some(row) => Ok(row.0),
        None => {
            let hint = did_you_mean(name, SKIPS.iter().map(|row| row.1));
            bail!("--reason: there is no reason '{name}'{hint} (dpp explain FILE lists those of a capture)")
        }
    }
}

/// Captures, and how they are read.
struct Reading {
    captures: Vec<Input>,
    manner: Manner,
    plan: Plan,
}

impl Reading {
    /// All reasons, the most frequent first.
    fn all(&self) -> anyhow::Result<String> {
        let totals = self.totals()?;
        let mut text =
            format!("{}, {} used\n", several(totals.read.packets, "packet"), grouped(totals.used.packets));
        let mut rows: Vec<_> = SKIPS
            .iter()
            .map(|row| (row, totals.skips.of(row.0)))
            .filter(|(_, volume)| volume.packets > 0)
            .collect();
        rows.sort_by_key(|(_, volume)| std::cmp::Reverse(volume.packets));
        for ((skip, name, sentence), volume) in rows {
            let frames = frames(&totals.skips, *skip);
            let packets = grouped(volume.packets);
            let _ = writeln!(text, "{packets:>12}  {name}: {sentence}; {frames}");
        }
        Ok(text)
    }

    /// One reason: how often, and its first frames one by one.
    fn reason(&self, skip: Skip) -> anyhow::Result<String> {
        if let Some(input) = self.captures.iter().find(|input| !input.is_file()) {
            bail!(
                "--reason reads a capture twice, which {} does not allow; save it to a file first",
                input.name()
            )
        }
        let totals = self.totals()?;
        let volume = totals.skips.of(skip);
        let (_, name, sentence) = SKIPS[skip as usize];
        let (packets, bytes) = (several(volume.packets, "packet"), several(volume.bytes, "byte"));
        let mut text = format!("{name}: {sentence}\n{packets}, {bytes}\n");
        let wanted: BTreeSet<u64> = totals.skips.first(skip).take(EXAMPLES_SHOWN).collect();
        for fate in self.fates(&wanted)? {
            text.push('\n');
            text.push_str(&self.told(&fate));
        }
        Ok(text)
    }

    /// Some frames, each with its fate.
    fn frames(&self, frames: &[u64]) -> anyhow::Result<String> {
        let wanted: BTreeSet<u64> = frames.iter().map(|frame| frame - 1).collect();
        let fates = self.fates(&wanted)?;
        if let Some(missing) = wanted.iter().find(|wanted| fates.iter().all(|fate| fate.position != **wanted))
        {
            bail!("--frame {}: the capture ends before that", missing + 1)
        }
        let mut rows = self.rows(&fates)?.into_iter();
        let told = |fate: &Fate| {
            let mut text = self.told(fate);
            // All are taken, so that the next frame finds its own.
            let of_frame: Vec<_> = rows.by_ref().take(fate.messages.len()).collect();
            for row in of_frame.into_iter().take(MESSAGES_SHOWN).flatten() {
                let _ = writeln!(text, "  {}", row_told(&row));
            }
            text
        };
        Ok(fates.iter().map(told).collect::<Vec<_>>().join("\n"))
    }

    /// The rows of all messages, as far as they have one; none if the captures cannot be read once more.
    fn rows(&self, fates: &[Fate]) -> anyhow::Result<Vec<Option<Row>>> {
        let can_be_read = self.captures.iter().all(Input::is_file);
        if !can_be_read || fates.iter().all(|fate| fate.messages.is_empty()) {
            return Ok(Vec::new());
        }
        let finder = Finder::new(fates, self.plan.match_timeout_ns);
        self.read(|captures, machine| {
            match pipeline::run(captures, &self.plan, machine, &finder, &Watch::default()) {
                Ok(_) => Ok(()),
                Err(RunError::Capture(error)) => Err(error),
                Err(RunError::Sink(never)) => match never {},
            }
        })?;
        Ok(finder.found())
    }

    fn fates(&self, wanted: &BTreeSet<u64>) -> anyhow::Result<Vec<Fate>> {
        self.read(|captures, machine| pipeline::fates(captures, &self.plan, machine, wanted))
    }

    fn totals(&self) -> anyhow::Result<Totals> {
        self.read(|captures, machine| pipeline::messages(captures, &self.plan, machine, |_| {}))
    }

    /// Opens the captures for one reading.
    fn read<T>(
        &self,
        read: impl FnOnce(crate::captures::Captures, &Machine) -> Result<T, InputError>,
    ) -> anyhow::Result<T> {
        let opener = Opener::new(self.manner, Arc::default());
        let captures = opener.captures(opener.look(self.captures.clone())?)?;
        read(captures, &Machine::new(NonZeroUsize::MIN, 0)).map_err(|error| opener.explain(error))
    }

    /// A packet, its layers, and what became of it.
    fn told(&self, fate: &Fate) -> String {
        let Fate { position, time_ns, linktype, bytes, .. } = fate;
        let (frame, time) = (position + 1, utc(*time_ns));
        let length = several(bytes.len() as u64, "byte");
        let what = match Record::no_packet(*linktype) {
            Some(what) => format!("{length}, {what}"),
            None => format!("{length} captured, link type {linktype}"),
        };
        let mut text = format!("Frame {frame}: {time}, {what}\n");
        let is_dns = |datagram: &packet::Datagram| self.plan.ports.carry(&datagram.flow);
        let (layers, _) = packet::layers(*linktype, bytes, is_dns);
        for layer in layers {
            let about = layer.about.map_or_else(String::new, |about| format!(": {about}"));
            let _ = writeln!(text, "{:>6} {:>4}  {}{about}", layer.start, layer.length, layer.layer.name());
        }
        for sentence in sentences(fate) {
            let _ = writeln!(text, "  {sentence}");
        }
        text
    }
}

fn row_told(row: &Row) -> String {
    match row.rtt_ns {
        Some(rtt_ns) => {
            format!("Row {} of the table, answered after {:.3} ms", row.number, rtt_ns as f64 / 1e6)
        }
        None => format!("Row {} of the table, without response", row.number),
    }
}

/// So many messages of a frame are told one by one. Packets have fewer; C-DNS blocks have thousands.
const MESSAGES_SHOWN: usize = 10;

/// What became of a packet.
fn sentences(fate: &Fate) -> Vec<String> {
    let verb = if fate.part.is_some() { "completes" } else { "carries" };
    let shown = fate.messages.iter().take(MESSAGES_SHOWN);
    let mut told: Vec<String> =
        shown.map(|message| format!("It {verb} a {}", message_told(message, fate.linktype))).collect();
    if let Some(more @ 1..) = fate.messages.len().checked_sub(MESSAGES_SHOWN) {
        told.push(format!("It {verb} {} more", grouped(more as u64)));
    }
    if told.is_empty() {
        told.extend(fate.part.map(|part| part_told(part, fate)));
    }
    told.extend(fate.skip.map(|skip| format!("Skipped ({}): {}", skip.name(), SKIPS[skip as usize].2)));
    if told.is_empty() {
        told.push(
            "It carries a message that makes no row: a multicast response, or nothing that can be read"
                .to_owned(),
        );
    }
    told
}

fn part_told(part: PartOf, fate: &Fate) -> String {
    match (part, fate.completed_at.map(|at| at + 1)) {
        (PartOf::Datagram, Some(frame)) => {
            format!("It is a fragment of a datagram, which frame {frame} completes")
        }
        (PartOf::Datagram, None) if fate.skip.is_none() => {
            "It is a fragment of a datagram that was never complete".to_owned()
        }
        (PartOf::Datagram, None) => "It is a fragment of a datagram".to_owned(),
        (PartOf::Stream, Some(frame)) => {
            format!(
                "It is a part of a TCP stream; the next message of that direction is complete with frame {frame}"
            )
        }
        (PartOf::Stream, None) => "It is a part of a TCP stream and completes no message".to_owned(),
    }
}

fn message_told(message: &Carried, linktype: u16) -> String {
    let Carried { is_response, id, .. } = message;
    let kind = if *is_response { "response" } else { "query" };
    let (client, server) = (
        end_told(message.client, message.client_port, linktype),
        end_told(message.server, message.server_port, linktype),
    );
    let over = message.transport.name().unwrap_or("something else").to_uppercase();
    let code = if *is_response { format!(", {}", iana::response_code(message.rcode)) } else { String::new() };
    format!("{kind}: id {id}, {}{code}; client {client}, server {server}, {over}", question_told(message))
}

/// An address and a port. A packet has both, be they zeros; where zeros stand for what was logged, that did not say it.
fn end_told(address: IpAddr, port: u16, linktype: u16) -> String {
    let is_packet = Record::no_packet(linktype).is_none();
    match (address.is_unspecified() && !is_packet, port == 0 && !is_packet) {
        (false, false) => SocketAddr::from((address, port)).to_string(),
        (false, true) => format!("{address} (port unknown)"),
        (true, false) => format!("unknown (port {port})"),
        (true, true) => "unknown".to_owned(),
    }
}

fn question_told(message: &Carried) -> String {
    if message.name.is_empty() {
        return "no question".to_owned();
    }
    let mut room = [0; NAME_ROOM];
    let length = write_name(&message.name, &mut room).length;
    let name = String::from_utf8_lossy(&room[..length]);
    match iana::query_type(message.qtype) {
        "Unknown" => format!("{name} TYPE{}", message.qtype),
        qtype => format!("{name} {qtype}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_were_not_told_are_unknown_in_whatever_is_no_packet() {
        let nobody = IpAddr::from([0; 4]);
        for linktype in [Record::DNSTAP, Record::CDNS, Record::CDNS_CUT, Record::KNOT] {
            assert_eq!(end_told(nobody, 0, linktype), "unknown", "{:?}", Record::no_packet(linktype));
        }
        assert_eq!(end_told(nobody, 0, 1), "0.0.0.0:0");
    }
}
