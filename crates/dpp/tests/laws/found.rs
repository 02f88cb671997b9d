//! What fuzzing found: each a capture, as small as it can be, with what must come of it.
//!
//! The inputs themselves are among the seeds of `fuzz/`, which are tried first in every run; here it is said what was wrong.

use crate::production::{machine, plain, run};
use dpp::capture::Ending;
use dpp::plan::Plan;

/// Section header, then what comes behind it; in big-endian order.
fn pcapng(blocks: &[u8]) -> Vec<u8> {
    let section =
        b"\x0A\x0D\x0D\x0A\0\0\0\x1C\x1A\x2B\x3C\x4D\0\x01\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\x1C";
    [&section[..], blocks].concat()
}

/// A length of 0xFFFFFFFD or more, filled up to a multiple of four, is none that 32 bits can tell. Taken for 0 it would stand still.
#[test]
fn a_block_of_the_greatest_length_is_cut_off_where_it_starts() {
    for length in [0xFFFF_FFFC_u32, 0xFFFF_FFFD, u32::MAX] {
        let length = length.to_be_bytes();
        let section = [b"\x0A\x0D\x0D\x0A", &length[..], b"\x1A\x2B\x3C\x4D", &[0; 16]].concat();
        cut_off_at(0, &section);
        let unknown = [b"\0\0\x0B\xAD", &length[..], &[0; 16]].concat();
        cut_off_at(28, &pcapng(&unknown));
        let packet = [b"\0\0\0\x06", &length[..], &[0; 40]].concat();
        match ending(&pcapng(&packet)) {
            Ending::Damaged { offset: 28, .. } => {}
            other => panic!("a packet block of the greatest length: {other:?}"),
        }
    }
}

fn cut_off_at(expected: u64, capture: &[u8]) {
    match ending(capture) {
        Ending::CutOff { offset } => assert_eq!(offset, expected),
        other => panic!("{other:?}"),
    }
}

/// How a capture without packets ends, whatever the chunks.
fn ending(capture: &[u8]) -> Ending {
    let [one, other] = [plain(), machine(2, 1, 1, 0)].map(|machine| run(capture, &Plan::default(), &machine));
    assert_eq!((one.outcome.totals.read.packets, other.outcome.totals.read.packets), (0, 0));
    assert_eq!(format!("{:?}", one.outcome.ending), format!("{:?}", other.outcome.ending));
    one.outcome.ending
}

#[test]
fn what_lies_behind_damage_is_not_waited_for() {
    let header = [b"\xA1\xB2\xC3\xD4\0\x02\0\x04", &[0; 8][..], &[0, 4, 0, 0, 0, 0, 0, 1]].concat();
    let empty_packet = [0; 16];
    // More than is read at once.
    let capture = [&header[..], &empty_packet, &vec![0xFF; 1 << 20]].concat();
    for machine in [plain(), machine(2, 1, 1, 0)] {
        let outcome = run(&capture[..], &Plan::default(), &machine).outcome;
        assert_eq!(outcome.totals.read.packets, 1);
        assert!(matches!(outcome.ending, Ending::Damaged { offset: 40, .. }), "{:?}", outcome.ending);
    }
}
