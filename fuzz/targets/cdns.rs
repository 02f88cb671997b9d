//! C-DNS: whatever the bytes are, however few come at once, the same is read; and what is read can be written and read again.
//!
//! The first octet says how many bytes come at once, the rest is a file. It is read whole and trickling, which must agree on
//! every item and on the ending. All of it is written again with the same parameters, and that file must hold the same,
//! without a fault. Started by `fuzz/run`.

#![no_main]

use dpp::cdns::{Block, Faults, FilePreamble, Reader, Refused, Step, Writer};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&at_once, file)) = input.split_first() else { return };
    let whole = read(file, usize::MAX);
    assert_eq!(read(file, usize::from(at_once).max(1)), whole, "at once and trickling in");
    let (again, written) = rewrite(file);
    if again.is_empty() {
        return;
    }
    let read = read(&again, usize::MAX);
    assert_eq!((read.faults, read.ending), (Faults::default(), Step::End { length: 1 }));
    assert_eq!(read.told, written);
});

/// Everything that a reader tells.
#[derive(Debug, PartialEq)]
struct Reading {
    told: Vec<String>,
    faults: Faults,
    ending: Step,
}

fn read(mut bytes: &[u8], at_once: usize) -> Reading {
    let (mut reader, mut faults, mut preamble, mut told) =
        (Reader::new(), Faults::default(), None, Vec::new());
    let mut there = at_once.min(bytes.len());
    loop {
        let step = reader.step(&bytes[..there]);
        let length = match (step, &preamble) {
            (Step::Preamble { length }, _) => {
                match FilePreamble::parse(&bytes[..length], &mut faults) {
                    Ok(read) => preamble = Some(read),
                    Err(refused) => return Reading { told, faults, ending: Step::Refused(refused) },
                }
                length
            }
            (Step::Block { length }, Some(preamble)) => {
                tell(Block::parse(&bytes[..length], preamble), &mut faults, &mut told);
                length
            }
            (Step::More, _) if there < bytes.len() => {
                there = at_once.saturating_add(there).min(bytes.len());
                continue;
            }
            (Step::More, Some(preamble)) => {
                tell(Block::parse_cut(bytes, preamble), &mut faults, &mut told);
                return Reading { told, faults, ending: step };
            }
            _ => return Reading { told, faults, ending: step },
        };
        assert!(length <= there, "only what has come is taken");
        (bytes, there) = (&bytes[length..], there - length);
    }
}

fn tell(block: Result<Block, Refused>, faults: &mut Faults, told: &mut Vec<String>) {
    let block = match block {
        Ok(block) => block,
        Err(refused) => return told.push(refused.to_string()),
    };
    faults.merge(block.faults());
    block.for_each_item(faults, |item| told.push(format!("{item:?}")));
    block.for_each_event(faults, |event| told.push(format!("{event:?}")));
    block.for_each_malformed(faults, |message| told.push(format!("{message:?}")));
}

/// The whole blocks of a file, written again; and what was written. Nothing if times cannot be kept, which may be before 1970
/// or counted in less than nanoseconds, or if so many records are named that a shorter file may not name them all.
fn rewrite(mut bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let (mut out, mut told) = (Vec::new(), Vec::new());
    let (mut reader, mut faults) = (Reader::new(), Faults::default());
    let Step::Preamble { length } = reader.step(bytes) else { return (out, told) };
    let Ok(mut preamble) = FilePreamble::parse(&bytes[..length], &mut faults) else { return (out, told) };
    bytes = &bytes[length..];
    // Everything is stored, of addresses too: those that are read have no more than their prefix.
    let storage = &mut preamble.parameters[0].storage;
    if !(1..=1_000_000_000).contains(&storage.ticks_per_second) {
        return (out, told);
    }
    storage.hints = dpp::cdns::Hints::ALL;
    let prefixes = [
        &mut storage.client_prefix_v4,
        &mut storage.client_prefix_v6,
        &mut storage.server_prefix_v4,
        &mut storage.server_prefix_v6,
    ];
    prefixes.into_iter().for_each(|prefix| *prefix = None);
    preamble.parameters.truncate(1);
    let mut writer = Writer::new(preamble.clone(), 7);
    writer.begin(&mut out);
    while let Step::Block { length } = reader.step(bytes) {
        let Ok(block) = Block::parse(&bytes[..length], &preamble) else { return Default::default() };
        let (mut times_can_be_kept, mut records) = (true, 0);
        block.for_each_item(&mut faults, |item| {
            let delayed = item.time_ns.unwrap_or(0).checked_add(item.delay_ns.unwrap_or(0));
            times_can_be_kept &= item.time_ns.unwrap_or(0) >= 0 && delayed.is_some();
            for side in [item.query, item.response] {
                records += side.questions.len() + side.answers.len();
                records += side.authority.len() + side.additional.len();
            }
            told.push(format!("{item:?}"));
            writer.add(item);
        });
        block.for_each_event(&mut faults, |event| {
            told.push(format!("{event:?}"));
            writer.add_event(event);
        });
        block.for_each_malformed(&mut faults, |message| {
            times_can_be_kept &= message.time_ns.unwrap_or(0) >= 0;
            told.push(format!("{message:?}"));
            writer.add_malformed(message);
        });
        if !times_can_be_kept || records > 50_000 {
            return Default::default();
        }
        writer.set_statistics(block.statistics().clone());
        writer.finish_block(&mut out);
        bytes = &bytes[length..];
    }
    writer.end(&mut out);
    (out, told)
}
