//! RDATA, read from its start to its end. Everything gives `None` where there is not enough of it.

use super::veil::{HIDDEN, Veil};
use crate::dns::{Record, name, text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) struct Reader<'a> {
    /// Where names are read, for they may be compressed.
    message: &'a [u8],
    /// Where in the message the RDATA starts.
    start: usize,
    rdata: &'a [u8],
    /// How much of the RDATA was read.
    at: usize,
    /// What is written instead of names and addresses.
    pub(super) veil: Option<&'a dyn Veil>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(message: &'a [u8], record: &Record<'a>) -> Self {
        Reader { message, start: record.rdata_at, rdata: record.rdata, at: 0, veil: None }
    }

    /// A part of it, as something to read on its own. Names in it cannot be compressed.
    pub(super) fn over(&self, rdata: &'a [u8]) -> Self {
        Reader { message: rdata, start: 0, rdata, at: 0, veil: self.veil }
    }

    /// Whether nothing may be shown that could hold a name or an address.
    pub(super) fn is_dense(&self) -> bool {
        self.veil.is_some_and(Veil::is_dense)
    }

    /// Appends a field that could hold one: as `write` has it, or not at all.
    pub(super) fn write_open(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        let start = out.len();
        write(self, out)?;
        if self.is_dense() {
            out.truncate(start);
            out.extend_from_slice(HIDDEN);
        }
        Some(())
    }

    /// Appends a name.
    pub(super) fn write_name(&self, name: &[u8], out: &mut Vec<u8>) {
        match self.veil {
            None => name::write_absolute(name, out),
            Some(veil) => veil.name(name, out),
        }
    }

    /// Appends the next four octets as an address.
    pub(super) fn write_ipv4(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let address = Ipv4Addr::from(self.array::<4>()?);
        match self.veil {
            None => text::ipv4(address, out),
            Some(veil) => veil.address(IpAddr::V4(address), out),
        }
        Some(())
    }

    /// Appends the next sixteen octets as an address.
    pub(super) fn write_ipv6(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let address = Ipv6Addr::from(self.array::<16>()?);
        match self.veil {
            None => text::ipv6(address, out),
            Some(veil) => veil.address(IpAddr::V6(address), out),
        }
        Some(())
    }

    /// How much of it was read.
    pub(super) fn at(&self) -> usize {
        self.at
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
