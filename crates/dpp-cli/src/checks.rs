//! What is refused, and in which order; before anything is opened for writing.
//!
//! [`check`] turns what the user said into a [`Job`] that can be run. The surprising fact: most of this is
//! about not destroying the capture. An output that is the input under any name (a path, a hard link, a
//! symbolic link, the file behind a redirection, even the `.part` of the output) is refused. `main` calls it;
//! `run` does the job.

use crate::beside::Beside;
use crate::cdns;
use crate::dataset;
use crate::flags::{
    self, Datasets, Extract, Hiding, Joined, Live, Lookups, Many, Options, Order, ReportFormat, Setting,
    Single, Zstd,
};
use crate::formats::{FORMATS, Format, Unwritten, packing_named};
use crate::hiding;
use crate::inputs::{self, Input, Inputs, Search};
use crate::live;
use crate::lookups;
use crate::output::{Output, Target, identity, is_stdout, of_descriptor};
use crate::plan;
use crate::saved::{EXAMPLES, Saved};
use anyhow::bail;
use dpp::enrich::Template;
use dpp::limits::MERGED_MAX;
use dpp::pipeline::WORKERS_MAX;
use dpp::plan::Plan;
use dpp::table::{Context as TableContext, Schema};
use dpp::transaction::Needs;
use dpp_sink::cdns::Settings as CdnsSettings;
use dpp_sink::packed::Packing;
use dpp_sink::part_file::{end_of_links, part_path};
use dpp_source::Identity;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// A run that nothing speaks against.
pub(crate) struct Job {
    /// At least one, and none twice.
    pub(crate) captures: Vec<Input>,
    pub(crate) manner: Manner,
    pub(crate) target: Target,
    pub(crate) table: Table,
    /// Where the first skipped packets go.
    pub(crate) saved: Option<Saved>,
    /// What is counted beside the rows.
    pub(crate) beside: Option<Beside>,
    pub(crate) voice: Voice,
    /// Files of directories that are no captures.
    pub(crate) passed_over: u64,
    pub(crate) plan: Plan,
    /// What captures are called.
    pub(crate) template: Option<Template>,
    pub(crate) workers: NonZeroUsize,
    pub(crate) cpus: NonZeroUsize,
    /// How live sources are read; `None` for captures that have an end.
    pub(crate) live: Option<live::Wish>,
    /// What the user said, for the report.
    pub(crate) options: Options,
}

impl Job {
    /// The files that are read beside captures: keys, databases, tables.
    pub(crate) fn files_read(&self) -> Vec<PathBuf> {
        files_read(&self.options).map(|(path, _)| path.to_owned()).collect()
    }
}

/// How several captures are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) order: Order,
    /// By time, packet by packet; not one after the other.
    pub(crate) merge: bool,
    /// What cannot be read is left out, and told in the end.
    pub(crate) keep_going: bool,
}

/// How the table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) format: Format,
    /// What is around it.
    pub(crate) packing: Option<Packing>,
    /// Level of zstd, of Parquet's pages; without it Snappy.
    pub(crate) zstd: Option<i32>,
    /// Parquet's format version 2.
    pub(crate) v2: bool,
    /// Whether Parquet has a page index, and the names of the columns that have bloom filters.
    pub(crate) page_index: bool,
    pub(crate) bloom: Vec<String>,
    /// What C-DNS stores, and how.
    pub(crate) cdns: CdnsSettings,
}

/// What is told of the run, beside errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Silent,
    /// Text on standard error, and a progress bar if that is a terminal.
    Text,
    /// One line on standard output.
    Json,
}

/// Judges a run on one capture.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(crate) fn check_one(single: Single) -> anyhow::Result<Job> {
    let Single { input, output, beside, parts, options } = single;
    let Some(path) = input else {
        bail!("Input filename is required: name a capture, or - for standard input (dpp --help tells more)")
    };
    if let Some(complaint) = flags::misspelt(&path) {
        bail!(complaint)
    }
    let inputs = inputs::one(&path)?;
    let live = inputs.captures[0].is_live().then(live::Wish::default);
    check_alone(inputs, live, output, (beside, parts.site), options)
}

/// Judges a run on live sources.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(crate) fn check_live(wish: Live, command: &str) -> anyhow::Result<Job> {
    if wish.source.is_empty() {
        bail!("dpp {command}: say with --source where packets come from (dpp {command} --help tells more)")
    }
    let inputs = inputs::sources(&wish.source)?;
    let live = live::Wish::of(&wish)?;
    let Live { output, options, beside, parts_every, site, .. } = wish;
    let feeds_itself = |input: &Input| matches!((input, &output), (Input::Live(source), Some(output)) if source.is_path_of(output));
    if let Some(source) = inputs.captures.iter().find(|input| feeds_itself(input)) {
        bail!("--output: {} is a source of this run, which would feed itself; choose another", source.name())
    }
    let mut job = check_alone(inputs, Some(live), output, Default::default(), options)?;
    live::parts::check(&mut job, &beside, parts_every.as_deref(), site.as_deref())?;
    Ok(job)
}

/// One table of all inputs.
fn check_alone(
    inputs: Inputs,
    live: Option<live::Wish>,
    output: Option<PathBuf>,
    beside: (flags::Beside, Option<OsString>),
    options: Options,
) -> anyhow::Result<Job> {
    if live.is_some() {
        live::check(&options)?;
    }
    if live.is_some() && (beside.0.stats.is_some() || beside.0.rssac.is_some()) {
        bail!(
            "--stats and --rssac count captures that have an end, or beside dpp live (dpp live --source SOURCE ...)"
        )
    }
    let (manner, datasets) = (Manner::default(), Datasets::default());
    let job = check(Wish { inputs, manner, per_file: false, datasets, output, beside, options })?;
    Ok(Job { live, ..job })
}

/// Judges a run on many captures.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(crate) fn check_many(extract: Extract) -> anyhow::Result<Job> {
    let Extract { inputs, output, many, datasets, per_file, beside, parts, options } = extract;
    let beside = (beside, parts.site);
    if inputs.is_empty() {
        bail!("dpp extract: name captures, or a directory of them (dpp extract --help tells more)")
    }
    let Many { joined, keep_going } = many;
    let manner = manner(&joined, keep_going)?;
    if manner.merge && per_file {
        bail!("--merge makes one capture of all, and --per-file keeps them apart; choose one of the two")
    }
    let search = Search { recursive: joined.recursive, keep_going, ..Search::default() };
    let inputs = inputs::all(&inputs, search)?;
    check_merged(manner, &inputs.captures)?;
    check(Wish { inputs, manner, per_file, datasets, output, beside, options })
}

/// Refuses to merge more captures than can be open at once.
pub(crate) fn check_merged(manner: Manner, captures: &[Input]) -> anyhow::Result<()> {
    let count = captures.len();
    if manner.merge && count > MERGED_MAX {
        bail!(
            "--merge: these are {count} captures; no more than {MERGED_MAX} can be open at once: merge some first"
        )
    }
    Ok(())
}

/// How several captures are to be read.
pub(crate) fn manner(joined: &Joined, keep_going: bool) -> anyhow::Result<Manner> {
    let order = understood(Some(joined.order.clone()), "DPP_ORDER", "name, time or given")?;
    Ok(Manner { order: order.unwrap_or_default(), merge: joined.merge, keep_going })
}

/// What the user wants, as far as it was not judged.
struct Wish {
    inputs: Inputs,
    manner: Manner,
    per_file: bool,
    datasets: Datasets,
    output: Option<PathBuf>,
    /// What is counted beside the rows, and the site that it is of.
    beside: (flags::Beside, Option<OsString>),
    options: Options,
}

fn check(wish: Wish) -> anyhow::Result<Job> {
    let Wish { inputs, manner, per_file, datasets, mut output, beside, options } = wish;
    let is_live = inputs.captures.iter().any(Input::is_live);
    let receiver = output.as_deref().map_or(Ok(None), |output| live::receiver(output, is_live))?;
    if receiver.is_some() {
        output = None;
    }
    let privacy = hiding::privacy(&options.hiding, options.check_privacy)?;
    let needs_of_check = hiding::needs_of_check(&privacy, &options);
    let names: Vec<&str> = FORMATS.iter().map(|row| row.name).collect();
    let format = understood(options.format.clone(), "DPP_FORMAT", &names.join(", "))?;
    let report = understood(Some(options.report_format.clone()), "DPP_REPORT_FORMAT", "text or json")?;
    let match_timeout_ns = check_timeout(&options.timeout.match_timeout_ms)?;
    let schema = check_schema(&options)?;
    let select = plan::select(options.selection.filter.as_deref(), options.selection.sample.as_deref())?;
    let ports = plan::ports(&options.messages.reading.port)?;
    let duplicates_ns = options.messages.dedup_packets.as_deref().map(plan::window_ns).transpose()?;
    understood(options.bonded.clone(), "DPP_BONDED", "a number")?;
    let workers = workers(options.workers.threads.clone())?;
    let is_dataset = datasets.are_asked_for();
    let named = output.as_deref().filter(|_| !per_file && !is_dataset);
    named.map_or(Ok(()), |path| check_extension(path, format))?;
    let (told, packing) = named.map_or((None, None), Format::of_path);
    let told = if receiver.is_some() { Some(Format::Dnstap) } else { told };
    let usual = || match Format::of_schema(schema.name) {
        // A dataset is for those who read tables by columns, unless its schema is that of a tool that writes text.
        Format::Csv if is_dataset => Format::Parquet,
        format => format,
    };
    let format = format.or(told).unwrap_or_else(usual);
    let wish = dataset::wish(&datasets, output.as_deref(), per_file, format)?;
    if let Some(dataset::Settings { partitioning, sort_by, .. }) = wish.as_ref().map(|wish| &wish.settings) {
        lookups::check("--partition-by", &partitioning.columns().collect::<Vec<_>>(), &options)?;
        lookups::check("--sort-by", sort_by, &options)?;
    }
    let dataset_needs = wish.as_ref().map_or(Needs::NOTHING, dataset::needs);
    let target = match wish {
        Some(wish) => check_dataset(wish, &inputs.captures)?,
        None if per_file => check_directory(output.as_deref(), format, &inputs.captures)?,
        None => match receiver {
            Some(_) if format != Format::Dnstap => {
                bail!("a receiver of dnstap takes no {}; leave -f out, or name a file", called_format(format))
            }
            Some(receiver) => Target::One(Output::Relay(Box::new(receiver))),
            None => Target::One(check_output(named, format)?),
        },
    };
    check_columns(format, &options)?;
    hiding::check(&privacy, &schema, format, &options)?;
    let (context, mut told) = lookups::context(&options.lookups)?;
    let context = TableContext { privacy, ..context };
    let fingerprint = hiding::fingerprint_of(select.filter.as_ref(), &options.hiding)?;
    if is_dataset && fingerprint.is_none() && context.privacy.is_active() {
        dataset::check_condition(select.filter.as_ref())?;
    }
    told.push(("where_fingerprint", fingerprint));
    let template = lookups::template(&options.lookups, &inputs.captures)?;
    let saved = check_saved(&options, &inputs.captures, context.privacy.is_active())?;
    let table = check_table(format, packing, &schema, &options)?;
    let mut plan = Plan {
        match_timeout_ns,
        ports,
        schema,
        context,
        sink_needs: needs_of_check | dataset_needs,
        select,
        duplicates_ns,
        // C-DNS has items without a query, and those who read it expect them.
        unasked: options.unasked || format == Format::Cdns,
        monotonic: options.monotonic_capture,
        merge: manner.merge,
        told: told.into(),
        ..Plan::default()
    };
    let beside = check_beside(&beside, &target, &options, &mut plan)?;
    check_overlap(&inputs, &target, saved.as_ref(), beside.as_ref(), &options)?;
    check_stdout(&target, format, report)?;
    let voice = voice(&options, &target, report);
    inputs.tell_passed(voice != Voice::Text);
    Ok(Job {
        voice,
        passed_over: inputs.passed_over(),
        plan,
        beside,
        template,
        workers,
        cpus: cpus(),
        captures: inputs.captures,
        manner,
        target,
        table,
        saved,
        live: None,
        options,
    })
}

/// What is counted beside the rows of one table.
fn check_beside(
    (wish, site): &(flags::Beside, Option<OsString>),
    target: &Target,
    options: &Options,
    plan: &mut Plan,
) -> anyhow::Result<Option<Beside>> {
    let beside = Beside::check(wish, site.as_deref(), options, plan)?;
    if beside.is_some() && target.one().is_none() {
        bail!(
            "--stats and --rssac count beside one table; count in a run of their own (dpp stats map, dpp rssac map)"
        )
    }
    Ok(beside)
}

/// Refuses a name that promises what is not written. Any other unknown extension is that of a table in the usual format.
fn check_extension(path: &Path, format: Option<Format>) -> anyhow::Result<()> {
    let name = path.display();
    match Unwritten::of_path(path) {
        Some(Unwritten::Packing(word)) => bail!(
            "the output '{name}' would not be what .{word} says; tables are packed once, by gzip or zstd: \
             end its name with .gz or .zst, or leave .{word} out"
        ),
        Some(Unwritten::Capture(word)) if format.is_none() => bail!(
            "the output '{name}' would not be what .{word} says; of captures only pcap is written: \
             end its name with .pcap, or say with -f what it shall be"
        ),
        _ => Ok(()),
    }
}

/// Refuses a choice of columns for a format that has none.
fn check_columns(format: Format, options: &Options) -> anyhow::Result<()> {
    let chosen = [("--fields", &options.fields), ("--schema", &options.schema), ("--drop", &options.drop)];
    let Some((option, _)) = chosen.iter().find(|option| option.1.is_some() && !format.has_columns()) else {
        return Ok(());
    };
    match format {
        Format::Cdns => bail!(
            "{option} is for tables of columns; leave it out: \
             what -f cdns stores, --cdns-exclude and --cdns-sections say"
        ),
        _ => bail!(
            "{option} is for tables of columns, and -f {} writes whole messages; leave it out, \
             or choose a format of columns, such as csv or parquet",
            format.row().name
        ),
    }
}

/// The columns of the table.
fn check_schema(options: &Options) -> anyhow::Result<Schema> {
    let mut schema = match (&options.fields, &options.schema) {
        (Some(_), Some(_)) => bail!("--fields and --schema both choose columns; use one of the two"),
        (Some(fields), None) => {
            let columns = plan::columns("--fields", fields)?;
            lookups::check("--fields", &columns, options)?;
            Schema::of(columns)
        }
        (None, Some(schema)) => plan::schema(schema)?,
        (None, None) => Schema::dpp(),
    };
    if let Some(columns) = &options.drop {
        plan::drop_columns(&mut schema, columns)?;
    }
    Ok(schema)
}

/// Where skipped packets are to be saved. They are fetched by a second reading, as they were captured.
fn check_saved(options: &Options, captures: &[Input], hides: bool) -> anyhow::Result<Option<Saved>> {
    let examples = understood(options.examples.clone(), "DPP_EXAMPLES", "a number from 1 to 64")?;
    let Some(path) = &options.save_skipped else {
        if examples.is_some() {
            bail!("--examples is for --save-skipped; name the file of the packets with that, or leave it out")
        }
        return Ok(None);
    };
    if path == Path::new("-") || path == Path::new("") {
        bail!("--save-skipped: name the file of the packets");
    }
    if let Some(word) = packing_named(path) {
        let name = path.display();
        bail!(
            "--save-skipped: '{name}' would not be what .{word} says, for packets are saved unpacked; leave .{word} out"
        );
    }
    if let Some(input) = captures.iter().find(|input| !input.is_file()) {
        bail!(
            "--save-skipped reads the capture a second time, which {} does not allow; save it to a file first",
            input.name()
        )
    }
    if hides {
        let hiding = match options.hiding.anonymize {
            Some(_) => "the addresses that --anonymize hides; use one of the two",
            None => "what --hide-addresses and --hide-names hide; leave it out",
        };
        bail!("--save-skipped keeps packets as they were captured, with {hiding}");
    }
    match check_file(path)? {
        Output::Path(path) => Ok(Some(Saved { path, examples: examples.unwrap_or(EXAMPLES).into() })),
        Output::Stdout | Output::Relay(_) => unreachable!("a path is a file"),
    }
}

/// How many workers.
///
/// # Errors
/// A variable that is no number.
pub(crate) fn workers(threads: Option<Setting<u16>>) -> anyhow::Result<NonZeroUsize> {
    let threads = understood(threads, "DPP_THREADS", "a number from 1 to 256")?;
    let wanted = threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    let most = NonZeroUsize::new(WORKERS_MAX).expect("there may be workers");
    Ok(wanted.unwrap_or_else(cpus).min(most))
}

fn cpus() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The value of an option, if its variable can be understood.
fn understood<T>(setting: Option<Setting<T>>, variable: &str, allowed: &str) -> anyhow::Result<Option<T>> {
    match setting.transpose() {
        Ok(value) => Ok(value),
        Err(text) => bail!("{variable} is '{text}'; allowed is {allowed}"),
    }
}

/// T in ns.
pub(crate) fn check_timeout(text: &OsStr) -> anyhow::Result<i64> {
    match text.to_str().and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(ms @ 1..=5000) => Ok(ms * 1_000_000),
        _ => bail!("--match-timeout-ms {}: allowed are 1 to 5000 milliseconds", text.display()),
    }
}

fn check_output(path: Option<&Path>, format: Format) -> anyhow::Result<Output> {
    let default = PathBuf::from(format!("dns_output.{}", extension_of(format)));
    let path = path.unwrap_or(&default);
    if path == Path::new("-") {
        return Ok(Output::Stdout);
    }
    if path == Path::new("") {
        bail!("the output has an empty name; name a file, or leave it out for a default one")
    }
    check_file(path)
}

/// A file that is written.
///
/// # Errors
/// A directory, and a link of which it is not clear what is to be replaced.
pub(crate) fn check_file(path: &Path) -> anyhow::Result<Output> {
    let path = follow(path)?;
    match fs::metadata(&path) {
        Ok(known) if known.is_dir() => {
            bail!("the output '{}' is a directory; name a file in it", path.display())
        }
        _ => Ok(Output::Path(path)),
    }
}

/// The directory of a dataset. What is in it, its manifest tells when the run begins.
fn check_dataset(wish: dataset::Wish, captures: &[Input]) -> anyhow::Result<Target> {
    let root = fs::canonicalize(&wish.root).unwrap_or_else(|_| wish.root.clone());
    if let Some(inside) = captures.iter().find(|capture| Path::new(&capture.path()).starts_with(&root)) {
        bail!(
            "{} lies in the dataset's directory '{}'; name another directory",
            inside.name(),
            wish.root.display()
        );
    }
    Ok(Target::Dataset(Box::new(wish)))
}

/// The directory of the tables of `--per-file`, which may be made yet, and each of them in it.
fn check_directory(path: Option<&Path>, format: Format, captures: &[Input]) -> anyhow::Result<Target> {
    let Some(path) = path else { bail!("--per-file: name the directory of the tables with -o") };
    if !path.is_dir() && (path.exists() || path == Path::new("-") || path == Path::new("")) {
        bail!("--per-file: '{}' is no directory; name another with -o", path.display());
    }
    let target = Target::Directory { path: path.to_owned(), extension: extension_of(format) };
    let mut seen: HashMap<PathBuf, &Input> = HashMap::new();
    for capture in captures {
        let Some(Output::Path(table)) = target.of(capture) else { continue };
        check_file(&table)?;
        if let Some(other) = seen.insert(table.clone(), capture) {
            bail!(
                "--per-file: the tables of {} and {} would both be '{}'; rename one, or name another directory for one of them",
                other.name(),
                capture.name(),
                table.display()
            );
        }
    }
    Ok(target)
}

fn extension_of(format: Format) -> &'static str {
    format.row().extensions[0]
}

/// The output's own path. A symbolic link to a file is refused, for it is not clear which of the two is to be
/// replaced; one that points to nothing yet is followed.
fn follow(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_symlink() && fs::metadata(path).is_ok_and(|known| known.is_file()) {
        let target = fs::canonicalize(path).unwrap_or_default();
        bail!(
            "the output '{}' is a symbolic link; name the file it points to, '{}', or remove the link",
            path.display(),
            target.display()
        );
    }
    let Ok(end) = end_of_links(path) else {
        bail!("the output '{}' is a symbolic link that leads in circles; remove it", path.display())
    };
    Ok(end)
}

/// Refuses an output that would destroy a capture, a list of captures, or another file that is read.
fn check_overlap(
    inputs: &Inputs,
    target: &Target,
    saved: Option<&Saved>,
    beside: Option<&Beside>,
    options: &Options,
) -> anyhow::Result<()> {
    let mut precious: HashMap<Identity, String> = HashMap::new();
    let lists = inputs.lists.iter().map(|list| (identity(list), format!("the list '{}'", list.display())));
    let captures = inputs.captures.iter().map(|capture| (capture.identity(), called(inputs, capture)));
    let read = files_read(options).map(|(path, called)| (identity(path), called.to_owned()));
    for (file, called) in lists.chain(read).chain(captures) {
        precious.extend(file.map(|file| (file, called)));
    }
    let tables: Vec<Output> = inputs.captures.iter().map_while(|capture| target.of(capture)).collect();
    let saved = saved.map(|saved| Output::Path(saved.path.clone()));
    let saved = saved.iter().map(|saved| ("--save-skipped", "the packets", saved));
    let figures = beside.into_iter().flat_map(Beside::outputs);
    let others: Vec<_> =
        saved.chain(figures.map(|(option, output)| (option, "the figures", output))).collect();
    let tables = || target.one().into_iter().chain(&tables);
    for (at, (option, what, other)) in others.iter().enumerate() {
        if tables().any(|table| meet(table, other)) {
            bail!("{option}: {what} and the table would have the same file; choose another");
        }
        if let Some((first, ..)) = others[..at].iter().find(|first| meet(first.2, other)) {
            bail!("{first} and {option} would write the same file; choose another");
        }
    }
    for (name, file) in tables().chain(others.iter().map(|other| other.2)).flat_map(output_files) {
        if let Some(other) = precious.get(&file) {
            bail!("the output '{name}' and {other} are the same file; choose another output");
        }
    }
    Ok(())
}

/// The files that are read beside captures, and what they are called.
fn files_read(options: &Options) -> impl Iterator<Item = (&Path, &'static str)> {
    let Hiding { anonymize, hide_key, .. } = &options.hiding;
    let Lookups { geoip, psl, servers, .. } = &options.lookups;
    let keys = anonymize.iter().chain(hide_key).map(|path| (path, "the key file"));
    let databases = geoip.iter().map(|path| (path, "the database of --geoip"));
    let lists = psl.iter().map(|path| (path, "the list of --psl"));
    let tables = servers.iter().map(|path| (path, "the table of --servers"));
    keys.chain(databases).chain(lists).chain(tables).map(|(path, called)| (path.as_path(), called))
}

/// What a capture is called where it is clear that there is one.
fn called(inputs: &Inputs, capture: &Input) -> String {
    match inputs.captures.len() {
        1 => "the input".to_owned(),
        _ => format!("the input {}", capture.name()),
    }
}

/// Whether two outputs would write to the same file, there already or not. The part of one may be the other.
fn meet(one: &Output, other: &Output) -> bool {
    let (files, places) = (output_files(other), output_places(other));
    output_files(one).iter().any(|(_, file)| files.iter().any(|(_, other)| other == file))
        || output_places(one).iter().any(|place| places.contains(place))
}

/// Where this output would write, under one name for each place.
fn output_places(output: &Output) -> Vec<PathBuf> {
    let Output::Path(path) = output else { return Vec::new() };
    let end = end_of_links(path).unwrap_or_else(|_| path.clone());
    let directory = end.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let place = directory.join(end.file_name().unwrap_or_default());
    vec![part_path(&place), place]
}

/// The existing files that this output would write to.
fn output_files(output: &Output) -> Vec<(String, Identity)> {
    let files = match output {
        Output::Stdout => vec![("-".to_owned(), regular(of_descriptor(io::stdout())))],
        Output::Relay(_) => Vec::new(),
        Output::Path(path) => [path.clone(), part_path(path)]
            .iter()
            .map(|path| (path.display().to_string(), identity(path)))
            .collect(),
    };
    files.into_iter().filter_map(|(name, file)| Some((name, file?))).collect()
}

/// Only files are destroyed by being written to; a terminal or a socket may well be both ends.
fn regular(known: io::Result<Metadata>) -> Option<Identity> {
    known.ok().filter(Metadata::is_file).as_ref().map(Identity::from)
}

fn check_stdout(target: &Target, format: Format, report: Option<ReportFormat>) -> anyhow::Result<()> {
    let takes_rows = match target.one() {
        Some(Output::Stdout) if !format.row().streams => {
            let name = called_format(format);
            bail!("{name} cannot be written to standard output; name an output file, or use -f csv")
        }
        Some(Output::Stdout) => true,
        Some(Output::Path(path)) => is_stdout(path),
        Some(Output::Relay(_)) | None => false,
    };
    if takes_rows && report == Some(ReportFormat::Json) {
        bail!("standard output cannot carry rows and the JSON report; name an output file")
    }
    Ok(())
}

/// What people call a format.
fn called_format(format: Format) -> String {
    match format {
        Format::Parquet => "Parquet".to_owned(),
        Format::Arrow => "An Arrow file".to_owned(),
        format => format.row().name.to_uppercase(),
    }
}

fn check_table(
    format: Format,
    packing: Option<Packing>,
    schema: &Schema,
    options: &Options,
) -> anyhow::Result<Table> {
    let zstd = match options.zstd {
        Some(Zstd::Level(level)) => Some(level),
        Some(Zstd::Off) | None => None,
    };
    let name = called_format(format);
    if format != Format::Parquet && zstd.is_some() {
        bail!("--zstd is for Parquet; add -f parquet, or name an output that ends with .zst")
    }
    if format != Format::Parquet && options.v2 {
        bail!("--v2 is for Parquet; add -f parquet, or leave it out")
    }
    if format != Format::Parquet && (options.page_index || options.bloom.is_some()) {
        bail!("--page-index and --bloom are for Parquet; add -f parquet, or leave them out")
    }
    if packing.is_some() && !format.row().packs {
        bail!("{name} is compressed inside; name the output without .gz or .zst")
    }
    if format != Format::Cdns
        && let Some(option) = cdns::first_given(&options.cdns)
    {
        bail!("{option} is for C-DNS; add -f cdns, or leave it out")
    }
    let bloom = check_bloom(schema, options)?;
    let (page_index, cdns) = (options.page_index, cdns::settings(&options.cdns)?);
    Ok(Table { format, packing, zstd, v2: options.v2, page_index, bloom, cdns })
}

/// The names of the columns that have bloom filters. They must be in the table.
fn check_bloom(schema: &Schema, options: &Options) -> anyhow::Result<Vec<String>> {
    let Some(words) = &options.bloom else { return Ok(Vec::new()) };
    let name = |word: &str| match schema.fields().iter().find(|field| field.name == word) {
        Some(field) => Ok(field.name.clone().into_owned()),
        None => bail!("--bloom: the table has no column '{word}'; name one that it has"),
    };
    words.to_string_lossy().split(',').map(str::trim).map(name).collect()
}

fn voice(options: &Options, target: &Target, report: Option<ReportFormat>) -> Voice {
    match report {
        Some(ReportFormat::Json) => Voice::Json,
        _ if options.quiet.silent || target.one() == Some(&Output::Stdout) => Voice::Silent,
        _ => Voice::Text,
    }
}
