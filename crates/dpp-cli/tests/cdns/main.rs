//! C-DNS as we write it, beside the files that dns-stats compactor made of the same captures with the same options.
//!
//! `files.tsv` names them: the file in `captures/cdns/`, the capture, our options, and why items differ, if they do. The items
//! of all others are the same, one for one, and no file of ours takes more octets for an item, unless there is more in it. With `DPP_CAPTURES` more
//! files of a larger collection are there.

use dpp::cdns::{Block, Faults, FilePreamble, Item, Reader, Step, sig_flags};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A line of `files.tsv`.
struct Case {
    name: String,
    /// Our file's options.
    options: Vec<String>,
    capture: PathBuf,
    theirs: Vec<u8>,
    /// Why items are not the same.
    differs: String,
}

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures");
    std::env::var_os("DPP_CAPTURES").map_or_else(own, PathBuf::from)
}

/// Those whose file and capture are there.
fn cases() -> Vec<Case> {
    let folder = folder();
    let lines = include_str!("files.tsv").lines().skip(1);
    let cases = lines.filter_map(|line| {
        let [name, capture, options, differs] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("a line has four fields");
        let capture = folder.join("files").join(capture);
        let theirs = bytes_of(&folder.join("cdns"), name).filter(|_| capture.exists())?;
        let options = options.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Some(Case { name: name.to_owned(), options, capture, theirs, differs: differs.to_owned() })
    });
    let cases: Vec<Case> = cases.collect();
    assert!(cases.len() > 30, "the collection is there");
    cases
}

fn bytes_of(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let bytes = |suffix: &str| std::fs::read(folder.join(format!("{name}.cdns{suffix}"))).ok();
    let mut unpacked = Vec::new();
    if let Some(plain) = bytes("") {
        return Some(plain);
    }
    if let Some(packed) = bytes(".xz") {
        liblzma::read::XzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("whole");
    } else {
        flate2::read::MultiGzDecoder::new(&bytes(".gz")?[..]).read_to_end(&mut unpacked).expect("whole");
    }
    Some(unpacked)
}

/// What compactor does unless told otherwise: wait so long, and store no malformed messages.
const DEFAULTS: [[&str; 2]; 2] = [["--match-timeout-ms", "5000"], ["--cdns-exclude", "malformed-messages"]];

/// What dpp writes of a capture.
fn written(capture: &Path, options: &[String]) -> Vec<u8> {
    let defaults = DEFAULTS.iter().filter(|default| options.iter().all(|option| option != default[0]));
    let output = Command::new(env!("CARGO_BIN_EXE_dpp"))
        .args(["-f", "cdns"])
        .args(options)
        .args(defaults.flatten())
        .args([capture, Path::new("-")])
        .output()
        .expect("dpp starts");
    assert!(output.status.success(), "{capture:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The items of a file that has no fault, as texts, and how many there are of each.
fn items(name: &str, mut bytes: &[u8]) -> BTreeMap<String, i64> {
    let (mut reader, mut faults, mut preamble) = (Reader::new(), Faults::default(), None);
    let mut items = BTreeMap::new();
    loop {
        match reader.step(bytes) {
            Step::Preamble { length } => {
                preamble = Some(FilePreamble::parse(&bytes[..length], &mut faults).expect(name));
                bytes = &bytes[length..];
            }
            Step::Block { length } => {
                let preamble = preamble.as_ref().expect("before the blocks");
                let block = Block::parse(&bytes[..length], preamble).expect(name);
                block.for_each_item(&mut faults, |item| {
                    *items.entry(format!("{:?}", comparable(item))).or_default() += 1;
                });
                assert_eq!((block.faults().total(), faults.total()), (0, 0), "{name}");
                bytes = &bytes[length..];
            }
            Step::End { .. } => return items,
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Of a response without a query, compactor stores only one of the counts that the RFC has for it.
fn comparable<'a>(item: &Item<'a>) -> Item<'a> {
    let mut item = *item;
    if item.signature.sig_flags.is_some_and(|flags| flags & sig_flags::QUERY == 0) {
        (item.signature.ancount, item.signature.nscount, item.signature.arcount) = (None, None, None);
    }
    item
}

#[test]
fn items_are_those_of_compactor() {
    let mut wrong = Vec::new();
    for case in cases() {
        let ours = items(&case.name, &written(&case.capture, &case.options));
        let mut differences = ours;
        for (item, count) in items(&case.name, &case.theirs) {
            *differences.entry(item).or_default() -= count;
        }
        differences.retain(|_, count| *count != 0);
        if differences.is_empty() == case.differs.is_empty() {
            continue;
        }
        let some: Vec<_> = differences.into_iter().take(4).collect();
        wrong.push(format!("{} ({}): {some:#?}", case.name, case.differs));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_takes_more_octets_for_an_item_than_that_of_compactor() {
    let mut longer = Vec::new();
    for case in cases() {
        let ours = written(&case.capture, &case.options);
        let count = |bytes: &[u8]| items(&case.name, bytes).values().sum::<i64>() as usize;
        let (our_items, their_items) = (count(&ours), count(&case.theirs));
        println!(
            "{}: {}/{} octets, {our_items}/{their_items} items",
            case.name,
            ours.len(),
            case.theirs.len()
        );
        // With fewer items what stands before them weighs more.
        let is_larger =
            ours.len() > case.theirs.len() && ours.len() * their_items > case.theirs.len() * our_items;
        if is_larger && !case.differs.starts_with("larger: ") {
            longer.push(case.name);
        }
    }
    assert!(longer.is_empty(), "{longer:?}");
}

/// A Python with cbor2, which `make peers` installs; `DPP_PEERS_PYTHON` names another.
fn python() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin/python");
    std::env::var_os("DPP_PEERS_PYTHON").map_or_else(own, PathBuf::from)
}

#[test]
fn files_are_what_the_rfc_says() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let mut files = Vec::new();
    let mut write = |name: String, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file is written");
        files.push(path);
    };
    // Records without names and types are compactor's way, and not the RFC's.
    let conform = |case: &Case| !case.options.iter().any(|option| option.contains("query-class-type"));
    let everything = ["--cdns-exclude", "query-size"].map(str::to_owned);
    for case in cases().into_iter().filter(conform) {
        write(format!("{}.cdns", case.name), written(&case.capture, &case.options));
        write(format!("{}.all.cdns", case.name), written(&case.capture, &everything));
    }
    let output = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cdns/conforms.py"))
        .args(&files)
        .output()
        .expect("Python starts: run `make peers`");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.lines().count(), files.len());
}
