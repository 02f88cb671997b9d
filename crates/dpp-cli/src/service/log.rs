//! Log lines that one can grep, and that no enemy can make many of.
//!
//! ```text
//! 2026-11-21T21:20:00.123Z info file complete path=/x rows=12 bytes=345
//! ```
//! or, on request, a JSON object a line. What happens is a fixed sentence, all that varies is a field: so one can count lines
//! by their sentence, and so does the log itself. Of one sentence, at most [`BURST`] lines stand in [`WINDOW`]; the others are
//! counted, and told in one line when the time is over; but for what we cause ourselves ([`Log::record`]). As there are only as many sentences as the program has, and a line
//! has a length, the log grows by a bounded amount in a day whatever senders do.

use crate::report;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// So many lines of one sentence in a window: enough to see what they have in common.
const BURST: u64 = 8;
/// How long a window is.
const WINDOW: Duration = Duration::from_secs(10);
/// A value is cut behind so many bytes: a path is shorter, and what a sender says may be anything.
const VALUE_MAX: usize = 1024;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something is lost, or somebody must come.
    Error,
    /// It goes on, but not as it should.
    Warn,
    /// What an operator wants to find in the log of a good day.
    Info,
    /// What a developer wants to.
    Debug,
}

/// Levels: name, and the priority that the journal takes (syslog's).
const LEVELS: [(&str, u8); 4] = [("error", 3), ("warn", 4), ("info", 6), ("debug", 7)];

impl Level {
    /// The level of this name.
    ///
    /// # Errors
    /// If there is none; those that there are.
    pub(crate) fn of(name: &str) -> Result<Level, String> {
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
        let found = levels.into_iter().find(|level| level.name() == name);
        found.ok_or_else(|| format!("levels are {}", LEVELS.map(|level| level.0).join(", ")))
    }

    fn name(self) -> &'static str {
        LEVELS[self as usize].0
    }
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people and `grep`.
    Text,
    /// An object a line.
    Json,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    Text(String),
    Number(i128),
    /// Something with parts, for logs of JSON.
    Parts(serde_json::Value),
}

impl Field {
    /// Whatever can be written.
    pub(crate) fn text(what: impl Display) -> Field {
        Field::Text(what.to_string())
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Field {
        Field::Text(text.to_owned())
    }
}

impl From<u64> for Field {
    fn from(number: u64) -> Field {
        Field::Number(number.into())
    }
}

/// An error of which the log has told, so that nobody needs to tell it again.
#[derive(Debug)]
pub(crate) struct Told;

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log tells why")
    }
}

impl std::error::Error for Told {}

/// Fields of a line, in their order.
pub(crate) type Fields<'a> = &'a [(&'static str, Field)];

/// Where lines are written. Shared by all threads; there is no other log.
pub(crate) struct Log {
    /// How lines look, and down to which level they are written. It may change.
    manner: Mutex<(Style, Level)>,
    /// Whether each line begins with its priority, as the journal understands it.
    has_priority: bool,
    inside: Mutex<Inside>,
}

struct Inside {
    out: Box<dyn Write + Send>,
    sentences: BTreeMap<&'static str, Window>,
}

/// What was said of a sentence lately.
struct Window {
    since: Instant,
    level: Level,
    said: u64,
    unsaid: u64,
}

/// Now, by both clocks: that of the wall is for reading, and may jump.
#[derive(Clone, Copy)]
struct Now {
    wall: SystemTime,
    at: Instant,
}

impl Log {
    /// A log on standard error, down to this level.
    pub(crate) fn stderr(style: Style, level: Level) -> Log {
        Log::new(Box::new(io::stderr()), style, level, is_journal())
    }

    fn new(out: Box<dyn Write + Send>, style: Style, level: Level, has_priority: bool) -> Log {
        let inside = Mutex::new(Inside { out, sentences: BTreeMap::new() });
        Log { manner: Mutex::new((style, level)), has_priority, inside }
    }

    /// From now on lines look like that, down to this level.
    pub(crate) fn change(&self, style: Style, level: Level) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = (style, level);
    }

    /// How lines look.
    pub(crate) fn style(&self) -> Style {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn level(&self) -> Level {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(crate) fn error(&self, sentence: &'static str, fields: Fields) {
        self.say(Level::Error, sentence, fields);
    }

    pub(crate) fn warn(&self, sentence: &'static str, fields: Fields) {
        self.say(Level::Warn, sentence, fields);
    }

    pub(crate) fn info(&self, sentence: &'static str, fields: Fields) {
        self.say(Level::Info, sentence, fields);
    }

    /// Says what nobody but we ourselves cause, at our own pace: a file that is complete, a configuration in force. Each line
    /// counts for whoever reads it, so none is left out.
    pub(crate) fn record(&self, sentence: &'static str, fields: Fields) {
        self.record_at(Now { wall: SystemTime::now(), at: Instant::now() }, sentence, fields);
    }

    fn record_at(&self, now: Now, sentence: &'static str, fields: Fields) {
        if Level::Info <= self.level() {
            let line = self.line(now, Level::Info, sentence, fields);
            let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody may be listening; the service goes on all the same.
            let _ = inside.out.write_all(line.as_bytes());
        }
    }

    pub(crate) fn debug(&self, sentence: &'static str, fields: Fields) {
        self.say(Level::Debug, sentence, fields);
    }

    /// Says a sentence, whose fields tell what it is about.
    pub(crate) fn say(&self, level: Level, sentence: &'static str, fields: Fields) {
        self.say_at(Now { wall: SystemTime::now(), at: Instant::now() }, level, sentence, fields);
    }

    /// Tells of lines that were not written, where their time is over. Whoever waits a second anyway calls it.
    pub(crate) fn catch_up(&self) {
        self.catch_up_at(Now { wall: SystemTime::now(), at: Instant::now() });
    }

    fn say_at(&self, now: Now, level: Level, sentence: &'static str, fields: Fields) {
        if level > self.level() {
            return;
        }
        self.catch_up_at(now);
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Window { since: now.at, level, said: 0, unsaid: 0 };
        let window = inside.sentences.entry(sentence).or_insert(new);
        if window.said == BURST {
            window.unsaid += 1;
            return;
        }
        window.said += 1;
        let line = self.line(now, level, sentence, fields);
        let _ = inside.out.write_all(line.as_bytes());
    }

    fn catch_up_at(&self, now: Now) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let Inside { out, sentences } = &mut *inside;
        sentences.retain(|sentence, window| {
            let is_over = now.at.saturating_duration_since(window.since) >= WINDOW;
            if is_over && window.unsaid > 0 {
                let fields = [("what", (*sentence).into()), ("times", window.unsaid.into())];
                let _ = out.write_all(self.line(now, window.level, "said more often", &fields).as_bytes());
            }
            !is_over
        });
    }

    fn line(&self, now: Now, level: Level, sentence: &str, fields: Fields) -> String {
        let mut line = String::with_capacity(128);
        if self.has_priority {
            let _ = write!(line, "<{}>", LEVELS[level as usize].1);
        }
        let time = time(now.wall);
        let _ = match self.style() {
            Style::Text => text(&mut line, &time, level, sentence, fields),
            Style::Json => json(&mut line, &time, level, sentence, fields),
        };
        line.push('\n');
        line
    }
}

fn text(line: &mut String, time: &str, level: Level, sentence: &str, fields: Fields) -> fmt::Result {
    write!(line, "{time} {} {sentence}", level.name())?;
    for (name, value) in fields {
        match value {
            Field::Number(number) => write!(line, " {name}={number}")?,
            Field::Parts(parts) => write!(line, " {name}={}", quoted(&parts.to_string()))?,
            Field::Text(text) if is_plain(text) => write!(line, " {name}={text}")?,
            Field::Text(text) => write!(line, " {name}={}", quoted(text))?,
        }
    }
    Ok(())
}

fn json(line: &mut String, time: &str, level: Level, sentence: &str, fields: Fields) -> fmt::Result {
    write!(line, "{{\"time\":\"{time}\",\"level\":\"{}\",\"message\":{}", level.name(), quoted(sentence))?;
    for (name, value) in fields {
        match value {
            Field::Number(number) => write!(line, ",\"{name}\":{number}")?,
            Field::Parts(parts) => write!(line, ",\"{name}\":{parts}")?,
            Field::Text(text) => write!(line, ",\"{name}\":{}", quoted(text))?,
        }
    }
    line.push('}');
    Ok(())
}

/// Whether a value needs no quotes, so that fields can be told apart at spaces.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=');
    !text.is_empty() && text.len() <= VALUE_MAX && text.bytes().all(is_plain)
}

/// The text as a string of JSON, without anything that a terminal or a reader of lines would obey, and not too long.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().min(VALUE_MAX) + 2);
    quoted.push('"');
    let mut kept = 0;
    for character in text.chars() {
        kept += character.len_utf8();
        if kept > VALUE_MAX {
            quoted.push('…');
            break;
        }
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // Control characters all lie below U+00A0.
            character if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            // What turns the direction of writing can make a line look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// UTC, to the millisecond.
pub(crate) fn time(wall: SystemTime) -> String {
    let ns = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let micros = report::utc(i64::try_from(ns).unwrap_or(i64::MAX));
    format!("{}Z", micros.get(..23).unwrap_or(&micros))
}

/// Whether standard error goes to the journal: systemd names the device and inode of the stream.
fn is_journal() -> bool {
    let Ok(stat) = rustix::fs::fstat(io::stderr().as_fd()) else { return false };
    let stream = format!("{}:{}", stat.st_dev, stat.st_ino);
    std::env::var("JOURNAL_STREAM").is_ok_and(|named| named == stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    /// 2026-11-21T21:20:00.123Z.
    fn start() -> Now {
        Now { wall: UNIX_EPOCH + Duration::from_millis(1_795_296_000_123), at: Instant::now() }
    }

    fn after(now: Now, seconds: u64) -> Now {
        let more = Duration::from_secs(seconds);
        Now { wall: now.wall + more, at: now.at + more }
    }

    #[track_caller]
    fn check(style: Style, has_priority: bool, fields: Fields, expected: &str) {
        let paper = Paper::default();
        let log = Log::new(Box::new(paper.clone()), style, Level::Info, has_priority);
        log.say_at(start(), Level::Info, "file complete", fields);
        log.say_at(start(), Level::Debug, "nobody asked for this", &[]);
        assert_eq!(paper.lines(), [expected]);
    }

    #[test]
    fn a_line_is_for_grep() {
        let fields = [("path", "/x".into()), ("rows", 12.into())];
        let line = "2026-11-21T21:20:00.123Z info file complete path=/x rows=12";
        check(Style::Text, false, &fields, line);
        check(Style::Text, true, &fields, &format!("<6>{line}"));
    }

    #[test]
    fn values_are_quoted_where_they_would_end_elsewhere() {
        let fields = [("a", "b c".into()), ("d", "".into()), ("e", "f=\"g\"\n<3>forged\u{1b}[2J".into())];
        let line = r#"2026-11-21T21:20:00.123Z info file complete a="b c" d="" "#;
        check(Style::Text, false, &fields, &format!(r#"{line}e="f=\"g\"\n<3>forged\u001b[2J""#));
    }

    #[test]
    fn a_line_of_json_is_json() {
        let fields = [("path", "/a \"b\"\u{7}".into()), ("rows", 12.into())];
        let time = r#"{"time":"2026-11-21T21:20:00.123Z","level":"info","message":"file complete","#;
        check(Style::Json, false, &fields, &format!(r#"{time}"path":"/a \"b\"\u0007","rows":12}}"#));
    }

    #[test]
    fn what_has_parts_keeps_them_in_json() {
        let fields = [("report", Field::Parts(serde_json::json!({ "rows": 12, "of": ["x"] })))];
        let time = r#"{"time":"2026-11-21T21:20:00.123Z","level":"info","message":"file complete","#;
        check(Style::Json, false, &fields, &format!(r#"{time}"report":{{"rows":12,"of":["x"]}}}}"#));
        let line = r#"2026-11-21T21:20:00.123Z info file complete report="{\"rows\":12,\"of\":[\"x\"]}""#;
        check(Style::Text, false, &fields, line);
    }

    #[test]
    fn what_a_sender_says_cannot_make_a_long_line() {
        let paper = Paper::default();
        let log = Log::new(Box::new(paper.clone()), Style::Text, Level::Info, false);
        log.warn("who is that", &[("name", Field::text("ä".repeat(1 << 20)))]);
        assert!(paper.lines()[0].len() < VALUE_MAX + 100);
        assert!(paper.lines()[0].ends_with("ä…\""));
    }

    #[test]
    fn what_is_said_too_often_is_counted() {
        let paper = Paper::default();
        let log = Log::new(Box::new(paper.clone()), Style::Text, Level::Info, false);
        let now = start();
        for _ in 0..BURST + 1234 {
            log.say_at(now, Level::Warn, "a sender is mad", &[]);
        }
        log.say_at(after(now, 9), Level::Info, "all else is well", &[]);
        assert_eq!(paper.lines().len() as u64, BURST + 1);
        log.catch_up_at(after(now, 10));
        log.say_at(after(now, 10), Level::Warn, "a sender is mad", &[]);
        let last = &paper.lines()[BURST as usize + 1..];
        let more = "2026-11-21T21:20:10.123Z warn said more often what=\"a sender is mad\" times=1234";
        assert_eq!(last, [more, "2026-11-21T21:20:10.123Z warn a sender is mad"]);
    }

    #[test]
    fn what_we_cause_ourselves_is_never_left_out() {
        let paper = Paper::default();
        let log = Log::new(Box::new(paper.clone()), Style::Text, Level::Info, false);
        (0..100).for_each(|_| log.record_at(start(), "file complete", &[("rows", 12.into())]));
        assert_eq!(paper.lines().len(), 100);
    }

    #[test]
    fn lines_look_as_was_said_last() {
        let paper = Paper::default();
        let log = Log::new(Box::new(paper.clone()), Style::Text, Level::Warn, false);
        log.record_at(start(), "one", &[]);
        log.change(Style::Json, Level::Info);
        log.record_at(start(), "two", &[]);
        let line = r#"{"time":"2026-11-21T21:20:00.123Z","level":"info","message":"two"}"#;
        assert_eq!((paper.lines(), log.style()), (vec![line.to_owned()], Style::Json));
    }

    #[test]
    fn levels_have_names() {
        assert_eq!(Level::of("warn"), Ok(Level::Warn));
        assert_eq!(Level::of("loud"), Err("levels are error, warn, info, debug".to_owned()));
    }
}
