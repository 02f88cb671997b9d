//! [`Stepped`]: unpacks members with a library that takes and gives bytes in steps.
//!
//! zlib, zstd, liblzma and bzip2 share one shape: some bytes in, some bytes out, and word of the end. The
//! surprising fact: a step may give bytes *and* fail; the bytes are delivered first, the failure next time.
//! The files of those formats make these.

use super::{Fault, Unpack};
use crate::intake::Intake;

/// A decompressor in the middle of one member.
pub(super) trait Step: Default + Send {
    /// Unpacks what it can of `input` into `out`.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Stride;
}

/// What one step did.
pub(super) struct Stride {
    /// Bytes taken from the input.
    pub(super) taken: usize,
    /// Bytes put into the output.
    pub(super) given: usize,
    /// Where that leaves the member.
    pub(super) state: State,
}

/// Where a member stands.
pub(super) enum State {
    /// Somewhere inside.
    Inside,
    /// At its end.
    Ended,
    /// In trouble; the library's words.
    Failed(String),
}

/// Unpacks members by steps.
pub(super) struct Stepped<S> {
    intake: Intake,
    step: S,
    state: State,
}

impl<S: Step> Stepped<S> {
    pub(super) fn new(intake: Intake) -> Stepped<S> {
        Stepped { intake, step: S::default(), state: State::Inside }
    }

    /// One step over what is here; gives the bytes unpacked. More is fetched only after a step that came to
    /// nothing: while a library still holds unpacked bytes, a silent pipe shall not delay them.
    fn advance(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let input = self.intake.buffered();
        let len = input.len();
        let Stride { taken, given, state } = self.step.step(input, out);
        self.intake.take(taken);
        self.state = state;
        if given > 0 || !matches!(self.state, State::Inside) {
            return Ok(given);
        }
        if taken == 0 && len > 0 {
            return Err(Fault::Damaged("it makes no progress".to_owned()));
        }
        if taken == len && self.intake.refill() == 0 {
            return Err(Fault::CutOff);
        }
        Ok(0)
    }
}

impl<S: Step> Unpack for Stepped<S> {
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn begin(&mut self) {
        self.step = S::default();
        self.state = State::Inside;
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match &self.state {
                State::Ended => return Ok(0),
                State::Failed(why) => return Err(Fault::Damaged(why.clone())),
                State::Inside => {}
            }
            let given = self.advance(out)?;
            if given > 0 {
                return Ok(given);
            }
        }
    }
}
