//! Where a record batch ends.
//!
//! Each lane asks for itself and gets the same answer, because it depends on nothing but the rows: a batch is full
//! behind so many rows, or before the one whose lists, texts and bytes would make it too heavy.

/// What the values of a batch that may have any length take, at most, if it has more than one row. A row of nothing
/// but records, compressed to the utmost, comes to some 6 MiB.
pub(super) const BYTES_MAX: u64 = 16 << 20;

/// How full a batch is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    rows_max: usize,
    bytes_max: u64,
    rows: usize,
    bytes: u64,
}

impl Cut {
    pub(super) fn new(rows_max: usize, bytes_max: u64) -> Self {
        Cut { rows_max, bytes_max, rows: 0, bytes: 0 }
    }

    /// How many of the next rows go into the batch, of those with these weights, whose sum is given too. None go if the
    /// batch is full.
    pub(super) fn take(&mut self, weights: &[u32], sum: u64) -> usize {
        let most = weights.len().min(self.rows_max - self.rows);
        let (mut taken, mut bytes) = (0, self.bytes);
        if most == weights.len() && bytes + sum <= self.bytes_max {
            (taken, bytes) = (most, bytes + sum);
        }
        while taken < most {
            let with_next = bytes + u64::from(weights[taken]);
            if with_next > self.bytes_max && self.rows + taken > 0 {
                break;
            }
            (bytes, taken) = (with_next, taken + 1);
        }
        self.bytes = bytes;
        self.rows += taken;
        taken
    }

    /// Begins the next batch.
    pub(super) fn begin(&mut self) {
        (self.rows, self.bytes) = (0, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows == self.rows_max
    }

    /// Rows of the batch.
    #[cfg(test)]
    fn rows(&self) -> usize {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of each batch, if weights come in pieces of such a length.
    fn batches(weights: &[u32], piece: usize) -> Vec<usize> {
        let (mut cut, mut batches) = (Cut::new(4, 100), Vec::new());
        for mut piece in weights.chunks(piece) {
            while !piece.is_empty() {
                let taken = cut.take(piece, piece.iter().map(|&weight| u64::from(weight)).sum());
                piece = &piece[taken..];
                if cut.is_full() || !piece.is_empty() {
                    batches.push(cut.rows());
                    cut.begin();
                }
            }
        }
        batches.push(cut.rows());
        batches
    }

    #[test]
    fn batches_end_at_the_same_rows_however_the_rows_come() {
        for (weights, expected) in [
            (&[0; 10][..], &[4, 4, 2][..]),
            (&[30; 7], &[3, 3, 1]),
            (&[50, 50, 1, 99], &[2, 2]),
            (&[500, 1, 500], &[1, 1, 1]),
            (&[0, 0, 0, 0], &[4, 0]),
        ] {
            for piece in 1..=weights.len() {
                assert_eq!(batches(weights, piece), expected, "{weights:?} by {piece}");
            }
        }
    }
}
