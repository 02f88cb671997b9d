use super::ledger::Ledger;
use super::merge::Sum;
use super::read::Part;
use super::write::Writer;
use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn header(servers: &str) -> Header {
    Header {
        kind: "rssac".to_owned(),
        parameters: [("servers".to_owned(), servers.to_owned())].into(),
        programs: ["dpp 1".to_owned()].into(),
    }
}

/// Entries by sign and key.
type Entries = BTreeMap<(Op, String), u64>;

fn written(form: Form, header: &Header, entries: &Entries) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), form, header).unwrap();
    entries.iter().for_each(|((op, key), number)| writer.put(*op, key.as_bytes(), *number).unwrap());
    writer.finish().unwrap()
}

fn entries(lines: &[&str]) -> Entries {
    let entry = |line: &&str| {
        let (key, number) = line.split_once(' ').unwrap();
        ((op(key.as_bytes()[0]).unwrap(), key[1..].to_owned()), number.parse().unwrap())
    };
    lines.iter().map(entry).collect()
}

fn part(name: &str, bytes: &[u8]) -> Result<Part, PartError> {
    Part::read(name, Cursor::new(bytes.to_vec()))
}

/// All entries of a part, as lines.
fn lines(bytes: &[u8]) -> Result<Vec<String>, PartError> {
    lines_of(part("a part", bytes)?)
}

fn lines_of(part: Part) -> Result<Vec<String>, PartError> {
    let mut lines = Vec::new();
    Sum::of([Ok(part)], None, false)?.entries(|op, key, number| {
        lines.push(format!("{}{} {number}", sign(op) as char, String::from_utf8_lossy(key)));
        Ok::<(), PartError>(())
    })?;
    Ok(lines)
}

fn merged(parts: &[Vec<u8>], form: Form) -> Result<Vec<u8>, PartError> {
    let parts = parts.iter().enumerate().map(|(number, bytes)| part(&format!("part {number}"), bytes));
    let sum = Sum::of(parts, None, false)?;
    let mut writer = Writer::new(Vec::new(), form, sum.header()).unwrap();
    sum.entries(|op, key, number| {
        writer.put(op, key, number).map_err(|error| Wrong::Io(error).of("the result"))
    })?;
    Ok(writer.finish().unwrap())
}

/// Reads this as a part, and tells what is wrong with it.
#[track_caller]
fn check_wrong(bytes: &[u8], sentence: &str) {
    let error = lines(bytes).unwrap_err().to_string();
    assert!(error.starts_with(&format!("a part {sentence}")), "{error}");
}

const LINES: [&str; 5] = [
    "+-/20240601/q/udp/4 3",
    "+-/20240601/q/udp/6 18446744073709551615",
    ".-/20240601/4/c0000201 1",
    "<a 0",
    ">a 9",
];

#[test]
fn both_forms_hold_the_same() {
    let entries = entries(&LINES);
    let text = written(Form::Text, &header("192.0.2.53"), &entries);
    assert_eq!(
        String::from_utf8(text.clone()).unwrap(),
        format!(
            "#dpp-part 2 rssac\n#parameter servers=192.0.2.53\n#program dpp 1\n{}\n>~end 1\n",
            LINES.join("\n")
        )
    );
    let compact = written(Form::Compact, &header("192.0.2.53"), &entries);
    assert_eq!(
        (lines(&text).unwrap(), lines(&compact).unwrap()),
        (LINES.map(str::to_owned).into(), LINES.map(str::to_owned).into())
    );
    let headers = [text, compact].map(|bytes| part("", &bytes).unwrap().header().clone());
    assert_eq!(headers, [header("192.0.2.53"), header("192.0.2.53")]);
}

#[test]
fn a_part_that_was_cut_anywhere_is_known() {
    let many: Entries = (0..3_000)
        .map(|number: u64| ((Op::Member, format!("-/20240601/4/{:08x}", number * 7919)), 1))
        .collect();
    for form in [Form::Text, Form::Compact] {
        let whole = written(form, &header("all"), &many);
        assert_eq!(lines(&whole).unwrap().len(), 3_000);
        for length in (0..whole.len()).step_by(61).chain(whole.len() - 20..whole.len()) {
            let error = lines(&whole[..length]).unwrap_err();
            let is_cut = matches!(error.wrong, Wrong::Cut | Wrong::Damaged(_));
            assert!(is_cut || length < 10, "{form:?} {length}: {error}");
        }
    }
}

#[test]
fn what_is_damaged_is_refused_or_the_same() {
    let compact = written(Form::Compact, &header("all"), &entries(&LINES));
    let sound = lines(&compact).unwrap();
    for at in 0..compact.len() {
        let mut damaged = compact.clone();
        damaged[at] ^= 0x41;
        let is_same =
            || lines(&damaged).unwrap() == sound && *part("", &damaged).unwrap().header() == header("all");
        assert!(lines(&damaged).is_err() || is_same(), "octet {at}");
    }
}

#[test]
fn what_is_no_part_is_named() {
    let head = "#dpp-part 2 rssac\n";
    check_wrong(b"", "is no part file");
    check_wrong(b"\xd4\xc3\xb2\xa1", "is no part file");
    check_wrong(b"\x1f\x8b\x08", "is compressed");
    check_wrong(b"#dpp-part 1 rssac\n>~end 1\n", "is of version 1 of the format");
    check_wrong(b"#dpp-part rssac\n", "has a header that cannot be read");
    check_wrong(format!("{head}#else\n").as_bytes(), "has a header that cannot be read");
    check_wrong(head.as_bytes(), "was cut off");
    check_wrong(
        format!("{head}#parameter a=1\n#parameter a=2\n>~end 1\n").as_bytes(),
        "holds parts with other parameters, which do not add up: a=1, and a=2; sort those apart",
    );
    check_wrong(format!("{head}+b 1\n+a 1\n>~end 1\n").as_bytes(), "is not sorted: '+a' stands behind '+b'");
    check_wrong(format!("{head}+a x\n>~end 1\n").as_bytes(), "has a number that cannot be: '+a x'");
    check_wrong(format!("{head}+a -1\n>~end 1\n").as_bytes(), "has a number that cannot be");
    check_wrong(format!("{head}+a 01\n>~end 1\n").as_bytes(), "has a number that cannot be");
    check_wrong(
        format!("{head}+a 18446744073709551616\n>~end 1\n").as_bytes(),
        "has a number that cannot be",
    );
    check_wrong(format!("{head}.a 2\n>~end 1\n").as_bytes(), "has a number that cannot be");
    check_wrong(format!("{head}?a 2\n>~end 1\n").as_bytes(), "has a line that is no entry");
    check_wrong(format!("{head}+ 2\n>~end 1\n").as_bytes(), "has a line that is no entry");
    check_wrong(format!("{head}nothing\n>~end 1\n").as_bytes(), "has a line that is no entry");
    check_wrong(format!("{head}+a 2\n>~end 1\n>~eoe 1\n").as_bytes(), "has something behind its end");
    check_wrong(format!("{head}{head}+a 2\n>~end 1\n").as_bytes(), "was cut off");
    let mut behind = written(Form::Compact, &header("all"), &Entries::new());
    behind.push(0);
    check_wrong(&behind, "has something behind its end");
    check_wrong(&[b'#'; 9], "is no part file");
    let long = format!("{head}+{} 1\n>~end 1\n", "a".repeat(KEY_MAX));
    check_wrong(long.as_bytes(), "has a line that is no entry");
}

/// Merges parts with these headers and entries, and tells what is wrong.
#[track_caller]
fn check_refused(parts: &[(&Header, &[&str])], sentence: &str) {
    let parts: Vec<_> =
        parts.iter().map(|(header, lines)| written(Form::Text, header, &entries(lines))).collect();
    let error = merged(&parts, Form::Text).unwrap_err().to_string();
    assert!(error.contains(sentence), "{error}");
}

#[test]
fn any_text_may_be_a_parameter_and_stays_the_same_however_often_parts_are_merged() {
    let odd = "qname like '%25' and qname != 'ä=\n#'";
    let whole = written(Form::Compact, &header(odd), &entries(&LINES));
    let mut again = whole.clone();
    for form in [Form::Text, Form::Compact, Form::Text, Form::Compact] {
        again = merged(&[again], form).unwrap();
        assert_eq!(part("again", &again).unwrap().header(), &header(odd));
    }
    assert_eq!(again, whole);
    for text in ["%", "%4", "%+1", "%zz", "%FF"] {
        check_wrong(format!("#dpp-part 2 rssac\n#program {text}\n>~end 1\n").as_bytes(), "has a header that");
    }
    assert_eq!(name_of(&key_name(odd)).as_deref(), Some(odd));
}

#[test]
fn names_are_shown_as_they_were_typed_but_for_what_terminals_obey() {
    for (name, shown) in
        [("a b.tally", "a b.tally"), ("Zürich/№1", "Zürich/№1"), ("a\x1B[2J\n", "a\\u{1b}[2J\\n")]
    {
        assert_eq!(shown_name(&key_name(name)), shown);
    }
    assert_eq!(shown_name("%FF"), "%FF");
}

#[test]
fn of_two_parts_with_the_same_file_both_are_named() {
    let lines = ["+!content/0a 1"].map(|line| entries(&[line]));
    let other = written(Form::Text, &header("all"), &entries(&["+!content/09 1", "+!seq/-/000000000001 1"]));
    let twice = written(Form::Text, &header("all"), &lines[0]);
    let parts = [part("'x'", &other), part("'a'", &twice), part("'b'", &twice)];
    let Err(error) = Sum::of(parts, None, false) else { panic!("it is there twice") };
    let told =
        "'b' does not add up: the same capture is there twice (fingerprint 0a), here and in 'a'; leave one";
    assert!(error.to_string().starts_with(told), "{error}");
}

#[test]
fn what_does_not_add_up_is_named() {
    let (mine, other) = (header("192.0.2.53"), header("192.0.2.54"));
    let stats = Header { kind: "stats".to_owned(), ..mine.clone() };
    check_refused(
        &[(&mine, &[]), (&other, &[])],
        "part 1 was counted with other parameters than part 0, so they do not add up: servers=192.0.2.54, there servers=192.0.2.53",
    );
    check_refused(&[(&mine, &[]), (&stats, &[])], "'rssac' and 'stats' do not add up");
    let sketched =
        |of: &str| Header { parameters: [(SKETCH.to_owned(), of.to_owned())].into(), ..mine.clone() };
    check_refused(
        &[(&sketched("hll-14"), &[]), (&sketched("hll-12"), &[])],
        "sketch=hll-12, there sketch=hll-14",
    );
    let seq = "+!seq/ams/000000000017 1";
    check_refused(&[(&mine, &[seq]), (&mine, &[seq])], "file number 17 of site ams is there twice");
    check_refused(&[(&mine, &["+!seq/-/000000000000 2"])], "file number 0 is there twice");
    check_refused(&[(&mine, &["+!content/abcd 1"]), (&mine, &["+!content/abcd 1"])], "fingerprint abcd");
    check_refused(&[(&mine, &["+!else/abcd 1"])], "an entry that nobody counts: '+!else/abcd'");
    check_refused(
        &[(&mine, &["+a 18446744073709551615"]), (&mine, &["+a 1"])],
        "more than can be counted: '+a'",
    );
}

#[test]
fn what_is_left_out_is_in_the_result_whichever_is_named_first() {
    let one = written(Form::Text, &header("all"), &entries(&["+!seq/-/000000000001 1", "+a 1"]));
    let other = written(
        Form::Text,
        &header("all"),
        &entries(&["+!seq/-/000000000001 1", "+!seq/-/000000000002 1", "+a 2"]),
    );
    let run = |named: [(&str, &[u8]); 3]| {
        let parts = named.map(|(name, bytes)| part(name, bytes));
        let sum = Sum::of(parts, None, true).unwrap();
        let mut told = vec![sum.left_out().len().to_string()];
        sum.entries(|op, key, number| {
            told.push(format!("{op:?} {} {number}", String::from_utf8_lossy(key)));
            Ok::<(), PartError>(())
        })
        .unwrap();
        told
    };
    let cut = &one[..one.len() - 9];
    let told = run([("'x/one part'", &one), ("'x/other'", &other), ("'junk'", b"junk")]);
    assert_eq!(
        told,
        [
            "2",
            "Sum !left-out/junk/foreign 1",
            "Sum !left-out/other/twice 1",
            "Sum !seq/-/000000000001 1",
            "Sum a 1"
        ]
    );
    assert_eq!(run([("'junk'", b"junk"), ("'x/other'", &other), ("'x/one part'", &one)]), told);
    assert_eq!(
        run([("'cut'", &cut[..5]), ("'x/other'", &other), ("'y'", b"")])[..2],
        ["2", "Sum !left-out/cut/cut 1"]
    );
}

#[test]
fn a_part_of_another_day_is_refused_and_other_days_are_left_out() {
    let both = ["+!day/20240601 5", "+!day/20240602 6"];
    let bytes = written(Form::Text, &header("all"), &entries(&both));
    let sum = |day| Sum::of([part("a part", &bytes)], Some(day), false);
    let Err(error) = sum("20240603") else { panic!("it is not of that day") };
    assert_eq!(error.to_string(), "a part has nothing of 2024-06-03; it is of 2024-06-01, 2024-06-02");
    assert_eq!(sum("20240602").unwrap().ledger().days().collect::<Vec<_>>(), [("20240602", 6)]);
}

#[test]
fn a_part_of_no_day_is_of_every_day() {
    let (empty, dated) = (Entries::new(), entries(&["+!day/20240601 5"]));
    let parts = [("empty", &empty), ("dated", &dated)];
    let parts = parts.map(|(name, entries)| part(name, &written(Form::Text, &header("all"), entries)));
    let sum = Sum::of(parts, Some("20240601"), false).unwrap();
    assert_eq!(sum.parts(), 2);
    assert_eq!(sum.without_day("20240602"), [("dated", "2024-06-01".to_owned())]);
}

#[test]
fn those_parts_stay_that_are_of_most_captures_whichever_is_named_first() {
    let (plain, more) = (header("all"), header("192.0.2.1"));
    let with = |name: &str| {
        let mut header = header("all");
        header.parameters.insert(name.to_owned(), "x".to_owned());
        header
    };
    let check = |parts: &[(&Header, &[&str])], left_out: &[usize]| {
        for order in [0, 1] {
            let bytes = parts.iter().enumerate().map(|(number, (header, lines))| {
                part(&number.to_string(), &written(Form::Text, header, &entries(lines)))
            });
            let mut parts: Vec<_> = bytes.collect();
            parts.rotate_left(order);
            let sum = Sum::of(parts, None, true).unwrap();
            let mut told: Vec<_> = sum.left_out().iter().map(|error| error.part.clone()).collect();
            told.sort();
            assert_eq!(told, left_out.iter().map(usize::to_string).collect::<Vec<_>>());
            assert!(sum.ledger().all_left_out().all(|one| one.reason == "parameters"));
        }
    };
    check(&[(&plain, &["+!content/0b 1"]), (&more, &["+!content/0a 1"]), (&more, &["+!content/0c 1"])], &[0]);
    check(&[(&plain, &["+!content/0b 1", "+!content/0d 1"]), (&more, &["+!content/0a 1"])], &[1]);
    // As many: what has fewer parameters, then what is first in their order.
    check(&[(&with("where"), &["+!content/0a 1"]), (&plain, &["+!content/0b 1"])], &[0]);
    check(&[(&with("where"), &["+!content/0a 1"]), (&with("exact"), &["+!content/0b 1"])], &[0]);
}

#[test]
fn all_parameters_that_differ_are_named_with_both_parts() {
    let mut other = header("192.0.2.1");
    other.parameters.insert("where".to_owned(), "rcode = 0".to_owned());
    let parts = [(header("all"), "'a'"), (other, "'b'")];
    let parts = parts.map(|(header, name)| part(name, &written(Form::Text, &header, &Entries::new())));
    let Err(error) = Sum::of(parts, None, false) else { panic!("they do not add up") };
    assert_eq!(
        error.to_string(),
        "'b' was counted with other parameters than 'a', so they do not add up: \
         servers=192.0.2.1, there servers=all; where=rcode = 0, there where=none"
    );
}

#[test]
fn what_is_known_of_captures_is_known_by_site() {
    let mut ledger = Ledger::default();
    for site in ["ams", "lon"] {
        [1, 3].into_iter().for_each(|number| ledger.sequence(site, number));
        ledger.ended(site, "a.pcap", "cut_off");
        ledger.unread(site, "b.pcap");
    }
    ledger.left_out("c.tally", "twice");
    ledger.content("0a");
    let bytes = {
        let mut writer = Writer::new(Vec::new(), Form::Compact, &header("all")).unwrap();
        ledger.tell(|op, key, number| writer.put(op, key, number)).unwrap();
        writer.finish().unwrap()
    };
    let sum = Sum::of([part("a part", &bytes)], None, false).unwrap();
    assert_eq!((sum.ledger(), ledger.sites().len()), (&ledger, 2));
    ledger.only_sites(&["lon".to_owned()]);
    assert_eq!(ledger.sites().into_iter().collect::<Vec<_>>(), ["lon"]);
    assert_eq!((ledger.sequences().len(), ledger.all_ended().count(), ledger.contents()), (1, 1, 1));
    let left_out: Vec<_> = ledger.all_left_out().map(|one| (one.name, one.reason)).collect();
    assert_eq!(left_out, [("b.pcap", "unreadable"), ("c.tally", "twice")]);
}

#[test]
fn every_reason_to_leave_a_part_out_has_words() {
    for wrong in [
        Wrong::Foreign,
        Wrong::Packed,
        Wrong::Version(String::new()),
        Wrong::Header,
        Wrong::Kind(String::new(), String::new()),
        Wrong::Parameters(String::new(), String::new()),
        Wrong::Cut,
        Wrong::Unsorted(String::new(), String::new()),
        Wrong::Overflow(String::new()),
        Wrong::Unknown(String::new()),
        Wrong::Changed,
        Wrong::Twice(String::new()),
        Wrong::Day(String::new(), String::new()),
        Wrong::Io(io::ErrorKind::NotFound.into()),
    ] {
        assert_ne!(ledger::left_out_words(wrong.word()), ledger::left_out_words("?"), "{wrong}");
    }
}

#[test]
fn numbers_of_files_tell_what_is_missing() {
    let mut ledger = Ledger::default();
    [3, 4, 7, 12, 13].into_iter().for_each(|number| ledger.sequence("ams", number));
    ledger.sequence("lon", 0);
    let told = ledger.sequences();
    assert_eq!((told[0].first, told[0].last, told[0].count, told[0].missing_count), (3, 13, 5, 6));
    assert_eq!((&told[0].missing, &told[1].missing), (&vec![(5, 6), (8, 11)], &vec![]));
}

#[test]
fn parts_that_others_sorted_into_one_can_be_read() {
    let one =
        String::from_utf8(written(Form::Text, &header("all"), &entries(&["+a 1", "+b 2", ".c 1"]))).unwrap();
    let other = String::from_utf8(written(Form::Text, &header("all"), &entries(&["+b 40", ".c 1"]))).unwrap();
    let mut lines: Vec<&str> = one.lines().chain(other.lines()).collect();
    lines.sort_unstable();
    let sorted = lines.join("\n") + "\n";
    let expected = merged(&[one.clone().into(), other.clone().into()], Form::Text).unwrap();
    assert_eq!(merged(&[sorted.into_bytes()], Form::Text).unwrap(), expected);
    let mut lines: Vec<&str> = one.lines().chain(other.lines()).collect();
    lines.sort_unstable();
    lines.pop();
    assert!(matches!(self::lines(lines.join("\n").as_bytes()).unwrap_err().wrong, Wrong::Cut));
}

#[test]
fn files_are_read_in_pieces_and_known_to_be_the_same() {
    let folder = std::env::temp_dir().join(format!("dpp-parts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let many: Entries = (0..20_000)
        .map(|number: u64| ((Op::Member, format!("-/20240601/4/{:08x}", number * 7919)), 1))
        .collect();
    for form in [Form::Text, Form::Compact] {
        let path = folder.join(format!("{form:?}"));
        let bytes = written(form, &header("all"), &many);
        std::fs::write(&path, &bytes).unwrap();
        let mut part = Part::open(&path).unwrap();
        part.park();
        assert_eq!(lines_of(part).unwrap().len(), 20_000);
        let mut part = Part::open(&path).unwrap();
        part.park();
        std::fs::write(&path, [&bytes[..], b"\n"].concat()).unwrap();
        assert!(matches!(lines_of(part).unwrap_err().wrong, Wrong::Changed));
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(Part::open(&path).map(|_| ()).unwrap_err().wrong, Wrong::Cut));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![Just(Op::Sum), Just(Op::Member), Just(Op::Min), Just(Op::Max)]
}

fn any_entries() -> impl Strategy<Value = Entries> {
    let key = prop_oneof![
        "[a-c/]{1,4}",
        "[a-b]{14,20}",
        "-/2024060[12]/4/[0-9a-f]{2}",
        // Members of sets: close to each other, far, and with other keys between and around them.
        "-/4/00000[0-3][0-9a-f]{2}",
        "-/4/[0-9a-f]{8}",
        "-/6/[0-9a-f]{32}",
        "-/6/f{30}[0-9a-f]{2}",
        "-/6?4?/[0f]{16}",
        "-/4/[0-9a-f]{0,2}[:x]?[0-9a-f]{0,8}",
        "[0-9a-f]{8}",
    ];
    prop::collection::btree_map((any_op(), key), 1..1_000_u64, 0..600).prop_map(|mut entries| {
        entries.iter_mut().filter(|((op, _), _)| *op == Op::Member).for_each(|(_, number)| *number = 1);
        entries
    })
}

/// The plain way: maps.
fn added(parts: &[Entries]) -> Entries {
    let mut all = Entries::new();
    for ((op, key), number) in parts.iter().flatten() {
        let entry = all.entry((*op, key.clone()));
        entry.and_modify(|mine| *mine = reduced(*op, *mine, *number).unwrap()).or_insert(*number);
    }
    all
}

/// What a merge of these parts in both forms is, as text, against what adding up all entries gives.
#[track_caller]
fn check_sum(parts: &[Entries]) {
    let header = header("all");
    let forms = [Form::Compact, Form::Text].into_iter().cycle();
    let bytes: Vec<_> = parts.iter().zip(forms).map(|(part, form)| written(form, &header, part)).collect();
    let merged = merged(&bytes, Form::Text).unwrap();
    assert!(merged == written(Form::Text, &header, &added(parts)), "{} parts", parts.len());
}

fn members(keys: impl Iterator<Item = String>) -> Entries {
    keys.map(|key| ((Op::Member, key), 1)).collect()
}

#[test]
fn sets_of_all_densities_add_up() {
    let hashed = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let wide = |number: u64| u128::from(hashed(number)) << 64 | u128::from(hashed(number + 1));
    let part = |part: u64| {
        let dense = (0..9_000).map(move |number| format!("-/4/{:08x}", (part * 20_000 + number * 7) as u32));
        let spread = (0..9_000).map(move |number| format!("-/5/{:08x}", hashed(part * 5 + number) as u32));
        let last = [0, 1, u32::MAX - 1, u32::MAX].map(|value| format!("-/5/{value:08x}"));
        let close = (0..3_000_u128).map(move |number| format!("-/6/{:032x}", wide(part * 9) + number));
        let far = (0..3_000).map(move |number| format!("-/6/{:032x}", wide(part * 100 + number)));
        let nets = (0..3_000).map(move |number| format!("-/64/{:016x}", hashed(part * 100 + number) >> part));
        members(dense.chain(spread).chain(last).chain(close).chain(far).chain(nets))
    };
    check_sum(&[part(0)]);
    check_sum(&(0..9).map(part).collect::<Vec<_>>());
}

#[test]
fn other_keys_stand_between_members_and_around_them() {
    let set = |step: usize| members((0..20_000_u32).step_by(step).map(|value| format!("x/{value:08x}")));
    let odd = ["x", "x/", "x/0", "x/00000fffz", "x/00000fff0", "x/00001", "x/00001:", "x/0000~", "x/g", "y"];
    let odd = members(odd.into_iter().map(str::to_owned));
    check_sum(&[set(1), odd.clone(), set(3)]);
    check_sum(&[[set(2), odd.clone()].into_iter().flatten().collect(), set(3), odd]);
}

#[test]
fn a_set_takes_as_many_octets_as_its_values_tell() {
    let hashed = |number: u32| number.wrapping_mul(0x9E37_79B9);
    let part = |keys: Entries| written(Form::Compact, &header("all"), &keys).len() as f64 / keys.len() as f64;
    // Sixteen bits are what is not known of 50,000 of all addresses; two more are for the widest steps.
    let spread = part(members((0..50_000).map(|number| format!("-/4/{:08x}", hashed(number)))));
    assert!(spread < 2.4, "{spread}");
    let close = part(members((0..50_000).map(|number| format!("-/4/{number:08x}"))));
    assert!(close < 0.1, "{close}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Merging parts in any order and grouping gives the bytes that adding up all entries gives.
    #[test]
    fn order_and_grouping_do_not_matter(
        parts in prop::collection::vec((any_entries(), any::<bool>()), 1..7),
        order in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let header = header("all");
        let form = |is_text| if is_text { Form::Text } else { Form::Compact };
        let mut bytes: Vec<Vec<u8>> =
            parts.iter().map(|(entries, is_text)| written(form(*is_text), &header, entries)).collect();
        let plain = added(&parts.into_iter().map(|(entries, _)| entries).collect::<Vec<_>>());
        let expected = written(Form::Text, &header, &plain);
        prop_assert_eq!(&merged(&bytes, Form::Text).unwrap(), &expected);
        let by = order.index(bytes.len());
        bytes.rotate_left(by);
        bytes.reverse();
        let (left, right) = bytes.split_at(cut.index(bytes.len()));
        let left = if left.is_empty() { vec![] } else { vec![merged(left, Form::Compact).unwrap()] };
        let right = merged(right, Form::Text).unwrap();
        prop_assert_eq!(&merged(&[left, vec![right]].concat(), Form::Text).unwrap(), &expected);
    }

    /// A block that nobody of ours wrote, though its checksum is right, is refused, or is entries in order.
    #[test]
    fn anything_may_stand_in_a_block(
        parts in prop::collection::vec(any_entries(), 2),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packer = block::Packer::default();
        let entries = parts[0].iter().filter(|((op, key), _)| {
            let key = format!("{}{key}", sign(*op) as char);
            let fits = packer.fits(key.as_bytes(), block::set_of(key.as_bytes()));
            fits.then(|| packer.put(key.as_bytes(), 1, block::set_of(key.as_bytes()))).is_some()
        });
        let count = entries.count() as u64;
        let mut raw = Vec::new();
        packer.pack(&mut raw);
        let length = raw.len();
        changes.iter().for_each(|(at, octet)| raw[at.index(length)] = *octet);
        let mut bytes = written(Form::Compact, &header("all"), &Entries::new());
        bytes.truncate(bytes.len() - 12);
        let stored = zstd::bulk::compress(&raw, 1).unwrap();
        let lengths = [stored.len() as u32, raw.len() as u32].map(u32::to_le_bytes);
        bytes.extend([&lengths.concat()[..], &stored, &[0; 4], &count.to_le_bytes()].concat());
        let other = written(Form::Compact, &header("all"), &parts[1]);
        drop(merged(&[bytes.clone(), other], Form::Text));
        if let Ok(lines) = lines(&bytes) {
            prop_assert!(lines.is_sorted());
        }
    }

    /// Whatever stands in a file is a part or refused.
    #[test]
    fn anything_may_stand_in_a_file(bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0..3_usize) {
        let begin: &[u8] = [&b""[..], &MAGIC, b"#dpp-part 2 rssac\n"][form];
        drop(lines(&[begin, &bytes].concat()));
    }
}

#[test]
fn of_long_parameters_that_is_shown_in_which_they_differ() {
    let long = "a".repeat(300);
    for (one, other, told) in [
        ("x".to_owned(), "y".to_owned(), "where=x, there where=y".to_owned()),
        (
            format!("{long}b{long}"),
            format!("{long}c"),
            format!("where=...{}b{}, there where=...{}c", &long[..20], &long[..79], &long[..20]),
        ),
        (
            long.clone(),
            format!("{long}d"),
            format!("where=...{}, there where=...{}d", &long[..20], &long[..20]),
        ),
        (long.clone(), "b".to_owned(), format!("where={}, there where=b", &long[..100])),
    ] {
        assert_eq!(super::difference("where", &one, "there", &other), told);
    }
}
