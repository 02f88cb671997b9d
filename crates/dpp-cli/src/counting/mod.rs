//! Counting captures: a run of the engine whose rows nobody writes.

pub(crate) mod numbering;
pub(crate) mod prints;
