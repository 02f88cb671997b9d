//! `dpp completions` and `dpp man`: what other programs want to know of the flag table.
//!
//! Nothing is written by hand here; both are made from [`flags`](crate::flags).

use crate::flags::CommandLine;
use anyhow::Context;
use clap::CommandFactory;
use std::io::{self, Write};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "dpp", &mut script);
    print(&script)
}

/// Prints the manual page, in the language of man(7).
pub(crate) fn man_page() -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(CommandLine::command()).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    io::stdout().write_all(text).context(crate::output::STDOUT)
}
