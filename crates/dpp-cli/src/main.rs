//! The program `dpp`: DNS captures in, tables out.
//!
//! This file is the table of contents: the command line is read, one of twelve things is done, and the process
//! ends with its exit code. The only place in the project that knows flags ([`flags`]) and the environment;
//! what it does with them happens in the crates below.

mod affinity;
mod beside;
mod captures;
mod cdns;
mod checks;
mod completions;
mod counting;
mod dataset;
mod explain;
mod flags;
mod formats;
mod generate;
mod hiding;
mod inputs;
mod live;
mod lookups;
mod nearest;
mod output;
mod page;
mod parts;
mod plan;
mod progress;
mod report;
mod rssac;
mod run;
mod saved;
mod service;
mod signals;
mod sinks;
mod stats;
mod time;
#[cfg(feature = "top")]
mod top;

use anyhow::Context;
use flags::{Command, CommandLine};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Clap answers --help and --version, and ends with exit code 2 where it cannot understand.
    let CommandLine { command, run } = flags::parse();
    let done = match command {
        None if let Some(list) = wanted_list(&run.options) => print(&list),
        None => checks::check_one(run).and_then(run::run),
        Some(Command::Extract(extract)) if let Some(list) = wanted_list(&extract.options) => print(&list),
        Some(Command::Extract(extract)) => checks::check_many(*extract).and_then(run::run),
        Some(Command::Live(wish)) if wish.source.iter().any(|source| source == plan::HELP) => {
            print(&live::source_list())
        }
        Some(Command::Live(wish)) if let Some(list) = wanted_list(&wish.options) => print(&list),
        Some(Command::Live(wish)) => live::start(*wish),
        Some(Command::Check(wish)) => live::tell(*wish).and_then(|text| print(&text)),
        Some(Command::Explain(wish)) => explain::explain(wish),
        Some(Command::Stats(wish)) => stats::stats(&wish),
        Some(Command::Report(wish)) => stats::report(&wish),
        #[cfg(feature = "top")]
        Some(Command::Top(wish)) => top::top(&wish),
        #[cfg(not(feature = "top"))]
        Some(Command::Top(_)) => Err(anyhow::anyhow!(
            "dpp top: this dpp was built without it; build it with --features top, or see dpp stats"
        )),
        Some(Command::Rssac(wish)) => rssac::rssac(*wish),
        Some(Command::Generate(request)) => generate(request),
        #[cfg(debug_assertions)]
        Some(Command::Drill(wish)) => service::drill::drill(&wish),
        Some(Command::Completions { shell }) => completions::completions(shell),
        Some(Command::Man { command }) => completions::man_page(command.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<service::log::Told>() => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error what is wrong, and why. Nobody may be listening any more; the exit code tells all
/// the same.
fn complain(error: &anyhow::Error) {
    let causes = error.chain().skip(1).map(|cause| format!("\nCaused by: {cause}"));
    let _ = writeln!(io::stderr(), "Error: {error}{}", causes.collect::<String>());
}

/// The list of columns or of schemas, if the user asks which there are.
fn wanted_list(options: &flags::Options) -> Option<String> {
    let is_help = |text: &Option<OsString>| text.as_deref().is_some_and(|text| text == plan::HELP);
    if is_help(&options.fields) {
        return Some(plan::column_list());
    }
    is_help(&options.schema).then(plan::schema_list)
}

fn print(list: &str) -> anyhow::Result<()> {
    io::stdout().write_all(list.as_bytes()).context(output::STDOUT)
}

fn generate(arguments: flags::Generate) -> anyhow::Result<()> {
    let is_silent = arguments.silent;
    let summary = generate::run(&arguments.into())?;
    if !is_silent {
        let _ = writeln!(io::stderr(), "{summary}");
    }
    Ok(())
}
