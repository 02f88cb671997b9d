//! lz4 frames (LZ4 frame format 1.6), unpacked by lz4_flex in blocks of up to 4 MiB.
//!
//! The surprising fact: lz4_flex, the one library here that reads for itself, takes an end of the bytes
//! between two blocks for the end of the frame. A frame that is complete never asks for bytes in vain, so
//! [`Asking`] notes whether it did. Called through [`super::FORMATS`].

use std::io::{self, Read};
use std::mem;

use lz4_flex::frame::FrameDecoder;

use super::{Fault, Unpack};
use crate::intake::Intake;

pub(super) fn unpack(intake: Intake) -> Box<dyn Unpack> {
    Box::new(Lz4(FrameDecoder::new(Asking { intake, in_vain: false })))
}

struct Lz4(FrameDecoder<Asking>);

/// An intake that remembers whether it was asked for more than it had.
#[derive(Default)]
struct Asking {
    intake: Intake,
    in_vain: bool,
}

impl Read for Asking {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let given = self.intake.give(out);
        self.in_vain |= given == 0 && !out.is_empty();
        Ok(given)
    }
}

impl Unpack for Lz4 {
    fn intake(&mut self) -> &mut Intake {
        &mut self.0.get_mut().intake
    }

    /// A new decoder for each frame: an old one asserts that all frames have the block size of the first.
    fn begin(&mut self) {
        self.0 = FrameDecoder::new(mem::take(self.0.get_mut()));
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let unpacked = self.0.read(out);
        match unpacked {
            Ok(given @ 1..) => Ok(given),
            _ if self.0.get_ref().in_vain => Err(Fault::CutOff),
            Ok(_) => Ok(0),
            Err(error) => Err(Fault::Damaged(error.to_string())),
        }
    }
}
