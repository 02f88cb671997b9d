//! Streams of the .xz format 1.2, unpacked by liblzma, which checks each block.
//!
//! Called through [`super::FORMATS`].

use liblzma::stream::{Action, Error, Status, Stream};

use super::step::{State, Step, Stepped, Stride};
use super::{Unpack, WINDOW_BYTES_MAX};
use crate::intake::Intake;

pub(super) fn unpack(intake: Intake) -> Box<dyn Unpack> {
    Box::new(Stepped::<Xz>::new(intake))
}

struct Xz(Stream);

impl Default for Xz {
    fn default() -> Xz {
        Xz(Stream::new_stream_decoder(WINDOW_BYTES_MAX, 0).expect("a decoder without flags can be made"))
    }
}

impl Step for Xz {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Stride {
        let before = (self.0.total_in(), self.0.total_out());
        let state = match self.0.process(input, out, Action::Run) {
            Ok(Status::StreamEnd) => State::Ended,
            Ok(_) => State::Inside,
            Err(Error::MemLimit) => State::Failed(too_large()),
            Err(error) => State::Failed(error.to_string()),
        };
        let taken = (self.0.total_in() - before.0) as usize;
        Stride { taken, given: (self.0.total_out() - before.1) as usize, state }
    }
}

fn too_large() -> String {
    format!("it needs more than {} MiB to unpack; use xz -dc FILE | dpp -", WINDOW_BYTES_MAX >> 20)
}
