//! Rows that many columns are asked about one after the other, while they are in the nearest cache.
//!
//! Most columns are numbers, and asking for one costs more than the answer does: a load, a shift, a test. So each column of
//! numbers has a loop of its own ([`Batch`]), which leaves numbers behind, not [`Value`]s. And many columns hang on something
//! that no row has, as a rule ([`Told`]): then nobody asks.

use super::{Absent, Column, Context, Field, Kind, Scratch, Value};
use crate::transaction::{Tells, Transaction};

/// The most rows of a turn.
pub const TURN_ROWS: usize = 1 << 7;

/// What there is among some rows that columns hang on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told(Tells);

impl Told {
    /// What rows tell of that tell of no more than this.
    pub fn by(tells: Tells) -> Told {
        Told(tells)
    }

    /// Whether it is certain, without asking, that this column says the same of all of the rows.
    pub fn is_alike(&self, column: Column) -> bool {
        column == Column::Input && self.0.inputs.is_some_and(|(least, largest)| least == largest)
    }

    /// Whether it is certain, without asking, that this column is absent in all of the rows.
    pub fn lacks(&self, column: Column, context: &Context) -> bool {
        use Column::*;
        let has_what_it_hangs_on = match column {
            None => false,
            Vlan | Tunnel | TunnelId => self.0.outer,
            ParseError => self.0.damage,
            TruncatedAt => self.0.cuts,
            TcpRtt | ProbeTcpRtt | EntradaTcpRtt => self.0.handshakes,
            Ecs | Padding | ProbeDau | ProbeDhu | ProbeN3u | ProbeEdnsOther => self.0.query_options,
            EcsScope | Ede | EdeText | Nsid | ResponsePadding | Keepalive => self.0.response_options,
            Country | Asn | ProbeAsn | AsOrg | DstCountry | DstAsn | DstAsOrg => context.geo.is_some(),
            Server | Site => context.places.is_some() || !context.input_places.is_empty(),
            DnstapIdentity | DnstapVersion | DnstapZone | DnstapHttpProtocol | DnstapPolicyType
            | DnstapPolicyRule | DnstapPolicyAction | DnstapPolicyMatch | DnstapPolicyValue | DnstapExtra => {
                self.0.frames
            }
            _ => true,
        };
        !has_what_it_hangs_on
    }
}

/// What a column of numbers says of the rows of a turn.
#[derive(Clone, Debug)]
pub struct Batch {
    is_there: [u8; TURN_ROWS],
    rows: usize,
    numbers: [i64; TURN_ROWS],
    count: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Batch { is_there: [0; TURN_ROWS], rows: 0, numbers: [0; TURN_ROWS], count: 0 }
    }
}

impl Batch {
    /// For each row 1, or 0 if the value is absent.
    #[inline]
    pub fn is_there(&self) -> &[u8] {
        &self.is_there[..self.rows]
    }

    /// The values that are there, as [`Value::bits`] has them.
    #[inline]
    pub fn numbers(&self) -> &[i64] {
        &self.numbers[..self.count]
    }

    /// Takes a column's values of these rows. There is no branch for what is absent: it comes and goes.
    #[inline(always)]
    pub(super) fn fill<'a>(
        &mut self,
        rows: &[Transaction<'a>],
        kind: Kind,
        (context, scratch): (&'a Context, &mut Scratch),
        value: impl for<'v> Fn(&Transaction<'v>, &'v Context, &'v mut Scratch) -> Value<'v>,
    ) {
        assert!(rows.len() <= TURN_ROWS, "a turn is no longer");
        let mut count = 0;
        for (row, is_there) in rows.iter().zip(&mut self.is_there) {
            let value = value(row, context, scratch);
            let found = !matches!(value, Value::Null);
            *is_there = found.into();
            // The remainder is the count, which so is known to be one of the places.
            self.numbers[count % TURN_ROWS] = if found { value.bits(kind) } else { 0 };
            count += usize::from(found);
        }
        (self.rows, self.count) = (rows.len(), count);
    }
}

/// The loop of a column of numbers.
pub(super) type Fill = for<'a, 'b> fn(&mut Batch, &'b [Transaction<'a>], &'a Context, &'b mut Scratch);

impl Batch {
    /// What is absent becomes this number.
    fn fill_up(&mut self, number: i64) {
        if self.count < self.rows {
            let mut left = self.count;
            for row in (0..self.rows).rev() {
                self.numbers[row] = match self.is_there[row] {
                    1 => {
                        left -= 1;
                        self.numbers[left]
                    }
                    _ => number,
                };
            }
            (self.is_there, self.count) = ([1; TURN_ROWS], self.rows);
        }
    }

    /// The numbers as columns of another kind keep them ([`Value::in_kind`], [`Value::bits`]).
    fn convert(&mut self, from: Kind, to: Kind) {
        let as_value = |bits: i64| if from == Kind::U64 { Value::U64(bits as u64) } else { Value::I64(bits) };
        for number in &mut self.numbers[..self.count] {
            *number = as_value(*number).in_kind(to).bits(to);
        }
    }
}

/// Whether columns of this kind hold whole numbers.
fn is_whole(kind: Kind) -> bool {
    matches!(kind, Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::I32 | Kind::I64)
}

impl Field {
    /// Puts this field's values of the rows of a turn into a batch, if they are numbers that can be had like that. Gives whether
    /// they are.
    ///
    /// # Panics
    /// If there are more than [`TURN_ROWS`] rows.
    #[inline]
    pub fn fill(
        &self,
        rows: &[Transaction],
        context: &Context,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) -> bool {
        let entry = self.column.entry();
        let Some(fill) = entry.fill else { return false };
        if entry.kind != self.kind && !(is_whole(entry.kind) && is_whole(self.kind)) {
            return false;
        }
        scratch.clear();
        fill(batch, rows, context, scratch);
        if entry.kind != self.kind {
            batch.convert(entry.kind, self.kind);
        }
        if self.absent != Absent::Null {
            batch.fill_up(self.absent.value(self.kind).bits(self.kind));
        }
        true
    }
}
