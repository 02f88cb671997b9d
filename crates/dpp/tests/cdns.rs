//! C-DNS files that another program wrote, read as that program reads them, and written again.
//!
//! The files are in `captures/cdns/`, or in the folder `cdns` of the collection that `DPP_CAPTURES` names: `NAME.cdns` by dns-stats
//! compactor, `NAME.rows.tsv` with what its inspector reads in it, a line an item. Either may be compressed.

#[path = "common/captures.rs"]
#[allow(dead_code, reason = "only some of the captures are looked at")]
mod captures;

use captures::bytes;
use dpp::cdns::{
    AddressEvent, Block, BlockStatistics, FAULTS, Faults, FilePreamble, Item, MalformedMessage, Reader,
    Record, Refused, Sections, Step, Writer, dns_flags, sig_flags,
};

/// Files in which inspector replaced what was not stored, because it reads no others without.
const WITH_DEFAULTS: [&str; 5] =
    ["dnstap", "ex-addresses", "ex-times-and-id", "ex-signature", "ex-names-only"];

/// All files: name, bytes, and what inspector reads.
fn files() -> Vec<(String, Vec<u8>, String)> {
    let folder = captures::folder().join("cdns");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder with C-DNS files")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| [".cdns", ".cdns.xz", ".cdns.gz"].iter().any(|suffix| name.ends_with(suffix)))
        .collect();
    names.sort();
    let file = |file: &String| {
        let name = file.split(".cdns").next().expect("a name").to_string();
        let rows = [".rows.tsv", ".rows.tsv.xz"].map(|suffix| folder.join(format!("{name}{suffix}")));
        let rows = rows.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{name} has no rows"));
        (name, bytes(&folder.join(file)), String::from_utf8(bytes(rows)).expect("UTF-8"))
    };
    let files: Vec<_> = names.iter().map(file).collect();
    assert!(files.len() > 30, "the collection is there");
    files
}

/// Calls with each block of a file, which must be faultless.
fn for_each_block(name: &str, mut bytes: &[u8], mut each: impl FnMut(&FilePreamble, &Block)) {
    let (mut reader, mut faults) = (Reader::new(), Faults::default());
    let mut preamble = None;
    loop {
        match reader.step(bytes) {
            Step::Preamble { length } => {
                preamble = Some(FilePreamble::parse(&bytes[..length], &mut faults).expect(name));
                bytes = &bytes[length..];
            }
            Step::Block { length } => {
                let preamble = preamble.as_ref().expect("before the blocks");
                let block = Block::parse(&bytes[..length], preamble).expect(name);
                assert_eq!(*block.faults(), Faults::default(), "{name}");
                each(preamble, &block);
                bytes = &bytes[length..];
            }
            Step::End { length } => {
                assert_eq!((bytes.len(), faults.total()), (length, 0), "{name}");
                return;
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Calls with each item. One that has no time has that from which its block's times count, as inspector sees it.
fn for_each_item(name: &str, bytes: &[u8], mut each: impl FnMut(&Item)) {
    for_each_block(name, bytes, |_, block| {
        let mut faults = Faults::default();
        let earliest_ns = block.times().earliest_ns;
        block.for_each_item(&mut faults, |item| {
            each(&Item { time_ns: item.time_ns.or(earliest_ns), ..*item })
        });
        let found =
            FAULTS.iter().map(|&(fault, name, _)| (name, faults.of(fault))).filter(|(_, count)| *count > 0);
        assert_eq!(found.collect::<Vec<_>>(), [], "{name}");
    });
}

/// An item as a line of inspector's.
fn row(item: &Item, defaults: bool) -> String {
    let (signature, has_sections) = (&item.signature, item.response != Sections::default());
    // Where flags are not stored, inspector goes by what else is.
    let has_response = item.response_size.is_some() || item.delay_ns.is_some() || has_sections;
    let flags = signature.sig_flags.unwrap_or(1 | u8::from(has_response) << 1);
    let has = |flag: u8| flags & flag != 0;
    let or = |there: bool, value: Option<String>, default: &str| {
        value.or_else(|| defaults.then(|| default.to_string())).filter(|_| there).unwrap_or_default()
    };
    let always = |value: Option<String>, default: &str| or(true, value, default);
    let query = |value: Option<String>, default: &str| or(has(sig_flags::QUERY), value, default);
    let response = |value: Option<String>| or(has(sig_flags::RESPONSE), value, "").to_string();
    fn text(value: Option<impl ToString>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let class_type = signature.class_type;
    let questions =
        |none: u8, sections: &Sections| text(Some(usize::from(!has(none)) + sections.questions.len()));
    let count = |records: &[Record]| text(Some(records.len()));
    // The query's OPT record is in the signature.
    let opt = usize::from(has(sig_flags::QUERY_OPT));
    let dns = signature.dns_flags.or(defaults.then_some(0));
    let edns = defaults || has(sig_flags::QUERY_OPT);
    let edns_do = dns.filter(|_| edns).map(|flags| u8::from(flags & dns_flags::QUERY_DO != 0));
    let address = |address: Option<std::net::IpAddr>| always(text(address), "0.0.0.0");
    [
        always(item.time_ns.map(|ns| (ns / 1_000_000_000).to_string()), "0"),
        always(text(item.time_ns), "0"),
        flags.to_string(),
        u8::from(has(sig_flags::QUERY)).to_string(),
        u8::from(has(sig_flags::RESPONSE)).to_string(),
        address(item.client_address()),
        always(text(item.client_port), "0"),
        query(text(item.hop_limit), "0"),
        address(item.server_address()),
        always(text(signature.server_port), "0"),
        always(text(signature.transport_flags), "0"),
        always(signature.transport_flags.map(|flags| (flags >> 1 & 1).to_string()), "0"),
        text(signature.qr_type).unwrap_or_default(),
        always(text(item.id), "0"),
        always(text(signature.opcode), "0"),
        text(dns).unwrap_or_default(),
        always(item.qname.map(name), "default.invalid"),
        always(text(class_type.map(|both| both.class)), "1"),
        always(text(class_type.map(|both| both.rtype)), "1"),
        query(text(signature.query_rcode), "0"),
        query(questions(sig_flags::QUERY_NO_QUESTION, &item.query), ""),
        query(count(item.query.answers), ""),
        query(count(item.query.authority), ""),
        query(text(Some(item.query.additional.len() + opt)), ""),
        query(text(signature.edns_version), "0"),
        query(text(signature.udp_size), "0"),
        query(text(edns_do), "0"),
        query(signature.opt_rdata.map(option_codes), ""),
        query(text(item.query_size), ""),
        or(has(sig_flags::QUERY) && (defaults || has(sig_flags::RESPONSE)), text(item.delay_ns), "0"),
        always(text(signature.response_rcode), "0"),
        response(questions(sig_flags::RESPONSE_NO_QUESTION, &item.response)),
        response(count(item.response.answers)),
        response(count(item.response.authority)),
        response(count(item.response.additional)),
        response(text(Some(u8::from(item.response.additional.iter().any(is_opt))))),
        response(text(item.response_size)),
    ]
    .join("\t")
}

/// The response's OPT record is a record like others, and stored where these are.
fn is_opt(record: &Record) -> bool {
    record.class_type.is_some_and(|both| both.rtype == 41)
}

/// Labels joined with dots. What is not plain is shown as octets, on both sides of the comparison.
fn name(wire: &[u8]) -> String {
    let (mut rest, mut labels) = (wire, Vec::new());
    while let [length @ 1..=63, behind @ ..] = rest {
        let (label, behind) = behind.split_at(usize::from(*length));
        labels.push(label);
        rest = behind;
    }
    shown(&labels.join(&b'.'))
}

fn shown(octets: &[u8]) -> String {
    let plain = |octet: u8| octet.is_ascii_graphic() && !b"\\'\"?".contains(&octet);
    octets
        .iter()
        .map(|&octet| if plain(octet) { char::from(octet).to_string() } else { format!("<{octet:02x}>") })
        .collect()
}

/// Octets of a text with C's escapes.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut rest, mut octets) = (text.as_bytes(), Vec::new());
    loop {
        let (octet, length) = match rest {
            [] => return octets,
            [b'\\', b'x', high, low, ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("digits");
                (u8::from_str_radix(digits, 16).expect("hexadecimal"), 4)
            }
            [b'\\', code, ..] => {
                let known = b"0\0a\x07b\x08t\tn\nv\x0bf\x0cr\r";
                let found = known.chunks(2).find(|pair| pair[0] == *code);
                (found.map_or(*code, |pair| pair[1]), 2)
            }
            [octet, ..] => (*octet, 1),
        };
        octets.push(octet);
        rest = &rest[length..];
    }
}

fn option_codes(mut rdata: &[u8]) -> String {
    let mut codes = String::new();
    while let [a, b, c, d, rest @ ..] = rdata {
        codes += &format!("{},", u16::from_be_bytes([*a, *b]));
        rdata = rest.get(usize::from(u16::from_be_bytes([*c, *d]))..).unwrap_or_default();
    }
    codes
}

#[test]
fn items_are_what_inspector_reads() {
    let mut wrong = Vec::new();
    for (file, bytes, rows) in files() {
        let defaults = WITH_DEFAULTS.contains(&&file[..]);
        let mut expected = rows.lines();
        let columns: Vec<&str> = expected.next().expect("a header").split('\t').collect();
        let mut line = 0;
        for_each_item(&file, &bytes, |item| {
            line += 1;
            let theirs: Vec<&str> =
                expected.next().unwrap_or_else(|| panic!("{file}: too many")).split('\t').collect();
            let ours = row(item, defaults);
            for ((column, theirs), ours) in columns.iter().zip(theirs).zip(ours.split('\t')) {
                let theirs = match *column {
                    "query_name" => shown(&unescaped(theirs)),
                    _ => theirs.to_string(),
                };
                if theirs != ours {
                    wrong.push(format!("{file}: item {line}: {column}: {theirs:?}, but here {ours:?}"));
                }
            }
        });
        assert_eq!(expected.next(), None, "{file}: items are missing");
    }
    let some: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} differ: {some:#?}", wrong.len());
}

/// A file with the same content, by our writer.
fn rewritten(name: &str, bytes: &[u8], seed: u64) -> Vec<u8> {
    let (mut out, mut writer) = (Vec::new(), None);
    for_each_block(name, bytes, |preamble, block| {
        let mut faults = Faults::default();
        let writer = writer.get_or_insert_with(|| {
            let writer = Writer::new(preamble.clone(), seed);
            writer.begin(&mut out);
            writer
        });
        block.for_each_item(&mut faults, |item| {
            assert!(!writer.is_full(), "{name}: a block has no more items than it may have");
            assert!(writer.add(item), "{name}");
        });
        block.for_each_malformed(&mut faults, |message| writer.add_malformed(message));
        block.for_each_event(&mut faults, |event| writer.add_event(event));
        writer.set_statistics(block.statistics().clone());
        writer.set_times(block.times());
        writer.finish_block(&mut out);
    });
    writer.expect("a file has blocks").end(&mut out);
    out
}

/// Everything in a file, as text.
fn told(name: &str, bytes: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    for_each_block(name, bytes, |preamble, block| {
        let mut faults = Faults::default();
        let mut times = block.times();
        block.for_each_item(&mut faults, |item| {
            times.earliest_ns = [times.earliest_ns, item.time_ns].into_iter().flatten().min();
            told.push(format!("{item:?}"));
        });
        told.push(format!("{preamble:?} {times:?} {:?}", block.statistics()));
        block.for_each_event(&mut faults, |event: &AddressEvent| told.push(format!("{event:?}")));
        block.for_each_malformed(&mut faults, |message: &MalformedMessage| told.push(format!("{message:?}")));
        assert_eq!(faults.total(), 0);
    });
    told
}

#[test]
fn a_file_that_is_written_again_holds_the_same_and_is_no_longer() {
    for (name, bytes, _) in files() {
        let again = rewritten(&name, &bytes, 1);
        println!(
            "{name}: {} octets, ours {} ({:+.1} %)",
            bytes.len(),
            again.len(),
            percent(again.len(), bytes.len())
        );
        assert_eq!(told(&name, &again), told(&name, &bytes), "{name}");
        assert!(again.len() <= bytes.len(), "{name}: {} octets, ours {}", bytes.len(), again.len());
        assert!(
            again == rewritten(&name, &again, 2),
            "{name}: what we write again is the same, whatever the seed"
        );
    }
}

fn percent(ours: usize, theirs: usize) -> f64 {
    (ours as f64 / theirs as f64 - 1.0) * 100.0
}

#[test]
fn statistics_and_events_are_what_inspector_sums_up() {
    let file = files().into_iter().find(|(name, ..)| name == "sll").expect("the file");
    for_each_block("sll", &file.1, |preamble, block| {
        let expected = BlockStatistics { processed_messages: Some(21), ..block.statistics().clone() };
        assert_eq!((block.statistics(), block.statistics().items), (&expected, Some(10)));
        assert_eq!(block.statistics().malformed, Some(1));
        let collection = preamble.parameters[0].collection.as_ref().expect("compactor writes them");
        assert_eq!((collection.query_timeout_ms, collection.skew_timeout_us), (Some(5000), Some(10)));
        assert_eq!((collection.dns_port, preamble.private), (Some(53), Some(4)));
    });
}

/// Reads what there is of a file whose bytes come a few at a time, as a program does: each item as text, and how it ends.
/// Faults are allowed.
fn read_anyhow(mut bytes: &[u8], at_once: usize) -> (Vec<String>, Step) {
    let (mut reader, mut faults, mut preamble, mut read) =
        (Reader::new(), Faults::default(), None, Vec::new());
    let mut there = at_once.min(bytes.len());
    let mut tell = |block: Result<Block, Refused>| {
        let Ok(block) = block else { return };
        let mut faults = Faults::default();
        block.for_each_item(&mut faults, |item| read.push(format!("{item:?}")));
        block.for_each_event(&mut faults, |event: &AddressEvent| read.push(format!("{event:?}")));
        block.for_each_malformed(&mut faults, |message: &MalformedMessage| read.push(format!("{message:?}")));
    };
    let ending = loop {
        let length = match (reader.step(&bytes[..there]), &preamble) {
            (Step::Preamble { length }, _) => {
                match FilePreamble::parse(&bytes[..length], &mut faults) {
                    Ok(read) => preamble = Some(read),
                    Err(refused) => break Step::Refused(refused),
                }
                length
            }
            (Step::Block { length }, Some(preamble)) => {
                tell(Block::parse(&bytes[..length], preamble));
                length
            }
            (Step::More, _) if there < bytes.len() => {
                there = (there + at_once).min(bytes.len());
                continue;
            }
            (Step::More, preamble) => {
                if let Some(preamble) = preamble {
                    tell(Block::parse_cut(bytes, preamble));
                }
                break Step::More;
            }
            (ending, _) => break ending,
        };
        assert!(length <= there, "only what has come is taken");
        (bytes, there) = (&bytes[length..], there - length);
    };
    (read, ending)
}

/// Files that are short enough to be read thousands of times.
fn short_files() -> impl Iterator<Item = (String, Vec<u8>)> {
    let short = files().into_iter().filter(|(_, bytes, _)| bytes.len() < 1500);
    short.map(|(name, bytes, _)| (name, bytes))
}

#[test]
fn however_few_bytes_come_at_once_the_same_is_read() {
    for (name, bytes) in short_files() {
        let at_once = read_anyhow(&bytes, usize::MAX);
        for few in [1, 2, 7, 100] {
            assert_eq!(read_anyhow(&bytes, few), at_once, "{name}: {few} at once");
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_gives_its_first_items() {
    for (name, bytes) in short_files() {
        let (whole, _) = read_anyhow(&bytes, usize::MAX);
        for end in 0..bytes.len() {
            let (read, ending) = read_anyhow(&bytes[..end], usize::MAX);
            assert_eq!(ending, Step::More, "{name}: cut at {end}");
            assert!(whole.starts_with(&read), "{name}: cut at {end}");
        }
        let (read, _) = read_anyhow(&bytes[..bytes.len() - 2], usize::MAX);
        assert!(read.len() + 1 >= whole.len(), "{name}: all items but the one that is cut");
    }
}

/// A file with some octets changed: numbers that look random, the same in each run.
#[test]
fn changed_octets_make_nobody_panic() {
    let mut state = 1_u64;
    let mut roll = move |below: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 33) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    for (_, bytes) in short_files() {
        for _ in 0..400 {
            let mut changed = bytes.clone();
            for _ in 0..=roll(4) {
                let at = roll(changed.len());
                changed[at] = match roll(3) {
                    0 => changed[at] ^ 1 << roll(8),
                    1 => roll(256) as u8,
                    _ => [0x1B, 0x5B, 0x7F, 0x9B, 0xBF, 0xDB, 0xFF, 0xF7][roll(8)],
                };
            }
            let (items, ending) = read_anyhow(&changed, usize::MAX);
            read += items.len();
            refused += usize::from(matches!(ending, Step::Refused(_)));
        }
    }
    assert!(read > 5000 && refused > 1000, "{read} items, {refused} files refused");
}

#[test]
fn files_of_the_captures_are_read_or_refused_by_name() {
    let of = |name: &str| bytes(&captures::folder().join("files").join(name));
    let (items, ending) = read_anyhow(&of("compactor__gold.cbor.xz"), 1 << 16);
    assert_eq!((items.len(), ending), (999, Step::End { length: 1 }));
    let (items, ending) = read_anyhow(&of("compactor__gold.cbor02.xz"), 1 << 16);
    assert_eq!((items.len(), ending), (0, Step::Refused(Refused::Old)));
}
