//! A slow input. The fuzz targets read through it too.

use std::io::{self, Read};

/// A reader that hands out at most so many bytes at a time, and is interrupted by a signal before each.
pub(crate) struct Trickle<R> {
    pub(crate) input: R,
    pub(crate) bytes: usize,
    pub(crate) interrupted: bool,
}

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted ^= true;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = buffer.len().min(self.bytes);
        self.input.read(&mut buffer[..most])
    }
}
