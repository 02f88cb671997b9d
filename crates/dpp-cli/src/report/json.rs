//! The report for programs: one JSON object on one line of standard output.
//!
//! The keys of `build` to `warnings` are DPP's, in its order; what makes no sense here stays, as null. Ours
//! follow them, at the end of each object and in objects of their own. docs/operations.md says what each
//! means.

use super::figures::{self, Figure, Identity};
use super::seen;
use super::{Account, End, direct, inputs_path, output_path, target_path};
use crate::captures::{Failed, Taken};
use crate::checks::{Job, Table};
use crate::flags::ReportFormat;
use crate::output::Target;
use crate::run::Done;
use dpp::capture::Ending;
use dpp::filter::{Filter, Select};
use dpp::packet::{SKIPS, Skip, Skips};
use dpp::pipeline::Outcome;
use dpp::plan::Plan;
use dpp::privacy::Privacy;
use dpp::stats::Volume;
use dpp::table::{Context, LeakCheck};
use serde_json::{Map, Value, json};

/// The whole report, without the line's end.
pub(super) fn report(account: &Account) -> Value {
    let outcome = &account.outcome;
    json!({
        "build": build(),
        "config": config(account.job),
        "execution": execution(account.job),
        "metrics": object(&figures::metrics(account)),
        "warnings": warnings(account),
        "capture": capture(account),
        "packets": packets(outcome),
        "messages": object(&figures::messages(outcome)),
        "rtt_ms": object(&figures::round_trips(&outcome.totals.rtt)),
        "accounting": accounting(outcome),
        "assembled": groups(outcome),
        "parse_errors": object(&figures::parse_errors(outcome)),
        "seen": seen::json(&outcome.totals.seen),
        "inputs": inputs(account),
        "inputs_failed": account.failed.iter().map(failed).collect::<Vec<_>>(),
        "inputs_passed_over": account.job.passed_over,
        "privacy_check": privacy_check(account),
        "sources": sources(account),
        "receiver": account.receiver().map(|(name, figures)| named("receiver", name, &figures)),
    })
}

/// Each live source, and what it counted.
fn sources(account: &Account) -> Vec<Value> {
    let sources = account.lived.sources.iter();
    sources.map(|(name, counts)| named("source", name.clone(), &figures::source(counts))).collect()
}

/// Figures of something that has a name.
fn named(key: &str, name: String, figures: &[Figure]) -> Value {
    let mut all = Map::from_iter([(key.to_owned(), name.into())]);
    all.extend(figures.iter().map(|figure| (figure.key.to_owned(), figure.number.json())));
    Value::Object(all)
}

/// Each capture that was read, in order. With a table for each, what came of it stands there too.
fn inputs(account: &Account) -> Vec<Value> {
    let has_own_table = matches!(account.job.target, Target::Directory { .. });
    let tables = account.tables.iter().flat_map(|table| table.taken.iter().map(move |taken| (table, taken)));
    let input = |((table, taken), ending): ((&Done, &Taken), &Option<Ending>)| {
        let ending = ending.as_ref();
        let mut input = json!({
            "filename": taken.input.path(),
            "compression": taken.compression,
            "ending": ending.map(|ending| End::of(ending).name()),
            "ending_offset": ending.and_then(offset),
        });
        if has_own_table {
            input["output_filename"] = output_path(&table.output).into();
            input["packets"] = packets(&table.outcome);
            input["messages"] = object(&figures::messages(&table.outcome));
        }
        input
    };
    tables.zip(&account.endings).map(input).collect()
}

fn failed(failed: &Failed) -> Value {
    json!({ "filename": failed.input.path(), "error": failed.reason })
}

/// The key-value metadata of a table: the plan and what was counted. No times, paths or threads: the same capture
/// and plan give the same bytes.
pub(crate) fn metadata(plan: &Plan, outcome: &Outcome) -> Vec<(String, String)> {
    let totals = json!({
        "packets": packets(outcome),
        "messages": object(&figures::messages(outcome)),
        "rtt_ms": object(&figures::round_trips(&outcome.totals.rtt)),
        "accounting": accounting(outcome),
        "assembled": groups(outcome),
        "parse_errors": object(&figures::parse_errors(outcome)),
        "ending": End::of(&outcome.ending).name(),
    });
    let mut metadata = metadata_of(plan);
    metadata.push(("dpp.totals".to_owned(), totals.to_string()));
    metadata
}

/// What of it is known before the first row: the plan.
pub(crate) fn metadata_of(plan: &Plan) -> Vec<(String, String)> {
    vec![("dpp.plan".to_owned(), facts(plan).to_string())]
}

/// All of a plan that rows depend on. **What is new in a plan is told here, or it is said here why rows do not depend on it.**
pub(crate) fn facts(plan: &Plan) -> Value {
    let Plan {
        match_timeout_ns,
        ports,
        schema,
        context: Context { privacy: _, geo: _, suffixes: _, places: _, input_places: _, inputs: _ },
        // What has to be kept is no matter of rows, but for those without a question, which are told.
        sink_needs: _,
        select: Select { filter: _, sample },
        // When it is decided makes no other rows.
        steered: _,
        unasked,
        // What tables are made with tells of rows; what is counted beside them changes none.
        rows: _,
        rssac: _,
        // This the inputs decide, and so with bounds the program does.
        sparse: _,
        limits: _,
        monotonic,
        duplicates_ns,
        merge,
        told,
    } = plan;
    let mut facts = json!({
        "schema": schema.name,
        "columns": columns(plan),
        "ports": ports.to_string(),
        "match_timeout_ms": match_timeout_ns / 1_000_000,
        "monotonic_capture": monotonic,
        "dedup_packets_ns": duplicates_ns,
        "anonymized": plan.context.privacy.is_active(),
        "privacy": privacy(plan),
        "geoip": databases(plan),
        "where": condition(plan),
        "sample": sample.map(|sample| sample.to_string()),
        "unasked": unasked,
        "malformed": plan.wants_malformed(),
        "merge": merge,
    });
    // The databases, lists and tables, and the template: by what they hold.
    for (key, what) in &**told {
        facts[*key] = json!(what);
    }
    facts
}

/// What is hidden, and how; null if nothing is. Keys are named by their fingerprints.
pub(crate) fn privacy(plan: &Plan) -> Value {
    let Privacy { addresses, names, fields } = &plan.context.privacy;
    if !plan.context.privacy.is_active() {
        return Value::Null;
    }
    json!({
        "addresses": addresses.as_ref().map(|map| map.scheme().to_string()),
        "addresses_key": addresses.as_ref().and_then(|map| map.fingerprint()),
        "names": names.as_ref().map(|map| map.scheme().to_string()),
        "names_key": names.as_ref().and_then(|map| map.fingerprint()),
        "fields": fields.to_string(),
    })
}

/// Which databases tell where addresses are.
fn databases(plan: &Plan) -> Vec<Value> {
    let databases = plan.context.geo.iter().flat_map(|geo| geo.databases());
    databases
        .map(|database| json!({ "type": database.kind().database_type, "built": database.kind().built }))
        .collect()
}

/// What a second look at the rows has found; null if there was none.
fn privacy_check(account: &Account) -> Value {
    account.checked().map_or(Value::Null, |LeakCheck { rows, values, hidden, names, unchanged, .. }| {
        json!({ "rows": rows, "values": values, "hidden": hidden, "names": names, "unchanged": unchanged })
    })
}

/// The condition on rows, for the table's metadata. It may name addresses, which a table with pseudonyms must not.
pub(crate) fn condition(plan: &Plan) -> Option<&str> {
    let filter = plan.select.filter.as_ref()?;
    let is_told = !plan.context.privacy.is_active() || filter.names_nobody();
    Some(if is_told { filter.text() } else { "(not told beside pseudonyms)" })
}

fn columns(plan: &Plan) -> Vec<&str> {
    plan.schema.fields().iter().map(|field| &*field.name).collect()
}

fn object(figures: &[Figure]) -> Value {
    let entries = figures.iter().map(|figure| (figure.key.to_owned(), figure.number.json()));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn build() -> Value {
    json!({
        "version_hash": null,
        "git_commit_author": null,
        "git_timestamp": null,
        "build_timestamp": null,
        "build_hostname": null,
        "allocator": if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" },
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn config(job: &Job) -> Value {
    let options = &job.options;
    let Table { format, zstd, v2, .. } = &job.table;
    let format = format.row().name;
    let report_format = match options.report_format {
        Ok(ReportFormat::Json) => "json",
        _ => "text",
    };
    json!({
        "input_filename": inputs_path(job),
        "output_filename": target_path(&job.target),
        "output_format": format,
        "report_format": report_format,
        "match_timeout_ms": job.plan.match_timeout_ns / 1_000_000,
        "monotonic_capture": job.plan.monotonic,
        "dns_wire_fast_path": options.dns_wire_fast_path,
        "anonymization_enabled": job.plan.context.privacy.is_active(),
        "anonymize_key_path": options.hiding.anonymize.as_ref().map(|path| path.display().to_string()),
        "zstd": zstd.is_some(),
        "v2": v2,
        "silent": options.quiet.silent,
        "affinity": options.affinity,
        "output_channel_capacity": null,
        "output_channel_message_capacity": null,
        "output_record_batch_size": null,
        "uses_default_output_channel_capacity": null,
        "zstd_level": zstd,
        "strict": options.strictness.strict,
        "fields": columns(&job.plan),
        "where": job.plan.select.filter.as_ref().map(Filter::text),
        "sample": job.plan.select.sample.map(|sample| sample.to_string()),
        "port": job.plan.ports.to_string(),
        "dedup_packets_ns": job.plan.duplicates_ns,
        "save_skipped": job.saved.as_ref().map(|saved| direct(&saved.path)),
        "order": job.manner.order.name(),
        "merge": job.manner.merge,
        "per_file": match &job.target {
            Target::Dataset(wish) => wish.per_file,
            target => matches!(target, Target::Directory { .. }),
        },
        "keep_going": job.manner.keep_going,
        "privacy": privacy(&job.plan),
        "check_privacy": options.check_privacy,
        "geoip": databases(&job.plan),
        "psl": options.lookups.psl.as_deref().map(direct),
        "servers": options.lookups.servers.as_deref().map(direct),
        "server_template": options.lookups.server_template.as_ref().map(|text| text.to_string_lossy()),
    })
}

fn execution(job: &Job) -> Value {
    json!({
        "available_cpus": job.cpus,
        "model": null,
        "rayon_threads": null,
        "staged_reserved_service_threads": null,
        "staged_worker_budget": null,
        "workers": job.workers,
    })
}

fn warnings(account: &Account) -> Value {
    json!({
        "non_monotonic_capture_timestamps": regressions(&account.outcome),
        "graceful_signal_shutdown": account.is_signalled(),
        "sentences": account.warnings(),
    })
}

/// The first packet that is earlier than the one before it; packets are numbered from 1 here.
fn regressions(outcome: &Outcome) -> Option<Value> {
    let first = outcome.first_regression?;
    Some(json!({
        "count": outcome.regressions,
        "previous_packet_ordinal": first.position,
        "previous_timestamp_micros": first.previous_ns.div_euclid(1000),
        "current_packet_ordinal": first.position + 1,
        "current_timestamp_micros": first.time_ns.div_euclid(1000),
        "recommendation": "packets out of order within a second are matched all the same; \
            sort the capture (reordercap) if it is worse",
    }))
}

fn capture(account: &Account) -> Value {
    let outcome = &account.outcome;
    let end = End::of(&outcome.ending);
    let micros = |ns: i64| ns.div_euclid(1000);
    let count = |end| account.ended().filter(|(_, ending)| End::of(ending) == end).count();
    json!({
        "compression": compression(account),
        "first_timestamp_micros": outcome.first_and_last_ns.map(|(first, _)| micros(first)),
        "last_timestamp_micros": outcome.first_and_last_ns.map(|(_, last)| micros(last)),
        "regressions": outcome.regressions,
        "ending": end.name(),
        "ending_offset": offset(&outcome.ending),
        "cut_off": count(End::CutOff),
        "damaged": count(End::Damaged),
        "unreadable": count(End::Unreadable),
    })
}

/// The compression of all captures, if they agree.
fn compression(account: &Account) -> &'static str {
    let mut compressions = account.taken().map(|taken| taken.compression);
    let first = compressions.next().unwrap_or("none");
    if compressions.all(|other| other == first) { first } else { "mixed" }
}

fn offset(ending: &Ending) -> Option<u64> {
    match *ending {
        Ending::CutOff { offset } | Ending::Damaged { offset, .. } | Ending::Unreadable { offset, .. } => {
            Some(offset)
        }
        Ending::Complete | Ending::Interrupted => None,
    }
}

fn packets(outcome: &Outcome) -> Value {
    let totals = &outcome.totals;
    let reasons = SKIPS.iter().map(|(skip, name, _)| ((*name).to_owned(), skipped(&totals.skips, *skip)));
    json!({
        "read": volume(&totals.read),
        "used": volume(&totals.used),
        "skipped": volume(&totals.skips.total()),
        "skipped_by_reason": Value::Object(reasons.collect::<Map<_, _>>()),
    })
}

/// What was skipped for a reason; its first frames are numbered from 1.
fn skipped(skips: &Skips, skip: Skip) -> Value {
    let Volume { packets, bytes } = skips.of(skip);
    let frames: Vec<u64> =
        skips.first(skip).take(figures::EXAMPLES_SHOWN).map(|position| position + 1).collect();
    json!({ "packets": packets, "bytes": bytes, "first_frames": frames })
}

/// A key for each group of figures.
fn groups(outcome: &Outcome) -> Value {
    let entries =
        figures::groups(outcome).into_iter().map(|group| (group.key.to_owned(), object(&group.figures)));
    Value::Object(entries.collect())
}

fn volume(volume: &Volume) -> Value {
    json!({ "packets": volume.packets, "bytes": volume.bytes })
}

fn accounting(outcome: &Outcome) -> Vec<Value> {
    figures::identities(outcome).iter().map(Identity::json).collect()
}
