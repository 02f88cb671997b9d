//! zstd frames (RFC 8878), unpacked by libzstd, which checks their xxHash where they have one.
//!
//! libzstd itself refuses windows above 128 MiB unless told otherwise, and it is not told. Called through
//! [`super::FORMATS`].

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::Unpack;
use super::step::{State, Step, Stepped, Stride};
use crate::intake::Intake;

pub(super) fn unpack(intake: Intake) -> Box<dyn Unpack> {
    Box::new(Stepped::<Zstd>::new(intake))
}

struct Zstd(Decoder<'static>);

impl Default for Zstd {
    fn default() -> Zstd {
        Zstd(Decoder::new().expect("a decoder without dictionary can be made"))
    }
}

impl Step for Zstd {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Stride {
        let mut input = InBuffer::around(input);
        let mut out = OutBuffer::around(out);
        // The number is a guess at how much input would be welcome next; 0 says that the frame is complete.
        let state = match self.0.run(&mut input, &mut out) {
            Ok(0) => State::Ended,
            Ok(_) => State::Inside,
            Err(error) => State::Failed(error.to_string()),
        };
        Stride { taken: input.pos(), given: out.pos(), state }
    }
}
