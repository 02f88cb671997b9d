//! Where values are made that do not lie ready in a transaction: texts, lists.
//!
//! One [`Scratch`] serves a whole loop over rows; each value made in it lives until the next one is asked for.

use crate::dns::name::WIRE_MAX;

/// Room for one value.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Text, bytes, or the texts of a list one behind the other.
    pub bytes: Vec<u8>,
    /// Numbers.
    pub numbers: Vec<u16>,
    /// Where each text of a list ends in `bytes`.
    pub ends: Vec<u32>,
    /// The records of a list; their texts lie in `bytes`.
    pub records: Vec<RecordText>,
    /// A name that is compressed in its message.
    pub name: [u8; WIRE_MAX],
    /// What is written instead of a name.
    pub pseudonym: [u8; WIRE_MAX],
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            bytes: Vec::new(),
            numbers: Vec::new(),
            ends: Vec::new(),
            records: Vec::new(),
            name: [0; WIRE_MAX],
            pseudonym: [0; WIRE_MAX],
        }
    }
}

impl Scratch {
    /// Forgets the last value.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.numbers.clear();
        self.ends.clear();
        self.records.clear();
    }

    /// The text in it. What is no UTF-8 in a message has to be escaped by whoever writes it here.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The list of texts in it.
    pub fn texts(&self) -> Texts<'_> {
        Texts { bytes: &self.bytes, ends: &self.ends }
    }

    /// The list of records in it.
    pub fn records(&self) -> Records<'_> {
        Records { bytes: &self.bytes, records: &self.records }
    }

    /// Closes a text of a list: what was written since the last one.
    pub fn end_text(&mut self) {
        self.ends.push(self.bytes.len() as u32);
    }
}

/// A list of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a> {
    bytes: &'a [u8],
    ends: &'a [u32],
}

impl<'a> Texts<'a> {
    /// None.
    pub const EMPTY: Texts<'static> = Texts { bytes: &[], ends: &[] };

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let Texts { bytes, ends } = *self;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(|(start, &end)| str(bytes, start, end))
    }
}

/// A resource record of a list: where its texts end in the scratch, and its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordText {
    /// Where the name starts.
    pub start: u32,
    /// Where the name ends and the type begins.
    pub name_end: u32,
    /// Where the type ends and the class begins.
    pub rtype_end: u32,
    /// Where the class ends and the data begins.
    pub class_end: u32,
    /// Where the data ends.
    pub end: u32,
    /// Seconds; absent if whoever wrote the record down left it out.
    pub ttl: Option<u32>,
}

/// A resource record as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The owner, escaped, without the final dot.
    pub name: &'a str,
    /// The type by name.
    pub rtype: &'a str,
    /// The class by name.
    pub class: &'a str,
    /// Seconds.
    pub ttl: Option<u32>,
    /// The data in presentation format.
    pub data: &'a str,
}

/// A list of resource records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a> {
    bytes: &'a [u8],
    records: &'a [RecordText],
}

impl<'a> Records<'a> {
    /// None.
    pub const EMPTY: Records<'static> = Records { bytes: &[], records: &[] };

    /// How many.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let Records { bytes, records } = *self;
        records.iter().map(|record| Record {
            name: str(bytes, record.start, record.name_end),
            rtype: str(bytes, record.name_end, record.rtype_end),
            class: str(bytes, record.rtype_end, record.class_end),
            ttl: record.ttl,
            data: str(bytes, record.class_end, record.end),
        })
    }
}

/// Text in a scratch, which holds nothing else.
fn str(bytes: &[u8], start: u32, end: u32) -> &str {
    std::str::from_utf8(&bytes[start as usize..end as usize]).unwrap_or_default()
}
