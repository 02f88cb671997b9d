//! RDATA, read from its start to its end. Everything gives `None` where there is not enough of it.

use crate::dns::{Record, name};

pub(super) struct Reader<'a> {
    /// Where names are read, for they may be compressed.
    message: &'a [u8],
    /// Where in the message the RDATA starts.
    start: usize,
    rdata: &'a [u8],
    /// How much of the RDATA was read.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn of(message: &'a [u8], record: &Record<'a>) -> Self {
        Reader { message, start: record.rdata_at, rdata: record.rdata, at: 0 }
    }

    /// What follows, as something to read on its own. Names in it cannot be compressed.
    pub(super) fn over(rdata: &'a [u8]) -> Self {
        Reader { message: rdata, start: 0, rdata, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.rdata.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.rdata[self.at..].get(..length)?;
        self.at += length;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A length octet and as many octets.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// The same, with the length octet.
    pub(super) fn counted_whole(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.counted()?;
        Some(&self.rdata[start..self.at])
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.rdata[self.at..];
        self.at = self.rdata.len();
        rest
    }

    /// All that is left, at least one octet.
    pub(super) fn some(&mut self) -> Option<&'a [u8]> {
        Some(self.rest()).filter(|rest| !rest.is_empty())
    }

    /// A name that may be compressed, but not reach over the end of the RDATA.
    pub(super) fn name<'b>(&mut self, scratch: &'b mut [u8; name::WIRE_MAX]) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let (wire, end) = name::read(self.message, self.start.saturating_add(self.at), scratch).ok()?;
        self.at = end.checked_sub(self.start).filter(|end| *end <= self.rdata.len())?;
        Some(wire)
    }

    /// A name that must not be compressed.
    pub(super) fn uncompressed_name(&mut self) -> Option<&'a [u8]> {
        let wire = name::uncompressed(self.rdata, self.at)?;
        self.take(wire.len())
    }
}
