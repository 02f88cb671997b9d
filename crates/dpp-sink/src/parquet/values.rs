//! The values of a column chunk before they are encoded: times and ports, bytes; [`numbers`](super::numbers) and
//! [`texts`](super::texts) have rooms of their own.

use super::encoding::{deltas, deltas_32};
use super::numbers::{Numbers, Numeric, widened};
use super::texts::Texts;
use super::tools::Room;
use dpp::table::{Kind, Value};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::AsBytes;
use parquet::file::statistics::Statistics;

/// The values of a page, and what the chunk remembers of earlier ones.
pub(super) enum Values {
    /// Those that are rarely equal to the one before them: times, ports, message ids.
    Deltas(Deltas),
    /// All other numbers.
    Numbers(Box<Numbers>),
    /// All that is printed.
    Texts(Box<Texts>),
    /// Messages.
    Blobs(Blobs),
}

/// How many values were encoded, and how.
pub(super) struct Encoded {
    pub(super) values: usize,
    pub(super) encoding: Encoding,
    /// Their bounds, if pages have an index and the values have bounds.
    pub(super) bounds: Option<Bounds>,
}

/// The least and the largest value of a page.
pub(super) struct Bounds {
    /// What they are compared by.
    pub(super) keys: (Vec<u8>, Vec<u8>),
    /// What the index says.
    pub(super) plain: (Vec<u8>, Vec<u8>),
}

/// What is made beside pages, on request.
#[derive(Default)]
pub(super) struct Extras {
    /// Whether pages have an index.
    pub(super) has_index: bool,
    /// Whether chunks have a bloom filter.
    pub(super) has_bloom: bool,
    /// That of the chunk, once it has a value.
    pub(super) bloom: Option<Sbbf>,
}

/// Bytes of a bloom filter while it is filled: at half a million different values one in a hundred others passes.
/// It is folded to what that takes in the end.
const BLOOM_BYTES: usize = 1 << 20;

/// How many values may pass a bloom filter though they are not there.
const BLOOM_FALSE: f64 = 0.01;

impl Extras {
    /// Adds a value to the bloom filter, if there is one.
    #[inline]
    pub(super) fn sift<T: AsBytes + ?Sized>(&mut self, value: &T) {
        if self.has_bloom {
            self.bloom.get_or_insert_with(|| Sbbf::new_with_num_of_bytes(BLOOM_BYTES)).insert(value);
        }
    }

    /// The chunk's bloom filter.
    pub(super) fn take_bloom(&mut self) -> Option<Sbbf> {
        let mut bloom = self.bloom.take()?;
        bloom.fold_to_target_fpp(BLOOM_FALSE);
        Some(bloom)
    }
}

impl Values {
    /// No values of a column of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::TimestampMicros | Kind::TimestampNanos | Kind::I32 => Values::Deltas(Deltas::new(kind)),
            Kind::Address | Kind::Name | Kind::Word | Kind::Text => Values::Texts(Box::default()),
            Kind::Bytes => Values::Blobs(Blobs::default()),
            Kind::Bool
            | Kind::U8
            | Kind::U16
            | Kind::U32
            | Kind::U64
            | Kind::I64
            | Kind::F64
            | Kind::Seconds => Values::Numbers(Box::new(Numbers::new(kind))),
            Kind::Numbers | Kind::Texts | Kind::Records => unreachable!("{kind:?} is a list of other kinds"),
        }
    }

    /// No values of an element of lists of this kind. A list is not torn apart where the dictionary gets full: that
    /// is asked before each row.
    pub(super) fn of_element(kind: Kind) -> Self {
        let mut values = Values::of(kind);
        if let Values::Texts(texts) = &mut values {
            texts.never_tear();
        }
        values
    }

    /// A row begins in a column of lists.
    pub(super) fn begin_list(&mut self) {
        if let Values::Texts(texts) = self {
            texts.begin_list();
        }
    }

    /// Takes a value that is no NULL into the page.
    #[inline]
    pub(super) fn take(&mut self, value: Value) {
        match self {
            Values::Deltas(deltas) => deltas.take(value),
            Values::Numbers(numbers) => numbers.take(value),
            Values::Texts(texts) => texts.take(value),
            Values::Blobs(blobs) => blobs.take(value),
        }
    }

    /// The same, at the latest when it is [settled](Self::settle).
    pub(super) fn take_soon(&mut self, value: Value) {
        match self {
            Values::Texts(texts) => texts.take_soon(value),
            values => values.take(value),
        }
    }

    /// Takes what waits.
    pub(super) fn settle(&mut self) {
        if let Values::Texts(texts) = self {
            texts.settle();
        }
    }

    /// Takes values that are kept as these numbers: of texts, those in the dictionary.
    pub(super) fn take_numbers(&mut self, numbers: &[i64]) {
        match self {
            Values::Deltas(deltas) => deltas.page.extend_from_slice(numbers),
            Values::Numbers(values) => values.take_all(numbers),
            Values::Texts(texts) => texts.take_codes(numbers),
            Values::Blobs(_) => unreachable!("numbers in a column of bytes"),
        }
    }

    /// Takes a value that is kept as this number so often.
    pub(super) fn take_number_often(&mut self, number: i64, count: usize) {
        match self {
            Values::Deltas(deltas) => deltas.page.extend(std::iter::repeat_n(number, count)),
            Values::Numbers(values) => values.take_number_often(number, count),
            Values::Texts(texts) => texts.take_code_often(number, count),
            Values::Blobs(_) => unreachable!("numbers in a column of bytes"),
        }
    }

    /// The number of a text in the dictionary, which takes it if there is room.
    pub(super) fn code(&mut self, value: Value) -> Option<u32> {
        match self {
            Values::Texts(texts) => texts.code(value),
            _ => None,
        }
    }

    /// Takes a value that is no NULL so often.
    pub(super) fn take_often(&mut self, value: Value, count: usize) {
        match self {
            Values::Deltas(deltas) => {
                let bits = deltas.numeric.bits(value);
                deltas.page.extend(std::iter::repeat_n(bits, count));
            }
            Values::Numbers(numbers) => numbers.take_often(value, count),
            Values::Texts(texts) => texts.take_often(value, count),
            Values::Blobs(blobs) => (0..count).for_each(|_| blobs.take(value)),
        }
    }

    /// Whether the page has no values.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Values::Deltas(deltas) => deltas.page.is_empty(),
            Values::Numbers(numbers) => numbers.len() == 0,
            Values::Texts(texts) => texts.is_empty(),
            Values::Blobs(blobs) => blobs.lengths.is_empty(),
        }
    }

    /// About how many bytes the page takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Values::Deltas(deltas) => deltas.page.len() * size_of::<i64>(),
            Values::Numbers(numbers) => numbers.size(),
            Values::Texts(texts) => texts.size(),
            Values::Blobs(blobs) => blobs.lengths.len() * size_of::<u32>() + blobs.bytes.len(),
        }
    }

    /// Encodes as many values of the page as can be encoded alike, and takes them out of it.
    pub(super) fn encode(&mut self, room: &mut Room, extras: &mut Extras) -> Encoded {
        match self {
            Values::Deltas(deltas) => deltas.encode(&mut room.encoded, extras),
            Values::Numbers(numbers) => numbers.encode(room, extras),
            Values::Texts(texts) => texts.encode(&mut room.encoded, extras),
            Values::Blobs(blobs) => blobs.encode(&mut room.encoded, extras),
        }
    }

    /// The chunk's dictionary: how many values, and their PLAIN encoding.
    pub(super) fn dictionary(&self) -> Option<(usize, &[u8])> {
        match self {
            Values::Deltas(_) | Values::Blobs(_) => None,
            Values::Numbers(numbers) => numbers.dictionary(),
            Values::Texts(texts) => Some(texts.dictionary()),
        }
    }

    /// Adds the dictionary's values to the bloom filter.
    pub(super) fn sift_dictionary(&self, extras: &mut Extras) {
        match self {
            Values::Deltas(_) | Values::Blobs(_) => {}
            Values::Numbers(numbers) => numbers.sift_dictionary(extras),
            Values::Texts(texts) => texts.sift_dictionary(extras),
        }
    }

    /// What the footer says of the chunk's values.
    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        match self {
            Values::Deltas(deltas) => deltas.numeric.statistics(deltas.bounds, nulls),
            Values::Numbers(numbers) => numbers.statistics(nulls),
            Values::Texts(texts) => texts.statistics(nulls),
            Values::Blobs(_) => Statistics::byte_array(None, None, None, Some(nulls), false),
        }
    }

    /// Forgets the chunk.
    pub(super) fn forget(&mut self) {
        match self {
            Values::Deltas(deltas) => deltas.bounds = None,
            Values::Numbers(numbers) => numbers.forget(),
            Values::Texts(texts) => texts.forget(),
            Values::Blobs(_) => {}
        }
    }
}

/// Numbers of one kind, always encoded as their differences.
pub(super) struct Deltas {
    numeric: Numeric,
    page: Vec<i64>,
    /// The least and the largest of the chunk's earlier pages.
    bounds: Option<(i64, i64)>,
}

impl Deltas {
    fn new(kind: Kind) -> Self {
        Deltas { numeric: Numeric::new(kind), page: Vec::new(), bounds: None }
    }

    /// Takes a value that is no NULL into the page.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        self.page.push(match value {
            Value::TimestampMicros(micros) => micros,
            Value::U16(number) => number.into(),
            other => self.numeric.bits(other),
        });
    }

    fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        let ranks = self.numeric.ranks(&self.page);
        self.bounds = widened(self.bounds, ranks);
        match self.numeric.kind {
            Kind::I32 => deltas_32(&self.page, out),
            _ => deltas(&self.page, out),
        }
        if extras.has_bloom {
            self.page.iter().for_each(|&number| self.numeric.sift(number, extras));
        }
        let values = self.page.len();
        self.page.clear();
        let bounds = extras.has_index.then(|| self.numeric.bounds(ranks)).flatten();
        Encoded { values, encoding: Encoding::DELTA_BINARY_PACKED, bounds }
    }
}

/// Bytes without a dictionary: each message is another one.
#[derive(Default)]
pub(super) struct Blobs {
    lengths: Vec<i64>,
    bytes: Vec<u8>,
}

impl Blobs {
    fn take(&mut self, value: Value) {
        let Value::Bytes(bytes) = value else { unreachable!("{value:?} in a column of bytes") };
        self.lengths.push(bytes.len() as i64);
        self.bytes.extend_from_slice(bytes);
    }

    /// DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. There is neither an order nor a filter of messages.
    fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        if extras.has_bloom {
            let mut rest = &self.bytes[..];
            for &length in &self.lengths {
                let (value, behind) = rest.split_at(length as usize);
                extras.sift(value);
                rest = behind;
            }
        }
        deltas_32(&self.lengths, out);
        out.append(&mut self.bytes);
        let values = self.lengths.len();
        self.lengths.clear();
        Encoded { values, encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY, bounds: None }
    }
}
