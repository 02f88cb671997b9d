//! Output that rotates, with real formats, a run that is killed and a disk that is full.
//!
//! The run that is killed is this program itself, which a test starts again with a folder in its environment.

use dpp::capture::{Batch, CaptureRead, Chunk, Chunks, Composer, InputError};
use dpp::pipeline::{Machine, Pool, Rows, Watch, run_on};
use dpp::plan::Plan;
use dpp::transaction::Needs;
use dpp_sink::csv::{Csv, Tsv};
use dpp_sink::dataset::{FileError, FileFormat, fill};
use dpp_sink::dnstap::{self, DnstapFile};
use dpp_sink::jsonl::Jsonl;
use dpp_sink::part_file::{PartFile, part_path};
use dpp_sink::pcap::{self, Pcap};
use dpp_sink::rotating::{Content, Done, Event, Recovered, Rotating, Settings, Tell, Template, recover};
use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A folder of a test's own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        // Files in memory need not reach a disk; there are thousands of them.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = root.join(format!("dpp-rotating-run-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn template(&self, name: &str) -> Template {
        Template::parse(self.0.join(name).to_str().unwrap(), None).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The formats that write text or messages as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Tsv,
    Jsonl,
    Dnstap,
    Pcap,
}

/// Each, with what its files are made of and what must be kept for it.
const KINDS: [(Kind, Content, Needs); 5] = [
    (Kind::Csv, Content::Csv, Needs::NOTHING),
    (Kind::Tsv, Content::Lines { heading: 1 }, Needs::NOTHING),
    (Kind::Jsonl, Content::Lines { heading: 0 }, Needs::NOTHING),
    (Kind::Dnstap, Content::Dnstap, dnstap::NEEDS),
    (Kind::Pcap, Content::Pcap, pcap::NEEDS),
];

struct Files {
    kind: Kind,
    plan: Plan,
}

impl FileFormat for Files {
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError> {
        let (out, plan) = (PartFile::create_kept(path)?, &self.plan);
        let out = match self.kind {
            Kind::Csv => fill(Csv::new(out, plan), rows, pool, Vec::new()),
            Kind::Tsv => fill(Tsv::new(out, plan), rows, pool, Vec::new()),
            Kind::Jsonl => fill(Jsonl::new(out, plan), rows, pool, Vec::new()),
            Kind::Dnstap => fill(DnstapFile::new(out, None)?, rows, pool, Vec::new()),
            Kind::Pcap => fill(Pcap::new(out)?, rows, pool, Vec::new()),
        };
        Ok(out?.finish()?)
    }
}

/// Queries a millisecond after each other, ten in a chunk, until so many chunks have come or it is told to stop.
struct Queries {
    composer: Composer,
    chunks: u64,
    sent: u64,
    stop: Arc<AtomicBool>,
}

impl Queries {
    fn new(chunks: u64) -> Queries {
        Queries { composer: Composer::new(i64::MAX), chunks, sent: 0, stop: Arc::default() }
    }
}

const CHUNK: u64 = 10;

impl Chunks for Queries {
    fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        if self.sent == self.chunks * CHUNK || self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut batch = Batch::default();
        for number in self.sent..self.sent + CHUNK {
            let time_ns = 1_795_271_908_000_000_000 + number as i64 * 1_000_000;
            batch.push(time_ns, 101, |bytes| bytes.extend(query(number)));
        }
        self.sent += CHUNK;
        self.composer.begin(&mut chunk);
        self.composer.add(&mut chunk, &batch);
        self.composer.end(&mut chunk);
        Ok(Some(chunk))
    }

    fn read(&mut self) -> CaptureRead {
        self.composer.read()
    }
}

/// IPv4, UDP, and a query for a name with a quote in it.
fn query(number: u64) -> Vec<u8> {
    let name = format!("a,\"{}", number % 7);
    let id = (number as u16).to_be_bytes();
    let header = b"\x01\0\0\x01\0\0\0\0\0\0";
    let message = [&id, &header[..], &[name.len() as u8], name.as_bytes(), b"\0\0\x01\0\x01"].concat();
    let length = 28 + message.len() as u8;
    let ip = [0x45, 0, 0, length, 0, 0, 0, 0, 57, 17, 0, 0, 198, 51, 100, 7, 192, 0, 2, 53];
    [&ip[..], &[0x9C, 0x40, 0, 53, 0, length - 20, 0, 0], &message].concat()
}

fn rotating(settings: Settings, kind: Kind, needs: Needs, tell: Tell) -> Rotating {
    let plan = Plan { sink_needs: needs, ..Plan::default() };
    Rotating::new(settings, Files { kind, plan }, tell).expect("settings that are right")
}

/// Gives how many rows there were.
fn run(queries: Queries, needs: Needs, sink: &Rotating) -> u64 {
    let plan = Plan { sink_needs: needs, ..Plan::default() };
    let machine = Machine::new(NonZeroUsize::new(2).expect("two"), 7);
    run_on(queries, &plan, &machine, sink, &Watch::default()).expect("a run").rows
}

/// The column that tells rows apart.
const TIME: &str = "request_timestamp";

/// Rows of the CSV files of a folder, in the order of their numbers. All files must have their heading and end with a line.
fn rows_of_csv(folder: &Folder) -> Vec<String> {
    let mut rows = Vec::new();
    for name in folder.names().into_iter().filter(|name| name.ends_with(".csv")) {
        let file = fs::read(folder.0.join(name)).unwrap();
        let mut reader = csv::Reader::from_reader(&file[..]);
        let time = reader.headers().unwrap().iter().position(|name| name == TIME).expect("a heading");
        assert_eq!(file.last(), Some(&b'\n'));
        rows.extend(reader.records().map(|record| record.unwrap()[time].to_owned()));
    }
    rows
}

#[test]
fn a_file_that_was_cut_anywhere_is_finished_with_what_is_whole() {
    for (kind, content, needs) in KINDS {
        let folder = Folder::new("cut");
        let settings = Settings { content, ..Settings::new(folder.template("whole")) };
        let sink = rotating(settings, kind, needs, Box::new(drop));
        run(Queries::new(1), needs, &sink);
        sink.finish();
        let whole = fs::read(folder.0.join("whole")).unwrap();
        let (path, template) = (folder.0.join("cut-1"), folder.template("cut"));
        let mut records_before = 0;
        for cut in 0..=whole.len() {
            fs::write(part_path(&path), &whole[..cut]).unwrap();
            let [Recovered { part, done }] = &recover(&template, content)[..] else { panic!("one part") };
            assert_eq!(*part, part_path(&path));
            assert!(recover(&template, content).is_empty(), "all is done the first time");
            match done {
                Done::Finished { path: name, records, cut: gone } => {
                    let file = fs::read(&path).unwrap();
                    let kept = cut - *gone as usize;
                    assert!(*name == path && file[..kept] == whole[..kept]);
                    let is_ended = kind == Kind::Dnstap && cut < whole.len();
                    assert!(file.len() == kept || is_ended && file.len() == kept + 12, "{kind:?} {cut}");
                    assert!((records_before..=records_before + 1).contains(records) && *records <= CHUNK);
                    records_before = *records;
                    fs::remove_file(&path).unwrap();
                }
                Done::Removed => assert!(records_before == 0 && !part.exists()),
                Done::SetAside { path: broken } => {
                    assert!(records_before == 0 && *broken == folder.0.join("cut-1.broken"));
                    assert_eq!(fs::read(broken).unwrap(), whole[..cut]);
                    fs::remove_file(broken).unwrap();
                }
                Done::Failed { error } => panic!("{kind:?} {cut}: {error}"),
            }
        }
        assert_eq!((records_before, folder.names()), (CHUNK, vec!["whole".to_owned()]), "{kind:?}");
    }
}

#[test]
fn a_row_can_be_read_before_its_file_is_complete() {
    for (kind, content, needs) in KINDS {
        let folder = Folder::new("visible");
        let settings = Settings { content, ..Settings::new(folder.template("rows")) };
        let sink = rotating(settings, kind, needs, Box::new(drop));
        run(Queries::new(3), needs, &sink);
        // pcap sorts what came within the last second, which is all.
        let expected = if kind == Kind::Pcap { 24 } else { 30 * 20 };
        let deadline = Instant::now() + Duration::from_secs(60);
        let length = || fs::metadata(folder.0.join("rows.part")).map_or(0, |part| part.len());
        while length() < expected {
            assert!(Instant::now() < deadline, "{kind:?}: {} bytes", length());
            std::thread::yield_now();
        }
        assert_eq!(folder.names(), ["rows.part"]);
        assert_eq!(sink.finish().rows, 30);
        assert_eq!(folder.names(), ["rows"]);
    }
}

#[test]
fn only_parts_that_are_ours_and_nobodys_are_recovered() {
    let folder = Folder::new("whose");
    let template = folder.template("%Y/%m-{seq}.csv");
    for year in ["2026", "2027", "year"] {
        fs::create_dir(folder.0.join(year)).unwrap();
    }
    let rows = "time\n1\n2";
    for name in [
        "2026/11-000001.csv",
        "2026/other.csv",
        "year/11-000001.csv",
        "2027/12-000002.csv",
        "2027/12-000003.csv",
    ] {
        fs::write(part_path(&folder.0.join(name)), rows).unwrap();
    }
    fs::write(folder.0.join("2027/12-000002.csv"), "precious").unwrap();
    let busy = PartFile::create(&folder.0.join("2026/11-000002.csv")).unwrap();
    let told: Vec<String> = recover(&template, Content::Csv).iter().map(ToString::to_string).collect();
    let at = |name: &str| folder.0.join(name).display().to_string();
    assert_eq!(
        told,
        [
            format!(
                "'{}.part', left by a run that was killed, is complete as '{}' (1 record) without its last 1 byte, which were not whole",
                at("2026/11-000001.csv"),
                at("2026/11-000001.csv"),
            ),
            format!(
                "'{}.part', left by a run that was killed, cannot be completed; what it has is kept as '{}.broken'",
                at("2027/12-000002.csv"),
                at("2027/12-000002.csv"),
            ),
            format!(
                "'{}.part', left by a run that was killed, is complete as '{}' (1 record) without its last 1 byte, which were not whole",
                at("2027/12-000003.csv"),
                at("2027/12-000003.csv"),
            ),
        ]
    );
    assert_eq!(fs::read(folder.0.join("2027/12-000002.csv")).unwrap(), b"precious");
    assert_eq!(fs::read(folder.0.join("2027/12-000002.csv.broken")).unwrap(), rows.as_bytes());
    busy.finish().unwrap();
    assert!(
        folder.0.join("2026/other.csv.part").exists() && folder.0.join("year/11-000001.csv.part").exists()
    );
    assert!(recover(&folder.template("none/%Y.csv"), Content::Csv).is_empty(), "no folder, no parts");
}

#[test]
fn what_is_good_only_as_a_whole_is_set_aside_and_never_removed() {
    let folder = Folder::new("aside");
    let template = folder.template("a.parquet");
    for (number, bytes) in [&b"PAR1"[..], b"PAR1 more"].into_iter().enumerate() {
        fs::write(folder.0.join("a.parquet.part"), bytes).unwrap();
        recover(&template, Content::Whole);
        let name = ["a.parquet.broken", "a.parquet.broken-1"][number];
        assert_eq!(fs::read(folder.0.join(name)).unwrap(), bytes);
    }
    fs::write(folder.0.join("a.parquet.part"), "").unwrap();
    assert_eq!(recover(&template, Content::Whole)[0].done, Done::Removed);
    assert_eq!(folder.names(), ["a.parquet.broken", "a.parquet.broken-1"]);
}

/// The folder of the run that is to be killed.
const KILLED: &str = "DPP_TEST_ROTATING_FOLDER";

/// Files of 50 rows, and a name for each.
fn settings_of_killed(template: Template) -> Settings {
    Settings { content: Content::Csv, rows: NonZeroU64::new(50), ..Settings::new(template) }
}

#[test]
fn a_run_that_is_killed_leaves_complete_files_and_a_part_that_can_be_finished() {
    if let Some(folder) = std::env::var_os(KILLED) {
        let template = Path::new(&folder).join("{seq}.csv");
        let template = Template::parse(template.to_str().unwrap(), None).unwrap();
        let sink = rotating(settings_of_killed(template), Kind::Csv, Needs::NOTHING, Box::new(drop));
        run(Queries::new(u64::MAX / CHUNK), Needs::NOTHING, &sink);
        return;
    }
    let folder = Folder::new("killed");
    let test = "a_run_that_is_killed_leaves_complete_files_and_a_part_that_can_be_finished";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(KILLED, &folder.0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let names = || folder.names().into_iter();
    while names().filter(|name| name.ends_with(".csv")).count() < 5
        || !names().any(|name| name.ends_with(".part"))
    {
        assert!(
            Instant::now() < deadline && child.try_wait().unwrap().is_none(),
            "it writes files until it is killed"
        );
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let complete = names().filter(|name| name.ends_with(".csv")).count();
    for name in names().filter(|name| name.ends_with(".csv")) {
        let lines = fs::read_to_string(folder.0.join(&name)).unwrap().lines().count();
        assert_eq!(lines, 51, "{name}");
    }
    let parts = names().filter(|name| name.ends_with(".part")).count();
    let template = folder.template("{seq}.csv");
    let recovered = recover(&template, Content::Csv);
    assert_eq!(recovered.len(), parts);
    let mut finished = 0;
    for Recovered { part, done } in &recovered {
        match done {
            Done::Finished { records, .. } => finished += usize::from((1..=50).contains(records)),
            Done::Removed => {}
            other => panic!("{}: {other:?}", part.display()),
        }
    }
    let mut rows = rows_of_csv(&folder);
    let count = rows.len();
    rows.dedup();
    assert!(rows.is_sorted() && rows.len() == count, "each row once, in order");
    assert!(names().all(|name| name.ends_with(".csv")) && names().count() == complete + finished);
    // The next run numbers its files from 0 again, and touches none.
    let before = count;
    let sink = rotating(settings_of_killed(template), Kind::Csv, Needs::NOTHING, Box::new(drop));
    run(Queries::new(5), Needs::NOTHING, &sink);
    sink.finish();
    assert_eq!((rows_of_csv(&folder).len(), names().any(|name| name == "000000-1.csv")), (before + 50, true));
}

/// A file system of so many KiB; `None` where none may be mounted.
struct Disk(Folder);

impl Disk {
    fn of(kib: u32) -> Option<Disk> {
        let folder = Folder::new("disk");
        let options = format!("size={kib}k");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "dpp-test"]).arg(&folder.0).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Disk(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_when_there_is_room_again_writing_goes_on() {
    let Some(disk) = Disk::of(1024) else {
        eprintln!(
            "no file system can be mounted here; what follows a full disk is tested with formats that fail"
        );
        return;
    };
    let folder = &disk.0;
    // All but some 100 KiB is taken.
    fs::write(folder.0.join("ballast"), vec![1; 900 << 10]).unwrap();
    let queries = Queries::new(u64::MAX / CHUNK);
    let (stop, ballast) = (queries.stop.clone(), folder.0.join("ballast"));
    let tell = move |event| match event {
        // After the first failure there is room again, and the run may end with the next file.
        Event::FileFailed { error, .. } => {
            assert!(error.contains("the disk is full; make room"), "{error}");
            let _ = fs::remove_file(&ballast);
            stop.store(true, Ordering::Relaxed);
        }
        Event::RowsDropped { rows } => panic!("{rows} rows dropped"),
        _ => {}
    };
    let settings = Settings {
        content: Content::Csv,
        retry: Duration::from_millis(1),
        overflow: dpp_sink::rotating::Overflow::Wait,
        limits: dpp::limits::RotationLimits { waiting_bytes: 10 << 10, ..Default::default() },
        ..Settings::new(folder.template("{seq}.csv"))
    };
    let sink = rotating(settings, Kind::Csv, Needs::NOTHING, Box::new(tell));
    let rows = run(queries, Needs::NOTHING, &sink);
    let counts = sink.finish();
    assert!(counts.failures >= 1 && counts.files >= 2, "{counts:?}");
    assert_eq!((counts.rows, counts.rows_dropped, counts.rows_set_aside), (rows, 0, 0));
    assert_eq!(rows_of_csv(folder).len() as u64, rows, "every row once");
    assert!(folder.names().iter().all(|name| name.ends_with(".csv")));
}
