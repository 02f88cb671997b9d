//! The inputs of a run, and what became of them.
//!
//! A capture may come in any number of inputs: files of a rotation, or one for each interface. They are numbered from 0 in
//! the order in which they are opened, and opened one at a time, when the one before has been read; so there may be
//! thousands.

use super::{CaptureError, Ending};
use crate::limits;
use std::io::{self, Read};
use std::iter::{Once, once};
use thiserror::Error;

/// Inputs, opened one after the other. Every iterator over opened readers is that.
pub trait Inputs: Send {
    /// An opened input.
    type Input: Read + Send;

    /// Opens the next input; `None` after the last. An error concerns that input only: there may be more behind it.
    fn open_next(&mut self) -> Option<io::Result<Self::Input>>;
}

impl<R: Read + Send, I: Iterator<Item = io::Result<R>> + Send> Inputs for I {
    type Input = R;

    fn open_next(&mut self) -> Option<io::Result<R>> {
        self.next()
    }
}

/// One input, already open.
///
/// ```
/// use dpp::capture::{self, Inputs};
/// let mut inputs = capture::single(&b"bytes of a capture"[..]);
/// assert!(inputs.open_next().is_some() && inputs.open_next().is_none());
/// ```
pub fn single<R: Read + Send>(input: R) -> Once<io::Result<R>> {
    once(Ok(input))
}

/// Why a run cannot go on, and with which input.
#[derive(Debug, Error)]
#[error("input {input} cannot be read")]
pub struct InputError {
    /// The number of the input, from 0.
    pub input: usize,
    /// What is wrong with it.
    #[source]
    pub error: CaptureError,
}

/// What became of the inputs.
#[derive(Debug, Default)]
pub struct InputsRead {
    /// Captures that were read, as far as they could be.
    pub captures: u64,
    /// Captures that did not end after a whole record, and how they did.
    pub endings: Listed<Ending>,
    /// Frames that were passed over because they are longer than any that makes sense.
    pub too_long: u64,
}

/// What there is to say about some inputs.
#[derive(Debug)]
pub struct Listed<T> {
    /// About how many.
    pub count: u64,
    /// The first of them, at most [`LISTED_MAX`](limits::LISTED_MAX), by their numbers.
    pub first: Vec<(usize, T)>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed { count: 0, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    pub(super) fn add(&mut self, input: usize, what: T) {
        self.count += 1;
        if self.first.len() < limits::LISTED_MAX {
            self.first.push((input, what));
        }
    }
}

impl InputsRead {
    pub(super) fn ended(&mut self, input: usize, ending: Ending) {
        if !matches!(ending, Ending::Complete) {
            self.endings.add(input, ending);
        }
    }

    /// How the inputs ended as a whole: all complete, or as the first that was not.
    pub fn ending(&self) -> Ending {
        self.endings.first.first().map_or(Ending::Complete, |(_, ending)| ending.clone())
    }
}
