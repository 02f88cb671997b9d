//! bzip2 streams, unpacked by libbz2-rs in blocks of up to 900 kB, each checked by its CRC.
//!
//! Called through [`super::FORMATS`].

use bzip2::{Decompress, Status};

use super::Unpack;
use super::step::{State, Step, Stepped, Stride};
use crate::intake::Intake;

pub(super) fn unpack(intake: Intake) -> Box<dyn Unpack> {
    Box::new(Stepped::<Bzip2>::new(intake))
}

struct Bzip2(Decompress);

impl Default for Bzip2 {
    /// The fast way, which takes 3.7 MB.
    fn default() -> Bzip2 {
        Bzip2(Decompress::new(false))
    }
}

impl Step for Bzip2 {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Stride {
        let before = (self.0.total_in(), self.0.total_out());
        let state = match self.0.decompress(input, out) {
            Ok(Status::StreamEnd) => State::Ended,
            Ok(Status::MemNeeded) => State::Failed("not enough memory".to_owned()),
            Ok(_) => State::Inside,
            Err(error) => State::Failed(error.to_string()),
        };
        let taken = (self.0.total_in() - before.0) as usize;
        Stride { taken, given: (self.0.total_out() - before.1) as usize, state }
    }
}
