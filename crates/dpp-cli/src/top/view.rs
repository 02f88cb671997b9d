//! What is seen: [`draw`], from what was counted and what is looked at to the cells of a terminal.
//!
//! It depends on nothing else, so that tests can look at any screen. Everything is looked up in the engine's
//! [`Figures`], which `dpp stats` is made of too. A window that is too small has the most wanted lines of it.
//!
//! The surprising fact: names come from strangers, who would like to write to this terminal. They are shown escaped, as in tables, so
//! that of a name only letters of ASCII are left; and no cell takes a control character, wherever it comes from.

use super::keys::{HELP_LINES, KEYS, TABLES};
use super::panes::Window;
use super::state::{Asks, Prompt, State};
use crate::report::{grouped, utc};
use crate::stats::text::{rounded, value};
use dpp::summary::{Figures, Shown, Table};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Clear, Sparkline, Widget};

/// What there is to look at.
pub(super) struct Seen {
    /// What the source is called.
    pub(super) source: String,
    /// Of the window.
    pub(super) figures: Figures,
    /// How long the window is, in seconds.
    pub(super) seconds: f64,
    /// Up to when all is decided, ns.
    pub(super) clock_ns: Option<i64>,
    /// Queries of each of the last seconds; the last is the newest.
    pub(super) pulse: Vec<u64>,
    pub(super) packets: u64,
    pub(super) skipped: u64,
    /// Packets that a live source has lost.
    pub(super) dropped: Option<u64>,
    /// Whether a live source has gone for now, as an interface may.
    pub(super) is_away: bool,
    /// How the capture has ended, if it has.
    pub(super) end: Option<String>,
}

/// Draws the screen.
pub(super) fn draw(frame: &mut Frame, state: &mut State, seen: &Seen) {
    let area = frame.area();
    let mut rows = Rows { left: area };
    let height = area.height;
    let paint = Paint { is_colored: state.is_colored };
    let out = frame.buffer_mut();
    head(out, rows.next(1), state, seen, paint);
    let bottom = rows.last(if height >= 3 { 1 } else { 0 });
    foot(out, bottom, state, paint);
    if height >= 5 {
        counts(out, rows.next(1), seen, paint);
    }
    if height >= 7 {
        times(out, rows.next(1), seen);
    }
    plot(out, rows.next(plot_height(height)), state, seen, paint);
    bars(out, rows.next(bars_height(height)), seen, paint);
    table(out, rows.left, state, seen, paint);
    if let Some(above) = state.help {
        state.help_page = usize::from(area.height.saturating_sub(1));
        help(out, area, above.min(HELP_LINES.saturating_sub(state.help_page)), paint);
    }
}

/// Lines of the plot, with its words.
fn plot_height(height: u16) -> u16 {
    match height {
        ..14 => 0,
        14..30 => 3,
        30..40 => 5,
        _ => 6,
    }
}

/// Lines of types and rcodes, with their heads.
fn bars_height(height: u16) -> u16 {
    match height {
        ..18 => 0,
        18..30 => 6,
        30..40 => 8,
        _ => 11,
    }
}

/// What is left of the screen, line by line.
struct Rows {
    left: Rect,
}

impl Rows {
    /// So many lines from the top, or all that are left.
    fn next(&mut self, height: u16) -> Rect {
        let taken = Rect { height: height.min(self.left.height), ..self.left };
        self.left = Rect { y: taken.bottom(), height: self.left.height - taken.height, ..self.left };
        taken
    }

    /// The same from the bottom.
    fn last(&mut self, height: u16) -> Rect {
        let height = height.min(self.left.height);
        self.left.height -= height;
        Rect { y: self.left.bottom(), height, ..self.left }
    }
}

/// How things look. What must be told apart is so without colours, too.
#[derive(Clone, Copy)]
struct Paint {
    is_colored: bool,
}

impl Paint {
    fn color(self, color: Color) -> Style {
        if self.is_colored { Style::new().fg(color) } else { Style::new() }
    }

    fn bar(self) -> Style {
        self.color(Color::Cyan)
    }

    fn title(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn warning(self) -> Style {
        self.color(Color::Yellow).add_modifier(Modifier::BOLD)
    }
}

/// Writes a text into a line, as much of it as fits. Gives the column behind it.
fn write(out: &mut Buffer, line: Rect, column: u16, text: &str, style: Style) -> u16 {
    if line.height == 0 || column >= line.width {
        return line.width;
    }
    let left = usize::from(line.width - column);
    let (x, _) = out.set_stringn(line.x + column, line.y, plain(text), left, style);
    x - line.x
}

/// The text without what a terminal would obey.
fn plain(text: &str) -> String {
    let shown = |letter: char| if letter.is_control() { '\u{FFFD}' } else { letter };
    text.chars().map(shown).collect()
}

/// Columns that a text takes.
fn width(text: &str) -> u16 {
    ratatui::text::Span::raw(plain(text)).width().try_into().unwrap_or(u16::MAX)
}

/// As many of these as fit into a line, each whole.
fn write_all(out: &mut Buffer, line: Rect, cells: &[String], style: Style) {
    let mut column = 0;
    for cell in cells {
        if column + width(cell) > line.width {
            break;
        }
        column = write(out, line, column, cell, style) + 2;
    }
}

/// What is looked at, and how things stand.
fn head(out: &mut Buffer, line: Rect, state: &State, seen: &Seen, paint: Paint) {
    out.set_style(line, paint.title());
    let mut told = Vec::new();
    told.extend(state.is_paused.then(|| "PAUSED".to_owned()));
    told.extend(seen.is_away.then(|| "AWAY".to_owned()));
    told.extend(seen.end.clone());
    told.push(match state.window {
        Window::All => "all".to_owned(),
        window => format!("last {}", window.name()),
    });
    if seen.end.is_none() {
        told.push(state.speed.map_or_else(|| "live".to_owned(), |speed| speed.words()));
    }
    told.extend(seen.clock_ns.map(to_the_second));
    // What is last goes first where there is no room.
    while told.len() > 1 && width(&told.join("  ")) + 12 > line.width {
        told.pop();
    }
    let told = told.join("  ");
    let place = line.width.saturating_sub(width(&told));
    let left = Rect { width: place.saturating_sub(2), ..line };
    let column = write(out, left, 0, "dpp top ", paint.title().add_modifier(Modifier::BOLD));
    write(out, left, column, &seen.source, paint.title());
    write(out, line, place, &told, paint.title());
}

/// A time without what is shorter than a second.
fn to_the_second(ns: i64) -> String {
    let told = utc(ns);
    format!("{}Z", told.split('.').next().unwrap_or_default().replace('T', " "))
}

fn count(figures: &Figures, key: &str) -> u64 {
    match figures.of("totals", key) {
        Some(Shown::Count(count)) => *count,
        _ => 0,
    }
}

fn of(figures: &Figures, group: &str, key: &str) -> String {
    value(figures.of(group, key).unwrap_or(&Shown::Nothing))
}

/// So many a second.
fn rate(count: u64, seconds: f64) -> String {
    if seconds > 0.0 { rounded(count as f64 / seconds) } else { "-".to_owned() }
}

/// How much there is, and what becomes of it.
fn counts(out: &mut Buffer, line: Rect, seen: &Seen, paint: Paint) {
    let figures = &seen.figures;
    let queries = count(figures, "queries");
    let answered = value(&Shown::Share(count(figures, "answered"), queries));
    let cells = [
        format!("{} q/s", rate(queries, seen.seconds)),
        format!("queries {}", grouped(queries)),
        format!("answered {answered}"),
        format!("NXDOMAIN {}", of(figures, "shares", "nxdomain")),
        format!("SERVFAIL {}", of(figures, "shares", "servfail")),
        format!("retried {}", of(figures, "shares", "retried")),
        format!("truncated {}", of(figures, "shares", "truncated")),
    ];
    write_all(out, line, &cells, paint.bold());
}

/// How fast answers are, and what was read.
fn times(out: &mut Buffer, line: Rect, seen: &Seen) {
    let rtt = |key| of(&seen.figures, "rtt", key);
    let mut cells = vec![format!("RTT p50 {}", rtt("p50")), format!("p99 {}", rtt("p99"))];
    cells.push(format!("packets {}", grouped(seen.packets)));
    cells.push(format!("skipped {}", grouped(seen.skipped)));
    cells.extend(seen.dropped.map(|dropped| format!("dropped {}", grouped(dropped))));
    cells.push(format!("clients {}", of(&seen.figures, "distinct", "clients")));
    cells.push(format!("names {}", of(&seen.figures, "distinct", "names")));
    write_all(out, line, &cells, Style::new());
}

/// Queries over time: of the last seconds, or of all there was.
fn plot(out: &mut Buffer, area: Rect, state: &State, seen: &Seen, paint: Paint) {
    if area.height == 0 || area.width < 20 {
        return;
    }
    let columns = usize::from(area.width);
    let (bars, words) = match state.window {
        Window::All => over_all(&seen.figures, columns),
        _ => {
            let newest = &seen.pulse[seen.pulse.len().saturating_sub(columns)..];
            let most = newest.iter().copied().max().unwrap_or(0);
            (newest.to_vec(), format!("at most {} q/s, a column is a second", grouped(most)))
        }
    };
    let mut rows = Rows { left: area };
    write(out, rows.next(1), 0, &words, Style::new());
    let most = bars.iter().copied().max().unwrap_or(0).max(1);
    Sparkline::default().data(bars).max(most).style(paint.bar()).render(rows.left, out);
}

/// Queries of all spans, in as many columns as there are; and what a column is.
fn over_all(figures: &Figures, columns: usize) -> (Vec<u64>, String) {
    let nothing = || (Vec::new(), String::new());
    let Some(table) = figures.table("over_time") else { return nothing() };
    let place = |key: &str| table.columns.iter().position(|column| *column == key);
    let (Some(start), Some(width), Some(queries)) = (place("start"), place("width"), place("queries")) else {
        return nothing();
    };
    let span = |row: &Vec<Shown>| match (&row[start], &row[width], &row[queries]) {
        (Shown::Time(start), Shown::Ns(width), Shown::Count(count)) if *width > 0 => {
            Some((start.div_euclid(*width as i64), *width, *count))
        }
        _ => None,
    };
    let spans: Vec<(i64, u64, u64)> = table.rows.iter().filter_map(span).collect();
    let (Some(&(first, width_ns, _)), Some(&(last, ..))) = (spans.first(), spans.last()) else {
        return nothing();
    };
    let places = last.saturating_sub(first).saturating_add(1) as usize;
    let in_column = places.div_ceil(columns.max(1));
    let mut sums = vec![0_u64; places.div_ceil(in_column)];
    for (place, _, count) in spans {
        let sum = &mut sums[(place - first) as usize / in_column];
        *sum = sum.saturating_add(count);
    }
    let seconds = in_column as f64 * width_ns as f64 / 1e9;
    let most = sums.iter().copied().max().unwrap_or(0);
    let words = format!("at most {} q/s, a column is {} s", rate(most, seconds), rounded(seconds));
    (sums, words)
}

/// Types and rcodes, side by side.
fn bars(out: &mut Buffer, area: Rect, seen: &Seen, paint: Paint) {
    let half = area.width / 2;
    let left = Rect { width: half.saturating_sub(1), ..area };
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    for (area, words, key) in [(left, "Types", "types"), (right, "Rcodes", "rcodes")] {
        let mut rows = Rows { left: area };
        write(out, rows.next(1), 0, words, paint.bold());
        let table = seen.figures.table(key);
        for row in table.iter().flat_map(|table| &table.rows).take(usize::from(rows.left.height)) {
            bar(out, rows.next(1), row, paint);
        }
    }
}

/// A value, its share, and a bar as long as that.
fn bar(out: &mut Buffer, line: Rect, row: &[Shown], paint: Paint) {
    const LABEL: u16 = 11;
    const SHARE: u16 = 9;
    let (Some(label), Some(share)) = (row.first(), row.last()) else { return };
    write(out, Rect { width: line.width.min(LABEL - 1), ..line }, 0, &value(label), Style::new());
    let told = value(share);
    write(out, line, (LABEL + SHARE).saturating_sub(width(&told) + 1), &told, Style::new());
    let room = line.width.saturating_sub(LABEL + SHARE);
    let (Shown::Share(part, whole @ 1..), 1..) = (share, room) else { return };
    let eighths = (u128::from(*part) * u128::from(room) * 8).div_ceil(u128::from(*whole)) as usize;
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let drawn = "█".repeat(eighths / 8) + PARTS[eighths % 8];
    write(out, line, LABEL + SHARE, &drawn, paint.bar());
}

/// A column of numbers in the table: its key among figures, its head, its width.
const NUMBERS: [(&str, &str, u16); 7] = [
    ("count", "queries", 13),
    (RATE, "q/s", 10),
    ("share", "share", 9),
    ("without_code", "unanswered", 11),
    ("servfail", "servfail", 10),
    ("rtt_p50", "rtt p50", 10),
    ("rtt_p99", "p99", 10),
];

/// What is computed from the count.
const RATE: &str = "";

/// A name that is cut shorter says too little.
const NAME_MIN: u16 = 18;

/// The table that is looked at: its head, and as many rows as there is room for.
fn table(out: &mut Buffer, area: Rect, state: &mut State, seen: &Seen, paint: Paint) {
    let mut rows = Rows { left: area };
    if area.height >= 3 {
        tabs(out, rows.next(1), state, paint);
    }
    let Some(table) = seen.figures.table(state.figures()) else { return };
    let place = |key: &str| table.columns.iter().position(|column| *column == key);
    let mut name_width = area.width;
    let mut numbers = Vec::new();
    for (key, words, width) in NUMBERS {
        let source = place(if key == RATE { "count" } else { key });
        if let Some(source) = source.filter(|_| name_width >= NAME_MIN + width) {
            name_width -= width;
            numbers.push((source, key, words, width));
        }
    }
    if area.height >= 2 {
        let line = rows.next(1);
        write(out, Rect { width: name_width, ..line }, 0, &title(table, state), paint.bold());
        let mut column = name_width;
        for (_, _, words, width) in &numbers {
            write(out, line, column + width.saturating_sub(words.len() as u16), words, paint.bold());
            column += width;
        }
    }
    let wanted = state.wanted.to_ascii_lowercase();
    let is_wanted =
        |row: &&Vec<Shown>| wanted.is_empty() || value(&row[0]).to_ascii_lowercase().contains(&wanted);
    let all: Vec<&Vec<Shown>> = table.rows.iter().filter(is_wanted).collect();
    state.page = usize::from(rows.left.height);
    state.above = state.above.min(all.len().saturating_sub(1));
    for row in all.into_iter().skip(state.above).take(state.page) {
        let line = rows.next(1);
        clipped(out, Rect { width: name_width, ..line }, &value(&row[0]));
        let mut column = name_width;
        for &(source, key, _, cell_width) in &numbers {
            let told = match &row[source] {
                Shown::Count(count) if key == RATE => rate(*count, seen.seconds),
                shown => value(shown),
            };
            let told_width = width(&told);
            column += cell_width;
            write(out, line, column.saturating_sub(told_width), &told, Style::new());
        }
    }
}

/// A name in a line; one that is too long ends with a mark.
fn clipped(out: &mut Buffer, line: Rect, text: &str) {
    write(out, Rect { width: line.width.saturating_sub(1), ..line }, 0, text, Style::new());
    if width(text) >= line.width && line.width > 1 {
        write(out, line, line.width - 2, "…", Style::new());
    }
}

/// What the first column is.
fn title(table: &Table, state: &State) -> String {
    let words = TABLES[state.table].words;
    let mark = if table.is_exact { "" } else { " (estimated)" };
    match &*state.wanted {
        "" => format!("{words}{mark}"),
        wanted => format!("{words}{mark} with '{wanted}'"),
    }
}

/// All tables; the one that is looked at stands out.
fn tabs(out: &mut Buffer, line: Rect, state: &State, paint: Paint) {
    out.set_style(line, paint.color(Color::DarkGray).add_modifier(Modifier::UNDERLINED));
    let mut column = 0;
    for (number, entry) in TABLES.iter().enumerate() {
        let style = if number == state.table { paint.title() } else { Style::new() };
        column = write(out, line, column, &format!(" {} {} ", entry.key, entry.words), style);
    }
    if !state.condition.is_empty() {
        write(out, line, column + 2, &format!("where {}", state.condition), paint.warning());
    }
}

/// What is being asked, what came of the last key, or what keys there are.
fn foot(out: &mut Buffer, line: Rect, state: &State, paint: Paint) {
    if let Some(Prompt { asks, text, .. }) = &state.prompt {
        let words = match asks {
            Asks::Text => "find: ",
            Asks::Condition => "filter (as --where): ",
        };
        let column = write(out, line, 0, words, paint.bold());
        // Of what is too long the end is seen, where one writes.
        let room = usize::from(line.width.saturating_sub(column + 1));
        let letters = text.chars().count();
        let shown: String = text.chars().skip(letters.saturating_sub(room)).collect();
        let column = write(out, line, column, &shown, Style::new());
        write(out, line, column, " ", paint.title());
    } else if !state.notice.is_empty() {
        write(out, line, 0, &state.notice, paint.warning());
    } else {
        let keys = KEYS.iter().filter(|key| !key.word.is_empty());
        let cells: Vec<String> = keys.map(|key| format!("{} {}", key.name, key.word)).collect();
        write_all(out, line, &cells, Style::new());
    }
}

/// All keys, over everything else; those behind the first lines where there is no room for all.
fn help(out: &mut Buffer, area: Rect, above: usize, paint: Paint) {
    let tables =
        TABLES.iter().map(|table| (table.key.to_string(), format!("{} with the most queries", table.words)));
    let keys = KEYS.iter().map(|key| (key.name.to_owned(), key.sentence.to_owned()));
    let lines: Vec<(String, String)> = tables.chain(keys).collect();
    Clear.render(area, out);
    let mut rows = Rows { left: area };
    let line = rows.next(1);
    out.set_style(line, paint.title());
    let how = match usize::from(rows.left.height) {
        HELP_LINES.. => "any key goes back",
        _ => "up, down: more; any other key goes back",
    };
    write(out, line, 0, &format!("dpp top: what keys do ({how})"), paint.title());
    for (name, sentence) in lines.into_iter().skip(above) {
        let line = rows.next(1);
        write(out, line, 0, &format!("{name:>7}"), paint.bold());
        write(out, line, 9, &sentence, Style::new());
    }
}
