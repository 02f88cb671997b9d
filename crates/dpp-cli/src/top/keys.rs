//! THE table of keys: what each does, and how that is said. The line at the bottom, the help, and what happens derive from it.
//!
//! **To add a key, add a row**, and say in [`state`](super::state) what comes of it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Shows the table of this number among [`TABLES`].
    Table(usize),
    /// Asks for a text that rows must have.
    Find,
    /// Asks for a condition that transactions must meet from now on.
    Select,
    Window,
    Pause,
    Faster,
    Slower,
    Up,
    Down,
    PageUp,
    PageDown,
    Reset,
    Help,
    Leave,
}

/// A table of what there is most of.
pub(super) struct TableEntry {
    pub(super) key: char,
    /// Its key among the engine's figures.
    pub(super) figures: &'static str,
    pub(super) words: &'static str,
}

const fn table(key: char, figures: &'static str, words: &'static str) -> TableEntry {
    TableEntry { key, figures, words }
}

/// All such tables.
pub(super) const TABLES: &[TableEntry] = &[
    table('c', "clients", "clients"),
    table('s', "servers", "servers"),
    table('n', "names", "names"),
    table('d', "domains", "domains"),
    table('t', "tlds", "TLDs"),
    table('p', "client_prefixes", "client networks"),
];

/// A key, and what it does.
pub(super) struct Key {
    code: KeyCode,
    /// What stands on it.
    pub(super) name: &'static str,
    pub(super) action: Action,
    /// In a word, for the line at the bottom; empty if it is not there.
    pub(super) word: &'static str,
    pub(super) sentence: &'static str,
}

const fn key(
    code: KeyCode,
    name: &'static str,
    action: Action,
    word: &'static str,
    sentence: &'static str,
) -> Key {
    Key { code, name, action, word, sentence }
}

/// All keys but those of tables. Most wanted first, as a narrow line at the bottom has only the first.
pub(super) const KEYS: &[Key] = &[
    key(KeyCode::Char('q'), "q", Action::Leave, "quit", "leave, as Ctrl-C does"),
    key(KeyCode::Char('?'), "?", Action::Help, "help", "what keys do"),
    key(
        KeyCode::Char(' '),
        "space",
        Action::Pause,
        "pause",
        "stand still: a capture is read no further, a live source is counted on",
    ),
    key(
        KeyCode::Char('w'),
        "w",
        Action::Window,
        "window",
        "of the last ten seconds, the last minute, or all there was",
    ),
    key(KeyCode::Char('/'), "/", Action::Find, "find", "only the rows of the table that have a text"),
    key(
        KeyCode::Char('f'),
        "f",
        Action::Select,
        "filter",
        "count only what meets a condition, as --where has it, from now on",
    ),
    key(KeyCode::Char('+'), "+", Action::Faster, "", "read the capture faster"),
    key(KeyCode::Char('-'), "-", Action::Slower, "", "read it slower"),
    key(KeyCode::Char('r'), "r", Action::Reset, "reset", "forget what was counted"),
    key(KeyCode::Down, "down", Action::Down, "", "further down in the table"),
    key(KeyCode::Up, "up", Action::Up, "", "further up"),
    key(KeyCode::PageDown, "PgDn", Action::PageDown, "", "a page down"),
    key(KeyCode::PageUp, "PgUp", Action::PageUp, "", "a page up"),
];

/// Lines of the help: all tables, and all other keys.
pub(super) const HELP_LINES: usize = TABLES.len() + KEYS.len();

/// What is to be done where this is pressed.
pub(super) fn action(event: KeyEvent) -> Option<Action> {
    if is_interrupt(event) {
        return Some(Action::Leave);
    }
    let code = match event.code {
        // The same key without shift, and on the other block.
        KeyCode::Char('=') => KeyCode::Char('+'),
        KeyCode::Char('_') => KeyCode::Char('-'),
        code => code,
    };
    let table = TABLES.iter().position(|table| code == KeyCode::Char(table.key)).map(Action::Table);
    table.or_else(|| Some(KEYS.iter().find(|key| key.code == code)?.action))
}

/// Whether this is Ctrl-C, which is no signal while keys come one by one.
pub(super) fn is_interrupt(event: KeyEvent) -> bool {
    event.modifiers.contains(KeyModifiers::CONTROL) && event.code == KeyCode::Char('c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_there_twice() {
        let tables = TABLES.iter().map(|table| KeyCode::Char(table.key));
        let codes: Vec<KeyCode> = tables.chain(KEYS.iter().map(|key| key.code)).collect();
        for (place, code) in codes.iter().enumerate() {
            assert!(!codes[place + 1..].contains(code), "{code:?}");
        }
    }
}
