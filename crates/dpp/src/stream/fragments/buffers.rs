//! Memory for bytes that wait: buffers whose room is a power of two, of which a few are kept for the next datagram.

use crate::stream::steps::steps;

/// The room of a buffer for so many bytes, which is what they are charged.
pub(super) fn room(bytes: usize) -> usize {
    bytes.next_power_of_two().max(SMALLEST)
}

const SMALLEST: usize = 256;
/// Rooms that are kept: the allocator is quick with smaller ones, and larger ones are rare.
const KEPT: [usize; 3] = [2 << 10, 4 << 10, 8 << 10];
/// How many of each.
const KEPT_MAX: usize = 2;
/// What they come to.
#[cfg(test)]
pub(super) const KEPT_BYTES: usize = KEPT_MAX * (KEPT[0] + KEPT[1] + KEPT[2]);

#[derive(Debug, Default)]
pub(super) struct Buffers {
    kept: [Vec<Vec<u8>>; KEPT.len()],
}

impl Buffers {
    /// Makes room for `more` bytes.
    pub(super) fn reserve(&mut self, buffer: &mut Vec<u8>, more: usize) {
        let needed = buffer.len() + more;
        if needed <= buffer.capacity() {
            return;
        }
        steps(buffer.len());
        let mut larger = self.with_room(room(needed));
        larger.extend_from_slice(buffer);
        self.give_back(std::mem::replace(buffer, larger));
    }

    fn with_room(&mut self, room: usize) -> Vec<u8> {
        let kept = KEPT.iter().position(|&kept| kept == room).and_then(|class| self.kept[class].pop());
        kept.unwrap_or_else(|| Vec::with_capacity(room))
    }

    /// Takes a buffer that is no longer needed.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        let Some(class) = KEPT.iter().position(|&kept| kept == buffer.capacity()) else { return };
        if self.kept[class].len() < KEPT_MAX {
            buffer.clear();
            self.kept[class].push(buffer);
        }
    }
}
