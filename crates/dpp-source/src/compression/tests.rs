//! Claims about every compression: whole, concatenated, cut, damaged, followed by other things.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::testing::{Failing, Place, Trickle, capture, drain, pack};

const ALL: [Compression; 5] =
    [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Lz4, Compression::Bzip2];

/// Reads as large as the engine's.
const STEP: usize = 256 * 1024;

/// What `packed` unpacks to, how that ended, and the warnings.
fn outcome(
    compression: Compression,
    packed: impl Read + Send + 'static,
) -> (Vec<u8>, io::Result<()>, Vec<String>) {
    let warnings = Warnings::default();
    let (plain, end) = drain(unpack(compression, Intake::new(packed), warnings.clone()), STEP);
    (plain, end, warnings.list())
}

/// `packed` unpacks to `plain` without a word.
fn check(compression: Compression, packed: Vec<u8>, plain: &[u8]) {
    let (unpacked, end, warnings) = outcome(compression, io::Cursor::new(packed));
    end.unwrap_or_else(|error| panic!("{compression:?}: {error}"));
    assert!(unpacked == plain, "{compression:?}: {} bytes for {}", unpacked.len(), plain.len());
    assert_eq!(warnings, [""; 0], "{compression:?}");
}

/// `packed` ends in an error of this kind, of which the message is given.
fn check_trouble(compression: Compression, packed: Vec<u8>, kind: io::ErrorKind) -> (Vec<u8>, String) {
    let (unpacked, end, _) = outcome(compression, io::Cursor::new(packed));
    let error = end.expect_err(compression.name());
    assert_eq!(error.kind(), kind, "{compression:?}: {error}");
    (unpacked, error.to_string())
}

#[test]
fn each_is_recognised_by_its_first_bytes() {
    for compression in ALL {
        assert_eq!(recognise(&pack(compression, b"")[..MAGIC_MAX]), Some(compression));
    }
    assert_eq!(recognise(&capture(MAGIC_MAX)), None);
    assert_eq!(recognise(b"\x1f"), None, "half a magic number is none");
}

#[test]
fn one_member_gives_its_bytes() {
    for compression in ALL {
        for len in [0, 1, 24, 1000, 700_000] {
            check(compression, pack(compression, &capture(len)), &capture(len));
        }
    }
}

#[test]
fn concatenated_members_give_all_their_bytes() {
    for compression in ALL {
        let parts = [capture(300), vec![], capture(100_000), capture(1)];
        let packed: Vec<_> = parts.iter().map(|part| pack(compression, part)).collect();
        check(compression, packed.concat(), &parts.concat());
    }
}

#[test]
fn lz4_frames_may_differ_in_block_size_and_linkage() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let frame = |size, mode| {
        let mut encoder =
            FrameEncoder::with_frame_info(FrameInfo::new().block_size(size).block_mode(mode), vec![]);
        encoder.write_all(&capture(300_000)).unwrap();
        encoder.finish().unwrap()
    };
    let packed = [
        frame(BlockSize::Max4MB, BlockMode::Independent),
        frame(BlockSize::Max64KB, BlockMode::Linked),
        frame(BlockSize::Max256KB, BlockMode::Linked),
        frame(BlockSize::Max64KB, BlockMode::Independent),
    ];
    check(Compression::Lz4, packed.concat(), &capture(300_000).repeat(4));
}

#[test]
fn bytes_may_come_one_at_a_time() {
    for compression in ALL {
        let packed = [pack(compression, &capture(3000)), pack(compression, &capture(50))].concat();
        let (unpacked, end, _) = outcome(compression, Trickle::of(&packed));
        end.unwrap();
        assert_eq!(unpacked, [capture(3000), capture(50)].concat(), "{compression:?}");
    }
}

#[test]
fn small_reads_give_the_same_bytes() {
    for compression in ALL {
        let packed = pack(compression, &capture(5000));
        let intake = Intake::new(io::Cursor::new(packed));
        let (unpacked, end) = drain(unpack(compression, intake, Warnings::default()), 3);
        end.unwrap();
        assert_eq!(unpacked, capture(5000), "{compression:?}");
    }
}

#[test]
fn a_cut_stream_gives_a_prefix_and_says_where_it_was_cut() {
    for compression in ALL {
        let plain = [capture(2000), capture(3000)].concat();
        let first = pack(compression, &plain[..2000]);
        let packed = [first.clone(), pack(compression, &plain[2000..])].concat();
        for cut in (1..packed.len()).step_by(7).chain(first.len() - 1..first.len() + 9) {
            if cut == first.len() {
                check(compression, packed[..cut].to_vec(), &plain[..2000]);
                continue;
            }
            let (unpacked, message) =
                check_trouble(compression, packed[..cut].to_vec(), io::ErrorKind::UnexpectedEof);
            assert_eq!(message, format!("the {} stream is cut off at its byte {cut}", compression.name()));
            assert!(plain.starts_with(&unpacked));
            assert!(
                cut < first.len() || unpacked.len() >= 2000,
                "{compression:?}: the first member is whole"
            );
        }
    }
}

#[test]
fn a_longer_piece_never_gives_less() {
    for compression in ALL {
        let packed = pack(compression, &capture(600_000));
        let given = |cut: usize| outcome(compression, io::Cursor::new(packed[..cut].to_vec())).0.len();
        let given: Vec<_> = (1..=8).map(|eighths| given(packed.len() * eighths / 8)).collect();
        assert!(given.is_sorted(), "{compression:?}: {given:?}");
        assert!(given[3] > 100_000, "{compression:?}: half of the stream gave {} bytes", given[3]);
        assert_eq!(given[7], 600_000);
    }
}

#[test]
fn a_wrong_byte_is_noticed_or_harmless() {
    for compression in ALL {
        let plain = [capture(2000), capture(3000)].concat();
        let first = pack(compression, &plain[..2000]);
        let packed = [first.clone(), pack(compression, &plain[2000..])].concat();
        for at in (first.len() + MAGIC_MAX..packed.len()).step_by(7) {
            let mut packed = packed.clone();
            packed[at] ^= 0x55;
            let (unpacked, end, _) = outcome(compression, io::Cursor::new(packed));
            assert!(unpacked.starts_with(&plain[..2000]), "{compression:?}: the first member is whole");
            match end {
                Ok(()) => assert!(unpacked == plain, "{compression:?}: damage at {at} went unnoticed"),
                Err(error) => assert!(
                    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof),
                    "{compression:?}: {error:?}"
                ),
            }
        }
    }
}

#[test]
fn what_was_unpacked_before_the_damage_is_given_first() {
    for compression in ALL {
        let plain = capture(800_000);
        let mut packed = pack(compression, &plain);
        let at = packed.len() * 3 / 4;
        packed[at..at + 64].fill(0xff);
        let (unpacked, message) = check_trouble(compression, packed, io::ErrorKind::InvalidData);
        assert!(unpacked.len() > 400_000, "{compression:?}: only {} bytes came", unpacked.len());
        assert_eq!(unpacked[..400_000], plain[..400_000], "{compression:?}");
        let expected = format!("the {} stream is damaged near its byte ", compression.name());
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn zeros_behind_the_last_member_are_padding() {
    for compression in [Compression::Gzip, Compression::Bzip2, Compression::Xz] {
        let member = pack(compression, b"abc");
        check(compression, [&member[..], &[0; 512]].concat(), b"abc");
        check(compression, [&member[..], &[0; 4], &member].concat(), b"abcabc");
    }
}

#[test]
fn what_the_tool_ignores_behind_the_last_member_is_a_warning() {
    for compression in [Compression::Gzip, Compression::Bzip2] {
        let member = pack(compression, b"abc");
        let (unpacked, end, warnings) =
            outcome(compression, io::Cursor::new([&member[..], b"something else"].concat()));
        end.unwrap();
        assert_eq!(unpacked, b"abc");
        let (name, at) = (compression.name(), member.len());
        assert_eq!(
            warnings,
            [format!("what follows byte {at} of the {name} stream is no {name} and was ignored")]
        );
    }
}

#[test]
fn what_the_tool_refuses_behind_the_last_member_is_damage() {
    for compression in [Compression::Zstd, Compression::Xz, Compression::Lz4] {
        let packed = [&pack(compression, b"abc")[..], b"something else"].concat();
        let (unpacked, message) = check_trouble(compression, packed, io::ErrorKind::InvalidData);
        assert_eq!(unpacked, b"abc");
        let (name, at) = (compression.name(), pack(compression, b"abc").len());
        assert_eq!(
            message,
            format!("the {name} stream is damaged near its byte {at}: what follows is no {name}")
        );
    }
}

#[test]
fn skippable_frames_are_skipped_wherever_they_stand() {
    let skippable = [&b"\x5e\x2a\x4d\x18\x03\0\0\0xyz"[..], b"\x50\x2a\x4d\x18\0\0\0\0"].concat();
    for compression in [Compression::Zstd, Compression::Lz4] {
        let member = pack(compression, b"abc");
        check(compression, [&skippable[..], &member, &skippable, &member, &skippable].concat(), b"abcabc");
        let cut = [&member[..], &skippable[..10]].concat();
        assert_eq!(check_trouble(compression, cut, io::ErrorKind::UnexpectedEof).0, b"abc");
    }
    assert_eq!(recognise(&skippable), Some(Compression::Zstd));
}

#[test]
fn an_error_from_below_passes_unchanged() {
    for compression in ALL {
        let packed = pack(compression, &capture(3000));
        for len in [packed.len() / 2, packed.len(), packed.len() - 1] {
            let (unpacked, end, _) = outcome(compression, Failing::after(&packed[..len]));
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "{compression:?}");
            assert!(capture(3000).starts_with(&unpacked));
        }
    }
}

#[test]
fn any_compression_unpacks_inside_any_other() {
    for outer in ALL {
        for inner in ALL {
            let packed = pack(outer, &pack(inner, &capture(5000)));
            let between = unpack(outer, Intake::new(io::Cursor::new(packed)), Warnings::default());
            let (unpacked, end, _) = outcome(inner, between);
            end.unwrap();
            assert_eq!(unpacked, capture(5000), "{inner:?} in {outer:?}");
        }
    }
}

#[test]
fn a_cut_outside_is_not_blamed_on_the_inside() {
    let packed = pack(Compression::Zstd, &pack(Compression::Lz4, &capture(5000)));
    let cut = packed.len() / 2;
    let between =
        unpack(Compression::Zstd, Intake::new(io::Cursor::new(packed[..cut].to_vec())), Warnings::default());
    let (_, end, _) = outcome(Compression::Lz4, between);
    assert_eq!(end.unwrap_err().to_string(), format!("the zstd stream is cut off at its byte {cut}"));
}

/// A frame of one raw block "a" whose header claims a window of 2^(10 + exponent) bytes (RFC 8878 3.1.1.1.2).
fn frame_with_window(exponent: u8) -> Vec<u8> {
    [&b"\x28\xb5\x2f\xfd\x00"[..], &[exponent << 3], b"\x09\0\0a"].concat()
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    assert_eq!(1 << (10 + 17), WINDOW_BYTES_MAX);
    check(Compression::Zstd, frame_with_window(17), b"a");
    check_trouble(Compression::Zstd, frame_with_window(18), io::ErrorKind::InvalidData);
}

#[test]
fn what_the_command_line_tools_write_is_read() {
    let place = Place::new();
    let plain = capture(300_000);
    let file = place.file("capture", &plain);
    for compression in ALL {
        let packed = packed_by_tool(compression.name(), &file);
        assert_eq!(recognise(&packed), Some(compression));
        check(compression, [&packed[..], &packed].concat(), &plain.repeat(2));
    }
}

/// The tool's name is the compression's.
fn packed_by_tool(tool: &str, file: &Path) -> Vec<u8> {
    let output = Command::new(tool).arg("-c").arg(file).output();
    let install = format!("{tool} must be installed: apt-get install gzip zstd xz-utils lz4 bzip2");
    let output = output.expect(&install);
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
