//! gzip members (RFC 1952), unpacked by zlib-rs, which checks their CRC-32 and length.
//!
//! Called through [`super::FORMATS`].

use flate2::{Decompress, FlushDecompress, Status};

use super::Unpack;
use super::step::{State, Step, Stepped, Stride};
use crate::intake::Intake;

pub(super) fn unpack(intake: Intake) -> Box<dyn Unpack> {
    Box::new(Stepped::<Gzip>::new(intake))
}

struct Gzip(Decompress);

impl Default for Gzip {
    /// A window of 2^15 bytes is the largest there is.
    fn default() -> Gzip {
        Gzip(Decompress::new_gzip(15))
    }
}

impl Step for Gzip {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Stride {
        let before = (self.0.total_in(), self.0.total_out());
        let state = match self.0.decompress(input, out, FlushDecompress::None) {
            Ok(Status::Ok | Status::BufError) => State::Inside,
            Ok(Status::StreamEnd) => State::Ended,
            Err(error) => State::Failed(error.to_string()),
        };
        let taken = (self.0.total_in() - before.0) as usize;
        Stride { taken, given: (self.0.total_out() - before.1) as usize, state }
    }
}
