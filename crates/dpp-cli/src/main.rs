//! The program `dpp`: DNS captures in, tables out.
//!
//! This file is the table of contents: the command line is read, one of six things is done, and the process
//! ends with its exit code. The only place in the project that knows flags ([`flags`]) and the environment;
//! what it does with them happens in the crates below.

mod affinity;
mod captures;
mod cdns;
mod checks;
mod completions;
mod explain;
mod flags;
mod formats;
mod generate;
mod hiding;
mod inputs;
mod lookups;
mod nearest;
mod output;
mod plan;
mod progress;
mod report;
mod run;
mod saved;
mod signals;
mod sinks;

use anyhow::Context;
use flags::{Command, CommandLine};
use std::io::{self, Write};
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Clap answers --help and --version, and ends with exit code 2 where it cannot understand.
    let CommandLine { command, run } = flags::parse();
    let done = match command {
        None if wants_columns(&run.options) => columns(),
        None => checks::check_one(run).and_then(run::run),
        Some(Command::Extract(extract)) if wants_columns(&extract.options) => columns(),
        Some(Command::Extract(extract)) => checks::check_many(*extract).and_then(run::run),
        Some(Command::Explain(wish)) => explain::explain(wish),
        Some(Command::Generate(request)) => generate(request),
        Some(Command::Completions { shell }) => completions::completions(shell),
        Some(Command::Man { command }) => completions::man_page(command.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
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

/// Whether the user asks which columns there are.
fn wants_columns(options: &flags::Options) -> bool {
    options.fields.as_deref().is_some_and(|fields| fields == plan::HELP)
}

fn columns() -> anyhow::Result<()> {
    io::stdout().write_all(plan::column_list().as_bytes()).context(output::STDOUT)
}

fn generate(arguments: flags::Generate) -> anyhow::Result<()> {
    let summary = generate::run(&arguments.into())?;
    let _ = writeln!(io::stderr(), "{summary}");
    Ok(())
}
