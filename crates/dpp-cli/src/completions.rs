//! `dpp completions` and `dpp man`: what other programs want to know of the flag table.
//!
//! Nothing is written by hand here; both are made from [`flags`](crate::flags).

use crate::flags::CommandLine;
use anyhow::{Context, bail};
use clap::CommandFactory;
use std::io::{self, Write};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "dpp", &mut script);
    print(&script)
}

/// Prints the manual page of the program or of a command, in the language of man(7).
///
/// # Errors
/// There is no such command.
pub(crate) fn man_page(command: Option<&str>) -> anyhow::Result<()> {
    let mut described = CommandLine::command();
    if let Some(name) = command {
        // Building names commands as their pages are called, dpp-extract.
        described.build();
        let Some(command) = described.find_subcommand(name) else {
            bail!("there is no command '{name}'; dpp --help lists them")
        };
        described = command.clone();
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(described).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    io::stdout().write_all(text).context(crate::output::STDOUT)
}
