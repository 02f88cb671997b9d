//! [`Members`]: the rule for what follows what in a compressed file, the same for every format.
//!
//! A member, then perhaps another, then what the format allows as a tail. The surprising fact: an end inside
//! the first bytes of a further member is a cut, while an end exactly between two members cannot be told
//! from a complete file. [`super::unpack`] makes these; the layer above reads them.

use std::io::{self, Read};

use super::{Fault, Format, MAGIC_MAX, Tail, Unpack, begins_skippable};
use crate::intake::Intake;
use crate::source::Warnings;

/// The bytes of all members, one after the other.
pub(super) struct Members {
    format: &'static Format,
    unpack: Box<dyn Unpack>,
    inside: bool,
    warnings: Warnings,
}

/// How a compressed stream failed, and where.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the {name} stream is cut off at its byte {end}")]
    CutOff { name: &'static str, end: u64 },
    #[error("the {name} stream is damaged near its byte {position}: {why}")]
    Damaged { name: &'static str, position: u64, why: String },
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.unpacked(out).map_err(|fault| self.explain(fault))
    }
}

impl Members {
    pub(super) fn new(format: &'static Format, intake: Intake, warnings: Warnings) -> Members {
        Members { format, unpack: (format.unpack)(intake), inside: false, warnings }
    }

    fn unpacked(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        while self.inside || self.next_begins()? {
            match self.unpack.read(out)? {
                0 => self.inside = false,
                unpacked => return Ok(unpacked),
            }
        }
        Ok(0)
    }

    /// Goes to the next member, if there is one.
    fn next_begins(&mut self) -> Result<bool, Fault> {
        self.skip_frames()?;
        if self.format.tail != Tail::Nothing {
            self.skip_zeros();
        }
        let magic = self.format.magic;
        let head = self.unpack.intake().ahead(MAGIC_MAX);
        if head.starts_with(magic) {
            self.unpack.begin();
            self.inside = true;
        } else if head.is_empty() {
            return self.end();
        } else if magic.starts_with(head) {
            return Err(Fault::CutOff);
        } else {
            return self.tail();
        }
        Ok(true)
    }

    /// No bytes are left: the end, or what kept them from coming.
    fn end(&mut self) -> Result<bool, Fault> {
        match self.unpack.intake().has_trouble() {
            true => Err(Fault::CutOff),
            false => Ok(false),
        }
    }

    /// What follows is no member.
    fn tail(&mut self) -> Result<bool, Fault> {
        let name = self.format.name;
        if self.format.tail != Tail::Anything {
            return Err(Fault::Damaged(format!("what follows is no {name}")));
        }
        let position = self.unpack.intake().position();
        self.warnings
            .push(format!("what follows byte {position} of the {name} stream is no {name} and was ignored"));
        Ok(false)
    }

    fn skip_zeros(&mut self) {
        let intake = self.unpack.intake();
        while intake.ahead(1) == [0] {
            let zeros = intake.buffered().iter().take_while(|&&byte| byte == 0).count();
            intake.take(zeros);
        }
    }

    fn skip_frames(&mut self) -> Result<(), Fault> {
        while self.format.skippable && begins_skippable(self.unpack.intake().ahead(4)) {
            self.skip_frame()?;
        }
        Ok(())
    }

    fn skip_frame(&mut self) -> Result<(), Fault> {
        let intake = self.unpack.intake();
        let &[_, _, _, _, a, b, c, d] = intake.ahead(8) else { return Err(Fault::CutOff) };
        let len = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
        if intake.skip(len) { Ok(()) } else { Err(Fault::CutOff) }
    }

    /// The fault as an error for the layer above. What ended the layer below is the better explanation.
    fn explain(&mut self, fault: Fault) -> io::Error {
        let name = self.format.name;
        let intake = self.unpack.intake();
        if let Some(trouble) = intake.take_trouble() {
            return trouble;
        }
        let (position, end) = (intake.position(), intake.position() + intake.buffered().len() as u64);
        match fault {
            Fault::CutOff => io::Error::new(io::ErrorKind::UnexpectedEof, Trouble::CutOff { name, end }),
            Fault::Damaged(why) => {
                io::Error::new(io::ErrorKind::InvalidData, Trouble::Damaged { name, position, why })
            }
        }
    }
}
