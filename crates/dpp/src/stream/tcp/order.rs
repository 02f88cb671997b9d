//! An order of slots from which any can be taken out at once: a linked list over numbers.

const NONE: u32 = u32::MAX;

/// Slots in an order; what comes in stands last.
#[derive(Debug)]
pub(super) struct Order {
    /// For each slot, the one before and the one after.
    links: Vec<[u32; 2]>,
    first: u32,
    last: u32,
    length: usize,
}

impl Default for Order {
    fn default() -> Self {
        Order { links: Vec::new(), first: NONE, last: NONE, length: 0 }
    }
}

impl Order {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first as usize)
    }

    /// Puts a slot last that is not there.
    #[inline]
    pub(super) fn push(&mut self, slot: usize) {
        if slot >= self.links.len() {
            self.links.resize(slot + 1, [NONE; 2]);
        }
        self.links[slot] = [self.last, NONE];
        match self.last {
            NONE => self.first = slot as u32,
            last => self.links[last as usize][1] = slot as u32,
        }
        self.last = slot as u32;
        self.length += 1;
    }

    /// Takes out a slot that is there.
    #[inline]
    pub(super) fn remove(&mut self, slot: usize) {
        let [before, after] = self.links[slot];
        match before {
            NONE => self.first = after,
            before => self.links[before as usize][1] = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after as usize][0] = before,
        }
        self.length -= 1;
    }

    /// Puts a slot last that is there already.
    #[inline]
    pub(super) fn renew(&mut self, slot: usize) {
        if self.last != slot as u32 {
            self.remove(slot);
            self.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut order: Order) -> Vec<usize> {
        let mut slots = Vec::new();
        while let Some(slot) = order.first() {
            order.remove(slot);
            slots.push(slot);
        }
        assert_eq!(order.len(), 0);
        slots
    }

    #[test]
    fn what_is_taken_out_or_renewed_leaves_the_order_of_the_others() {
        let mut order = Order::default();
        [3, 1, 4, 0, 5].into_iter().for_each(|slot| order.push(slot));
        order.remove(4);
        order.renew(3);
        order.renew(3);
        order.remove(5);
        order.push(4);
        assert_eq!(all(order), [1, 0, 3, 4]);
    }
}
