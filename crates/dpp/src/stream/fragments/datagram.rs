//! One datagram on its way to being whole: which ranges are there, and their bytes.
//!
//! Bytes are appended as they come, and a sorted list says which range lies where. Fragments nearly always come in order;
//! then the buffer already is the payload, and nothing is copied a second time.

use super::buffers::{Buffers, room};
use super::key::Key;
use crate::packet::{Addresses, Fragment, Outer, Skip, Volume};
use crate::stream::KeptAddresses;
use crate::stream::steps::steps;

/// No datagram is longer: the length fields of IP have 16 bits.
const LENGTH_MAX: usize = 65_535;

/// The list of pieces doubles when it is full, so each is charged twice its size.
const PIECE_BYTES: usize = 2 * size_of::<Piece>();

/// The range of a datagram's payload that a fragment says it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    start: usize,
    end: usize,
    last: bool,
}

impl Extent {
    /// `None` if no datagram can have such a fragment: none of its bytes, an end beyond 65535, or an odd length with more to
    /// follow (RFC 8200 section 4.5; RFC 791 leaves no other way to state the next offset).
    pub(super) fn of(fragment: &Fragment) -> Option<Extent> {
        let (start, length) = (fragment.offset, fragment.payload_length);
        let end = start.checked_add(length)?;
        let possible = length > 0 && end <= LENGTH_MAX && (!fragment.more || length.is_multiple_of(8));
        possible.then_some(Extent { start, end, last: !fragment.more })
    }
}

/// A range that is there, and where its captured bytes are.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u16,
    length: u16,
    captured: u16,
    /// Where its bytes begin in the buffer.
    place: u16,
}

impl Piece {
    fn start(&self) -> usize {
        self.start.into()
    }

    fn end(&self) -> usize {
        self.start() + usize::from(self.length)
    }

    fn is_cut(&self) -> bool {
        self.captured < self.length
    }

    fn bytes<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        let place = usize::from(self.place);
        &buffer[place..place + usize::from(self.captured)]
    }
}

/// What a fragment is to the datagram it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New.
    New,
    /// There already, byte for byte.
    Repeated,
    /// It contradicts what is there.
    Against(Skip),
}

/// What is known from the fragment with offset 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    protocol: u8,
    outer: Outer,
    layers_left: usize,
    outermost: KeptAddresses,
}

#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) key: Key,
    /// The packets that are in it.
    pub(super) volume: Volume,
    /// The position of the first of them.
    pub(super) first_position: u64,
    /// The clock after that one, or since it went back behind that.
    pub(super) since_ns: i64,
    /// Why its fragments are dropped, if they are.
    pub(super) given_up: Option<Skip>,
    first: Option<First>,
    /// The whole length, known with the last fragment.
    length: Option<usize>,
    /// How much of it is there, by the lengths stated.
    covered: usize,
    /// By start. They do not overlap.
    pieces: Vec<Piece>,
    pub(super) buffer: Vec<u8>,
}

impl Datagram {
    pub(super) fn new(key: Key, first_position: u64, since_ns: i64) -> Datagram {
        Datagram {
            key,
            volume: Volume::default(),
            first_position,
            since_ns,
            given_up: None,
            first: None,
            length: None,
            covered: 0,
            pieces: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// What the fragment is to what is there.
    ///
    /// A wrong end is told from an overlap in the same way whichever came first: beyond the end, or another end, is
    /// malformed; anything else that covers a byte again overlaps.
    pub(super) fn judge(&self, extent: &Extent, payload: &[u8]) -> Verdict {
        let highest = self.pieces.last().map_or(0, Piece::end);
        let beyond = match self.length {
            Some(length) => extent.end > length || (extent.last && extent.end != length),
            None => extent.last && highest > extent.end,
        };
        if beyond {
            return Verdict::Against(Skip::FragmentMalformed);
        }
        let at = self.place_of(extent.start);
        let free = (at == 0 || self.pieces[at - 1].end() <= extent.start)
            && self.pieces.get(at).is_none_or(|next| extent.end <= next.start());
        match free {
            true => Verdict::New,
            false if self.repeats(extent, payload) => Verdict::Repeated,
            false => Verdict::Against(Skip::FragmentOverlap),
        }
    }

    /// Whether exactly this fragment is there. Of one that was captured shorter, the bytes that both have are compared.
    pub(super) fn repeats(&self, extent: &Extent, payload: &[u8]) -> bool {
        let Some(piece) = self.pieces.get(self.place_of(extent.start)) else { return false };
        let is_last = self.length == Some(piece.end());
        let there = piece.bytes(&self.buffer);
        let both = there.len().min(payload.len());
        (piece.start(), piece.end(), is_last) == (extent.start, extent.end, extent.last)
            && there[..both] == payload[..both]
    }

    /// The index of the first piece that starts here or later.
    fn place_of(&self, start: usize) -> usize {
        match self.pieces.last() {
            Some(last) if start <= last.start() => self.pieces.partition_point(|piece| piece.start() < start),
            _ => self.pieces.len(),
        }
    }

    pub(super) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The bytes it is charged for.
    pub(super) fn charge(&self) -> usize {
        self.charge_of(self.pieces.len(), self.buffer.len())
    }

    /// The bytes it will be charged for with one more piece.
    pub(super) fn charge_with(&self, payload: &[u8]) -> usize {
        self.charge_of(self.pieces.len() + 1, self.buffer.len() + payload.len())
    }

    fn charge_of(&self, pieces: usize, bytes: usize) -> usize {
        match pieces {
            0 => 0,
            _ => pieces * PIECE_BYTES + room(bytes),
        }
    }

    /// Puts a fragment, judged new, to the others.
    pub(super) fn put(
        &mut self,
        extent: &Extent,
        fragment: &Fragment,
        outermost: Addresses,
        volume: &Volume,
        buffers: &mut Buffers,
    ) {
        let payload = captured(fragment);
        buffers.reserve(&mut self.buffer, payload.len());
        let piece = Piece {
            start: extent.start as u16,
            length: (extent.end - extent.start) as u16,
            captured: payload.len() as u16,
            place: self.buffer.len() as u16,
        };
        self.buffer.extend_from_slice(payload);
        let place = self.place_of(extent.start);
        steps(payload.len() + self.pieces.len() - place);
        self.pieces.insert(place, piece);
        self.covered += extent.end - extent.start;
        self.volume.merge(volume);
        if extent.last {
            self.length = Some(extent.end);
        }
        if extent.start == 0 {
            let &Fragment { protocol, outer, layers_left, .. } = fragment;
            self.first = Some(First { protocol, outer, layers_left, outermost: outermost.into() });
        }
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self) -> bool {
        self.length == Some(self.covered)
    }

    /// Its length as stated, once it is whole.
    pub(super) fn length(&self) -> usize {
        self.covered
    }

    /// Puts the bytes in order. Gives how many can be read before the first that was not captured.
    pub(super) fn assemble(&mut self, buffers: &mut Buffers) -> usize {
        let hole = self.pieces.iter().find(|piece| piece.is_cut());
        steps(self.pieces.len());
        let readable = hole.map_or(self.covered, |piece| piece.start() + usize::from(piece.captured));
        let mut before_hole = self.pieces.iter().take_while(|piece| piece.start() < readable);
        if before_hole.all(|piece| piece.place == piece.start) {
            return readable;
        }
        let mut ordered = Vec::new();
        buffers.reserve(&mut ordered, self.buffer.len());
        steps(self.buffer.len());
        for piece in &mut self.pieces {
            let place = ordered.len() as u16;
            ordered.extend_from_slice(piece.bytes(&self.buffer));
            piece.place = place;
        }
        buffers.give_back(std::mem::replace(&mut self.buffer, ordered));
        readable
    }

    /// Its first fragment, with nothing in it, and the outermost addresses around that.
    pub(super) fn first(&self) -> Option<(Fragment<'_>, Addresses<'_>)> {
        let First { protocol, outer, layers_left, ref outermost } = *self.first.as_ref()?;
        let first = Fragment {
            addresses: self.key.ends.borrow(),
            protocol,
            identification: self.key.identification,
            offset: 0,
            more: true,
            payload: &[],
            payload_length: 0,
            outer,
            layers_left,
        };
        Some((first, outermost.borrow()))
    }

    /// Drops what is there. What comes later will be dropped for the same reason.
    pub(super) fn give_up(&mut self, reason: Skip, buffers: &mut Buffers) -> Volume {
        self.given_up = Some(reason);
        self.pieces = Vec::new();
        buffers.give_back(std::mem::take(&mut self.buffer));
        std::mem::take(&mut self.volume)
    }
}

/// The captured payload, never more than is stated.
pub(super) fn captured<'a>(fragment: &Fragment<'a>) -> &'a [u8] {
    &fragment.payload[..fragment.payload.len().min(fragment.payload_length)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_and_its_entries_are_small() {
        assert_eq!(size_of::<Piece>(), 8);
        assert!(size_of::<Datagram>() <= 272, "{}", size_of::<Datagram>());
    }
}
