//! Writes databases in MaxMind's format, for tests and fuzzing: plainly, from a list of prefixes. Of values that are written
//! a second time it writes a pointer, as real writers do.

use std::collections::HashMap;
use std::net::IpAddr;

/// A value of the data section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// UTF-8.
    Text(String),
    /// An unsigned number of 32 bits.
    Number(u32),
    /// Keys and values.
    Map(Vec<(&'static str, Value)>),
    /// Values.
    Array(Vec<Value>),
    /// A number that takes no octets of its own.
    Boolean(bool),
    /// Eight octets.
    Double(f64),
}

/// A text.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_string())
}

/// A database to be written.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// 24, 28 or 32.
    pub(crate) record_bits: usize,
    /// 4 or 6.
    pub(crate) ip_version: u32,
    /// What it says of itself.
    pub(crate) database_type: String,
    /// The longest prefix of an address has its value.
    pub(crate) prefixes: Vec<(IpAddr, u32, Value)>,
}

impl Database {
    /// The file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut data = Section::default();
        let places: Vec<usize> = self.prefixes.iter().map(|(_, _, value)| data.whole(value)).collect();
        let prefixes = self.prefixes.iter().zip(&places);
        let mut prefixes: Vec<Prefix> =
            prefixes.map(|((address, length, _), &place)| self.prefix(*address, *length, place)).collect();
        prefixes.sort_by_key(|prefix| prefix.length);
        let mut nodes = Vec::new();
        grow(&mut nodes, &prefixes, 0, None);
        let mut file: Vec<u8> = nodes.iter().flat_map(|&node| self.node(node, nodes.len())).collect();
        file.extend([0; 16]);
        file.extend(data.bytes);
        file.extend(b"\xAB\xCD\xEFMaxMind.com");
        file.extend(self.metadata(nodes.len()));
        file
    }

    fn metadata(&self, nodes: usize) -> Vec<u8> {
        let mut metadata = Section::default();
        metadata.whole(&Value::Map(vec![
            ("binary_format_major_version", Value::Number(2)),
            ("binary_format_minor_version", Value::Number(0)),
            ("build_epoch", Value::Number(1_700_000_000)),
            ("database_type", text(&self.database_type)),
            ("description", Value::Map(vec![("en", text("made by a test"))])),
            ("ip_version", Value::Number(self.ip_version)),
            ("languages", Value::Array(vec![text("en")])),
            ("node_count", Value::Number(nodes as u32)),
            ("record_size", Value::Number(self.record_bits as u32)),
        ]));
        metadata.bytes
    }

    fn prefix(&self, address: IpAddr, length: u32, place: usize) -> Prefix {
        let (bits, length) = match (address, self.ip_version) {
            (IpAddr::V4(address), 4) => (u128::from(address.to_bits()) << 96, length),
            (IpAddr::V4(address), _) => (u128::from(address.to_bits()), 96 + length),
            (IpAddr::V6(address), _) => (address.to_bits(), length),
        };
        Prefix { bits, length, place }
    }

    fn node(&self, node: [Record; 2], count: usize) -> Vec<u8> {
        let [left, right] = node.map(|record| match record {
            Record::Nothing => count as u32,
            Record::Node(number) => number as u32,
            Record::Value(place) => (count + 16 + place) as u32,
        });
        let [l, r] = [left, right].map(u32::to_be_bytes);
        match self.record_bits {
            24 => vec![l[1], l[2], l[3], r[1], r[2], r[3]],
            28 => vec![l[1], l[2], l[3], l[0] << 4 | r[0], r[1], r[2], r[3]],
            _ => [l, r].concat(),
        }
    }
}

#[derive(Clone, Copy)]
struct Prefix {
    bits: u128,
    length: u32,
    place: usize,
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Value(usize),
}

/// Makes the node in which all these prefixes are, shorter ones first, and those below; `value` is that of the longest prefix
/// above.
fn grow(nodes: &mut Vec<[Record; 2]>, prefixes: &[Prefix], depth: u32, value: Option<usize>) -> usize {
    let value = prefixes
        .iter()
        .filter(|prefix| prefix.length <= depth)
        .map(|prefix| prefix.place)
        .next_back()
        .or(value);
    let number = nodes.len();
    nodes.push([Record::Nothing; 2]);
    for bit in [0, 1] {
        let is_there = |prefix: &&Prefix| prefix.length > depth && prefix.bits >> (127 - depth) & 1 == bit;
        let there: Vec<Prefix> = prefixes.iter().filter(is_there).copied().collect();
        nodes[number][bit as usize] = if there.iter().any(|prefix| prefix.length > depth + 1) {
            Record::Node(grow(nodes, &there, depth + 1, value))
        } else {
            let place = there.iter().map(|prefix| prefix.place).next_back().or(value);
            place.map_or(Record::Nothing, Record::Value)
        };
    }
    number
}

#[derive(Default)]
struct Section {
    bytes: Vec<u8>,
    /// Where values are, by what they look like.
    known: HashMap<String, usize>,
}

impl Section {
    /// Writes a value that something else leads to, unless it is there.
    fn whole(&mut self, value: &Value) -> usize {
        if let Some(&place) = self.known.get(&format!("{value:?}")) {
            return place;
        }
        let place = self.bytes.len();
        self.value(value);
        place
    }

    /// Writes a value, or a pointer to where it is.
    fn part(&mut self, value: &Value) {
        match self.known.get(&format!("{value:?}")) {
            Some(&place) => self.pointer(place),
            None => self.value(value),
        }
    }

    fn value(&mut self, value: &Value) {
        let place = self.bytes.len();
        match value {
            Value::Text(text) => {
                self.head(2, text.len());
                self.bytes.extend(text.as_bytes());
            }
            Value::Number(number) => {
                let octets = number.to_be_bytes();
                let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
                self.head(6, 4 - zeros);
                self.bytes.extend(&octets[zeros..]);
            }
            Value::Map(pairs) => {
                self.head(7, pairs.len());
                for (key, value) in pairs {
                    self.part(&text(key));
                    self.part(value);
                }
            }
            Value::Array(values) => {
                self.head(11, values.len());
                values.iter().for_each(|value| self.part(value));
            }
            Value::Boolean(boolean) => self.head(14, usize::from(*boolean)),
            Value::Double(double) => {
                self.head(3, 8);
                self.bytes.extend(double.to_be_bytes());
            }
        }
        let is_worth_a_pointer = self.bytes.len() - place > 3;
        if is_worth_a_pointer {
            self.known.insert(format!("{value:?}"), place);
        }
    }

    fn head(&mut self, kind: u8, size: usize) {
        let (low, more) = match size {
            0..29 => (size, vec![]),
            29..285 => (29, vec![(size - 29) as u8]),
            285..65_821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
            _ => (31, ((size - 65_821) as u32).to_be_bytes()[1..].to_vec()),
        };
        match kind {
            ..8 => self.bytes.push(kind << 5 | low as u8),
            _ => self.bytes.extend([low as u8, kind - 7]),
        }
        self.bytes.extend(more);
    }

    fn pointer(&mut self, place: usize) {
        let octets = |number: usize| (number as u32).to_be_bytes();
        match place {
            0..2048 => self.bytes.extend([0x20 | (place >> 8) as u8, place as u8]),
            2048..526_336 => {
                let [_, high, middle, low] = octets(place - 2048);
                self.bytes.extend([0x28 | high, middle, low]);
            }
            526_336..134_744_064 => {
                let [high, rest @ ..] = octets(place - 526_336);
                self.bytes.push(0x30 | high);
                self.bytes.extend(rest);
            }
            _ => {
                self.bytes.push(0x38);
                self.bytes.extend(octets(place));
            }
        }
    }
}
