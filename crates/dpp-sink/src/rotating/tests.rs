//! Files that follow each other, written by a format that fails as it is told to.

use super::*;
use crate::dataset::FileError;
use crate::part_file::PartFile;
use dpp::capture::{Batch, CaptureRead, Chunk, Chunks, Composer, InputError};
use dpp::pipeline::{Machine, Watch, run_on};
use dpp::plan::Plan;
use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

const SECOND: i64 = 1_000_000_000;

/// A folder of a test's own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dpp-rotating-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn settings(&self, template: &str) -> Settings {
        let template = Template::parse(self.0.join(template).to_str().unwrap(), None).unwrap();
        let content = Content::Lines { heading: 0 };
        Settings { content, retry: Duration::ZERO, ..Settings::new(template) }
    }

    /// All files, as `name: lines`.
    fn files(&self) -> Vec<String> {
        fn look(folder: &Path, below: &str, files: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
                let name = format!("{below}{}", name.to_str().unwrap());
                match path.is_dir() {
                    true => look(&path, &format!("{name}/"), files),
                    false => files
                        .push(format!("{name}: {}", fs::read_to_string(path).unwrap().replace('\n', " "))),
                }
            }
        }
        let mut files = Vec::new();
        look(&self.0, "", &mut files);
        files.sort();
        files.iter().map(|file| file.trim_end().to_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What goes wrong with a file.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// It cannot be created.
    Create,
    /// It breaks off within the row behind so many.
    After(usize),
    /// It cannot be finished.
    Finish,
    Panic,
}

/// Writes the second of each row as a line. Each attempt has its fault; when they are used up the last is that of all others.
struct Toy(Mutex<VecDeque<Fault>>);

impl Toy {
    fn new(faults: &[Fault]) -> Toy {
        Toy(Mutex::new(faults.to_vec().into()))
    }
}

const FULL: io::ErrorKind = io::ErrorKind::StorageFull;

impl FileFormat for Toy {
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError> {
        let fault = {
            let mut faults = self.0.lock().unwrap();
            if faults.len() > 1 { faults.pop_front() } else { faults.front().copied() }
        };
        let fault = fault.unwrap_or(Fault::None);
        if let Fault::Create = fault {
            return Err(io::Error::from(FULL).into());
        }
        let (mut file, mut count) = (PartFile::create_kept(path)?, 0);
        for rows in rows {
            for row in rows.iter() {
                match fault {
                    Fault::After(most) if count == most => {
                        write!(file, "9")?;
                        return Err(io::Error::from(FULL).into());
                    }
                    Fault::Panic => panic!("as the test wants it"),
                    _ => writeln!(file, "{}", row.request_ns().div_euclid(SECOND))?,
                }
                count += 1;
            }
            pool.recycle(rows);
        }
        match fault {
            Fault::Finish => Err(io::Error::from(FULL).into()),
            _ => Ok(file.finish()?),
        }
    }
}

/// A capture in words: times of queries in seconds, `|` between chunks, `q9` where nothing came for 9 s; `n63` is a packet that is
/// no query.
struct Script {
    steps: VecDeque<String>,
    composer: Composer,
    count: u16,
}

impl Script {
    fn new(words: &str) -> Script {
        let steps = words.split('|').map(|step| step.trim().to_owned()).collect();
        Script { steps, composer: Composer::new(i64::MAX), count: 0 }
    }
}

impl Chunks for Script {
    fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        let Some(step) = self.steps.pop_front() else { return Ok(None) };
        self.composer.begin(&mut chunk);
        if let Some(seconds) = step.strip_prefix('q') {
            self.composer.quiet(&mut chunk, seconds.parse::<i64>().unwrap() * SECOND);
            return Ok(Some(chunk));
        }
        let mut batch = Batch::default();
        for word in step.split_whitespace() {
            let time = word.trim_start_matches('n');
            self.count += 1;
            let packet = if time == word { query(self.count) } else { vec![0; 20] };
            batch.push(time.parse::<i64>().unwrap() * SECOND, 101, |bytes| bytes.extend(packet));
        }
        self.composer.add(&mut chunk, &batch);
        self.composer.end(&mut chunk);
        Ok(Some(chunk))
    }

    fn read(&mut self) -> CaptureRead {
        self.composer.read()
    }
}

/// IPv4, UDP, and a query of this id for the address of `a.`
fn query(id: u16) -> Vec<u8> {
    let message = [&id.to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01"].concat();
    let length = 28 + message.len() as u8;
    let ip = [0x45, 0, 0, length, 0, 0, 0, 0, 57, 17, 0, 0, 198, 51, 100, 7, 192, 0, 2, 53];
    [&ip[..], &[0x9C, 0x40, 0, 53, 0, length - 20, 0, 0], &message].concat()
}

/// Runs a capture into files, up to its end. What happens is told.
fn begin(settings: Settings, faults: &[Fault]) -> (Rotating, Receiver<Event>) {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let tell = move |event| _ = sender.lock().unwrap().send(event);
    (Rotating::new(settings, Toy::new(faults), Box::new(tell)).unwrap(), events)
}

fn fill(rotating: &Rotating, words: &str) -> u64 {
    let machine = Machine::new(NonZeroUsize::MIN, 7);
    run_on(Script::new(words), &Plan::default(), &machine, rotating, &Watch::default()).unwrap().rows
}

/// Runs a capture into files. Every row must be accounted for.
fn run(settings: Settings, faults: &[Fault], words: &str) -> (Counts, Vec<Event>) {
    let (rotating, receiver) = begin(settings, faults);
    let rows = fill(&rotating, words);
    let mut events = Vec::new();
    // What fails before the end must have failed by then, for at the end there is only one more attempt.
    let mut early =
        faults.iter().rev().skip(1).filter(|fault| matches!(fault, Fault::Create | Fault::After(_))).count();
    while early > 0 {
        let event = receiver.recv_timeout(Duration::from_secs(60)).expect("another failure");
        early -= usize::from(matches!(event, Event::FileFailed { .. }));
        events.push(event);
    }
    let counts = rotating.finish();
    assert_eq!(counts.rows + counts.rows_set_aside + counts.rows_dropped, rows, "{counts:?}");
    events.extend(receiver);
    let told = events.iter().map(|event| if let Event::RowsDropped { rows } = event { *rows } else { 0 });
    assert_eq!(told.sum::<u64>(), counts.rows_dropped, "all that was dropped is told");
    let is_empty = |event: &Event| matches!(event, Event::FileComplete { rows: 0, .. });
    assert!(!events.iter().any(is_empty), "no file is without rows");
    (counts, events)
}

/// The capture makes these files, if nothing goes wrong, however it is cut.
fn check(test: &str, words: &str, settings: impl Fn(&Folder) -> Settings, expected: &[&str]) {
    let one_by_one = words.replace(' ', "|").replace("||||", "|");
    for words in [words, &words.replace('|', " "), &one_by_one] {
        let folder = Folder::new(test);
        let (counts, _) = run(settings(&folder), &[], words);
        assert_eq!(
            (folder.files(), counts.failures),
            (expected.iter().map(ToString::to_string).collect(), 0)
        );
        assert_eq!(counts.files, expected.len() as u64);
    }
}

/// Words to a list.
fn list(files: &[&str]) -> Vec<String> {
    files.iter().map(ToString::to_string).collect()
}

fn every(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn files_of_a_minute_begin_with_the_minute() {
    let settings = |folder: &Folder| Settings { every: every(60), ..folder.settings("%Y-%j/%H/%M%S.txt") };
    check(
        "time",
        "61 62 119 | 120 3599 3600 118",
        settings,
        &[
            "1970-001/00/0100.txt: 61 62 119",
            "1970-001/00/0200.txt: 120",
            "1970-001/00/5900.txt: 3599",
            "1970-001/01/0000.txt: 3600 118",
        ],
    );
}

#[test]
fn rows_in_another_file_than_their_own_are_counted_and_told() {
    let folder = Folder::new("late");
    let settings = Settings { every: every(60), ..folder.settings("%s") };
    let (counts, events) = run(settings, &[], "59 60 59 | 58 61");
    let told = events.iter().filter_map(|event| match event {
        Event::RowsMisfiled { rows } => Some(*rows),
        _ => None,
    });
    assert_eq!((counts.rows_misfiled, told.sum::<u64>()), (2, 2));
}

#[test]
fn rows_that_are_due_begin_no_file_and_are_no_rows() {
    let folder = Folder::new("due");
    let words = "1 2 | q1 | q1 | 3 | q1 | 4 | q1";
    let (counts, _) = run(folder.settings("a.txt"), &[Fault::After(2), Fault::None], words);
    assert_eq!((folder.files(), counts.rows), (list(&["a-1.txt: 3 4", "a.txt: 1 2"]), 4));
}

#[test]
fn files_of_two_rows_have_two_rows() {
    let settings = |folder: &Folder| Settings { rows: NonZeroU64::new(2), ..folder.settings("{seq}.txt") };
    check(
        "rows",
        "1 2 3 | 4 5 | 6 7",
        settings,
        &["000000.txt: 1 2", "000001.txt: 3 4", "000002.txt: 5 6", "000003.txt: 7"],
    );
}

#[test]
fn files_of_a_size_end_with_the_row_that_reaches_it() {
    let settings = |folder: &Folder| Settings { bytes: NonZeroU64::new(120), ..folder.settings("{seq}.txt") };
    check("bytes", "1 2 3 | 4 5", settings, &["000000.txt: 1 2", "000001.txt: 3 4", "000002.txt: 5"]);
}

#[test]
fn without_rows_there_are_no_files() {
    let settings = |folder: &Folder| Settings { every: every(60), ..folder.settings("%s.txt") };
    check("empty", "", settings, &[]);
    check("gap", "1 | 9999", settings, &["0.txt: 1", "9960.txt: 9999"]);
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_the_file_stays() {
    let folder = Folder::new("taken");
    for name in ["60.txt", "60-2.txt.part"] {
        fs::write(folder.0.join(name), "precious").unwrap();
    }
    let settings = Settings { every: every(60), ..folder.settings("%s.txt") };
    run(settings.clone(), &[], "61");
    run(settings, &[], "62");
    assert_eq!(
        folder.files(),
        ["60-1.txt: 61", "60-2.txt.part: precious", "60-3.txt: 62", "60.txt: precious"]
    );
}

/// A file of the first minute is closed by what `end` has, while the run goes on.
fn check_closed(test: &str, end: &str) {
    let folder = Folder::new(test);
    let grace = Duration::from_secs(3);
    let settings = Settings { every: every(60), grace, ..folder.settings("%s.txt") };
    let (rotating, events) = begin(settings, &[]);
    fill(&rotating, "58 | q4 | n62");
    assert_eq!(rotating.counts().files, 0, "the grace is not over");
    fill(&rotating, &format!("58 | {end}"));
    let event =
        events.recv_timeout(Duration::from_secs(60)).expect("the file is complete while the run goes on");
    assert_eq!(event, Event::FileComplete { path: folder.0.join("0.txt"), rows: 2, bytes: 6 });
    assert_eq!(rotating.finish(), Counts { files: 1, rows: 2, bytes: 6, ..Counts::default() });
}

#[test]
fn a_file_is_closed_though_nothing_comes_any_more() {
    check_closed("quiet", "q5");
}

#[test]
fn a_file_is_closed_though_no_packet_makes_a_row_any_more() {
    check_closed("no-rows", "n63");
}

#[test]
fn a_file_that_cannot_be_created_is_tried_again_and_no_row_is_lost() {
    let folder = Folder::new("create");
    let settings = Settings { every: every(60), ..folder.settings("%s.txt") };
    let faults = [Fault::Create, Fault::Create, Fault::Create, Fault::None];
    let (counts, events) = run(settings, &faults, "1 2 | 3 | 61");
    assert_eq!(folder.files(), ["0.txt: 1 2 3", "60.txt: 61"]);
    assert_eq!((counts.failures, counts.rows_dropped), (3, 0));
    let failed = events.iter().filter_map(|event| match event {
        Event::FileFailed { path, error, left } => Some((path.strip_prefix(&folder.0).unwrap(), error, left)),
        _ => None,
    });
    let error = io::Error::from(FULL).to_string();
    // Both files are begun at once, so each of them may have failed first.
    for (path, told, left) in failed {
        assert!([Path::new("0.txt"), Path::new("60.txt")].contains(&path));
        assert_eq!((told, left), (&error, &Left::Nothing));
    }
}

#[test]
fn lines_that_were_written_stay_and_those_behind_go_to_the_next_file() {
    let folder = Folder::new("lines");
    let faults = [Fault::After(2), Fault::After(1), Fault::After(0), Fault::None];
    let (counts, events) = run(folder.settings("a.txt"), &faults, "1 2 3 | 4 5 6");
    assert_eq!(folder.files(), ["a-1.txt: 3", "a-2.txt: 4 5 6", "a.txt: 1 2"]);
    assert_eq!((counts.files, counts.failures, counts.rows), (3, 3, 6));
    let left: Vec<&Left> = events
        .iter()
        .filter_map(|event| if let Event::FileFailed { left, .. } = event { Some(left) } else { None })
        .collect();
    assert_eq!(left, [&Left::Finished, &Left::Finished, &Left::Nothing]);
}

#[test]
fn a_file_of_lines_that_cannot_be_finished_is_finished_again() {
    let folder = Folder::new("finish");
    let (counts, _) = run(folder.settings("a.txt"), &[Fault::Finish, Fault::None], "1 2 | 3");
    assert_eq!((folder.files(), counts.failures), (list(&["a.txt: 1 2 3"]), 1));
}

#[test]
fn of_a_format_that_is_good_only_as_a_whole_all_rows_are_written_again() {
    let folder = Folder::new("whole");
    let settings = Settings { content: Content::Whole, ..folder.settings("a.bin") };
    let faults = [Fault::After(4), Fault::After(1), Fault::After(5), Fault::None];
    let (counts, _) = run(settings, &faults, "1 2 3 | 4 5 6");
    assert_eq!((folder.files(), counts.failures), (list(&["a.bin: 1 2 3 4 5 6"]), 3));
}

/// Room for one chunk of one row, and not for two.
fn tight(settings: Settings, overflow: Overflow) -> Settings {
    let limits = RotationLimits { waiting_bytes: 1, retained_bytes: 150, ..settings.limits };
    Settings { limits, overflow, ..settings }
}

#[test]
fn rows_of_which_there_is_no_copy_are_kept_in_the_broken_file() {
    let folder = Folder::new("broken");
    let settings = tight(Settings { content: Content::Whole, ..folder.settings("a.bin") }, Overflow::Wait);
    let (counts, events) = run(settings, &[Fault::After(3), Fault::None], "1 | 2 | 3 | 4 | 5");
    assert_eq!(folder.files(), ["a.bin.broken: 1 2 3 9", "a.bin: 4 5"]);
    assert_eq!((counts.rows, counts.rows_set_aside, counts.rows_dropped), (2, 3, 0));
    let left = Left::SetAside { path: folder.0.join("a.bin.broken"), rows: 3 };
    assert!(
        events.iter().any(|event| matches!(event, Event::FileFailed { left: told, .. } if *told == left))
    );
}

#[test]
fn what_cannot_wait_is_dropped_while_a_file_fails() {
    let folder = Folder::new("drop");
    let settings = tight(folder.settings("a.txt"), Overflow::Drop);
    let retry = Duration::from_secs(3600);
    let (counts, _) = run(Settings { retry, ..settings }, &[Fault::Create, Fault::None], "1 | 2 | 3 | 4 | 5");
    // One is at hand, and one waits.
    assert_eq!((folder.files(), counts.rows_dropped), (list(&["a.txt: 1 2"]), 3));
}

#[test]
fn a_capture_that_can_wait_loses_nothing() {
    let folder = Folder::new("wait");
    let settings = tight(folder.settings("a.txt"), Overflow::Wait);
    let faults = [Fault::Create, Fault::Create, Fault::Create, Fault::After(2), Fault::None];
    let (counts, _) = run(settings, &faults, "1 | 2 | 3 | 4 | 5");
    assert_eq!((folder.files(), counts.rows_dropped), (list(&["a-1.txt: 3 4 5", "a.txt: 1 2"]), 0));
}

#[test]
fn when_all_files_fail_rows_of_further_ones_are_dropped() {
    let folder = Folder::new("slots");
    let settings =
        Settings { rows: NonZeroU64::new(1), retry: Duration::from_secs(3600), ..folder.settings("{seq}") };
    let faults = [Fault::Create, Fault::Create, Fault::Create, Fault::None];
    let (counts, _) = run(settings, &faults, "1 2 3 4 5 6");
    assert_eq!((folder.files(), counts.rows_dropped), (list(&["000000: 1", "000001: 2", "000002: 3"]), 3));
}

#[test]
fn a_disk_that_stays_full_ends_no_run_and_all_its_rows_are_counted() {
    for overflow in [Overflow::Drop, Overflow::Wait] {
        let folder = Folder::new("full");
        let settings = Settings { rows: NonZeroU64::new(2), overflow, ..folder.settings("{seq}") };
        let (counts, events) = run(settings, &[Fault::After(1)], "1 2 3 | 4 5 6");
        // Of each file one line goes to the disk with each attempt, until nothing is left.
        assert_eq!((folder.files().len(), counts.rows), (6, 6));
        let (counts, _) = run(folder.settings("none"), &[Fault::Create], "1 2 3 | 4 5 6");
        assert_eq!((counts.rows, counts.rows_dropped), (0, 6));
        assert!(events.iter().any(|event| matches!(event, Event::FileFailed { .. })));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_and_tried_again() {
    let folder = Folder::new("folder");
    fs::write(folder.0.join("0"), "a file").unwrap();
    let (counts, events) = run(folder.settings("0/a.txt"), &[], "1 2");
    assert_eq!((counts.rows_dropped, folder.files()), (2, list(&["0: a file"])));
    let Event::FileFailed { error, .. } = &events[0] else { panic!("{events:?}") };
    assert!(error.starts_with(&format!("cannot create '{}'", folder.0.join("0").display())), "{error}");
}

#[test]
fn a_format_that_panics_does_not_hang_the_run() {
    let folder = Folder::new("panic");
    let settings = Settings { rows: NonZeroU64::new(1), ..folder.settings("{seq}") };
    let (rotating, _) = begin(settings, &[Fault::Panic]);
    let run = std::panic::AssertUnwindSafe(|| {
        fill(&rotating, "1 2 3 4 5 6 7");
        rotating.finish()
    });
    assert!(std::panic::catch_unwind(run).is_err());
}

fn hook(program: &str, arguments: &[&str]) -> Option<Hook> {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    let patience = Duration::from_secs(60);
    Some(Hook { program: program.into(), arguments, at_once: NonZeroUsize::new(2).unwrap(), patience })
}

/// Whether this process does anything any more.
fn lives(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn a_command_that_hears_nothing_ends_with_the_run_and_its_children_too() {
    let folder = Folder::new("command-ends");
    let command = "trap '' TERM; sleep 1000 & echo $$ $! > {}.pids; wait; wait";
    let hook = hook("sh", &["-c", command]).map(|hook| Hook { patience: Duration::from_millis(300), ..hook });
    let settings = Settings { rows: NonZeroU64::new(1), hook, ..folder.settings("{seq}") };
    let (rotating, events) = begin(settings, &[]);
    fill(&rotating, "1 2 3");
    // Whichever files are complete first.
    let pids = || {
        let read = |number| fs::read_to_string(folder.0.join(format!("{number:06}.pids")));
        (0..3).filter_map(|number| read(number).ok()).filter(|pids| pids.ends_with('\n')).collect::<Vec<_>>()
    };
    while pids().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let processes = pids().concat();
    assert!(processes.split_whitespace().all(lives), "{processes}");
    let counts = rotating.finish();
    // Who was killed needs a moment to be gone.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while processes.split_whitespace().any(lives) {
        assert!(std::time::Instant::now() < deadline, "{processes}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(pids().len(), 2, "the third was never begun");
    assert_eq!((counts.files, counts.hooks_failed), (3, 3));
    let events: Vec<Event> = events.iter().collect();
    let awaited = Event::HooksAwaited { files: 3, patience: Duration::from_millis(300) };
    assert!(events.contains(&awaited), "{events:?}");
    let why = |event: &Event| match event {
        Event::HookFailed { error, .. } => Some(error.clone()),
        _ => None,
    };
    let whys: Vec<String> = events.iter().filter_map(why).collect();
    assert!(whys.iter().filter(|why| why.contains("was ended with the run")).count() == 2, "{whys:?}");
    assert!(whys.iter().any(|why| why.contains("was not run")), "{whys:?}");
}

#[test]
fn a_command_gets_the_name_of_each_complete_file() {
    for arguments in [&["-c", "mv \"$0\" \"$0.done\""][..], &["-c", "mv {} {}.done"]] {
        let folder = Folder::new("command");
        let settings =
            Settings { every: every(60), hook: hook("sh", arguments), ..folder.settings("%s.txt") };
        let (counts, _) = run(settings, &[], "1 | 61 62 | 121");
        assert_eq!(folder.files(), ["0.txt.done: 1", "120.txt.done: 121", "60.txt.done: 61 62"]);
        assert_eq!((counts.files, counts.hooks_failed), (3, 0));
    }
}

#[test]
fn a_command_that_fails_is_told_and_the_file_stays() {
    for (hook, said) in [
        (hook("sh", &["-c", "exit 3"]), "'sh' failed: exit status: 3"),
        (hook("/nowhere/at/all", &[]), "cannot run '/nowhere/at/all': "),
    ] {
        let folder = Folder::new("command-fails");
        let (counts, events) = run(Settings { hook, ..folder.settings("a.txt") }, &[], "1");
        assert_eq!((folder.files(), counts.hooks_failed), (list(&["a.txt: 1"]), 1));
        let Some(Event::HookFailed { path, error }) = events.last() else { panic!("{events:?}") };
        assert!(*path == folder.0.join("a.txt") && error.starts_with(said), "{error}");
    }
}

#[test]
fn commands_that_hang_hold_no_files_and_no_memory() {
    let folder = Folder::new("command-hangs");
    let held = fs::File::create(folder.0.join("held")).unwrap();
    held.lock().unwrap();
    let hook = hook("flock", &[folder.0.join("held").to_str().unwrap(), "true"]);
    let limits = RotationLimits { hooks: 1, ..RotationLimits::default() };
    let settings = Settings { rows: NonZeroU64::new(1), hook, limits, ..folder.settings("{seq}") };
    let (rotating, events) = begin(settings, &[]);
    fill(&rotating, "1 2 3 4 5 6");
    let complete = events.iter().filter(|event| matches!(event, Event::FileComplete { .. }));
    assert_eq!(complete.take(6).count(), 6, "all files are complete while commands hang");
    drop(held);
    // Two ran and one waited; of the last it may not have been asked before.
    let counts = rotating.finish();
    assert!(counts.files == 6 && (2..=5).contains(&counts.hooks_failed), "{counts:?}");
}

#[test]
fn another_name_period_and_command_hold_from_the_next_file_on() {
    let folder = Folder::new("change");
    let settings =
        |template: &str, seconds, hook| Settings { every: every(seconds), hook, ..folder.settings(template) };
    let command = |extension: &str| hook("mv", &["{}", &format!("{{}}.{extension}")]);
    let (rotating, _events) = begin(settings("a-{seq}", 60, None), &[]);
    fill(&rotating, "1 2 | 61 62");
    rotating.change(settings("new/%s", 10, command("b")), Toy::new(&[])).unwrap();
    fill(&rotating, "63 64 | 71");
    rotating.change(settings("{seq}", 60, command("c")), Toy::new(&[])).unwrap();
    fill(&rotating, "72");
    let by_rows = Settings { rows: NonZeroU64::new(2), ..settings("{seq}", 60, None) };
    rotating.change(by_rows, Toy::new(&[])).unwrap();
    fill(&rotating, "73 | 74 75");
    let counts = rotating.finish();
    let expected = [
        "000004.c: 72",
        "000005: 73 74",
        "000006: 75",
        "a-000000: 1 2",
        "a-000001: 61 62",
        "new/60.b: 63 64",
        "new/70.b: 71",
    ];
    assert_eq!((folder.files(), counts.rows, counts.hooks_failed), (list(&expected), 11, 0));
}

#[test]
fn a_file_that_fails_is_tried_again_by_the_rules_it_began_under() {
    let folder = Folder::new("change-fails");
    let settings = |template: &str, command: &str| Settings {
        hook: hook("mv", &["{}", command]),
        retry: Duration::from_secs(3600),
        ..folder.settings(template)
    };
    let (rotating, events) = begin(settings("old", "{}.old"), &[Fault::Create, Fault::None]);
    fill(&rotating, "1 2");
    let failed = events.recv_timeout(Duration::from_secs(60)).expect("it fails");
    assert!(matches!(failed, Event::FileFailed { .. }), "{failed:?}");
    rotating.change(settings("new", "{}.new"), Toy::new(&[])).unwrap();
    fill(&rotating, "3");
    let counts = rotating.finish();
    assert_eq!(folder.files(), ["new.new: 3", "old.old: 1 2"]);
    assert_eq!((counts.rows, counts.failures), (3, 1));
}

#[test]
fn settings_that_cannot_be_change_nothing() {
    let folder = Folder::new("change-refused");
    let (rotating, _events) = begin(folder.settings("a"), &[]);
    fill(&rotating, "1");
    let refused = Settings { every: every(60), ..folder.settings("b") };
    assert!(matches!(rotating.change(refused, Toy::new(&[])), Err(StartError::Settings(_))));
    fill(&rotating, "2");
    rotating.finish();
    assert_eq!(folder.files(), ["a: 1 2"]);
}

#[test]
fn settings_that_make_equal_names_are_refused_with_the_remedy() {
    let settings = Folder::new("settings").settings("%Y%m%d");
    let error = |settings: &Settings| settings.check().unwrap_err().to_string();
    let hourly = Settings { every: every(3600), ..settings.clone() };
    assert_eq!(
        error(&hourly),
        "files of 3600s would have the same names; put %H (or {seq}) into the template"
    );
    for settings in [
        Settings { rows: NonZeroU64::new(9), ..settings.clone() },
        Settings { bytes: NonZeroU64::new(9), every: every(86_400), ..settings.clone() },
    ] {
        assert_eq!(settings.check(), Err(SettingsError::NotNumbered));
    }
    for seconds in [0.0, 7.0, 0.5, 100_000.0, 1.5] {
        let settings = Settings { every: Some(Duration::from_secs_f64(seconds)), ..settings.clone() };
        assert!(error(&settings).contains("do not begin at the same times each day"), "{seconds}");
        assert!(Rotating::new(settings, Toy::new(&[]), Box::new(drop)).is_err());
    }
    for settings in [Settings { every: every(7 * 86_400), ..settings.clone() }, settings] {
        assert_eq!(settings.check(), Ok(()));
    }
}
