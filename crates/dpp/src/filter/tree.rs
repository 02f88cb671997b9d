//! Conditions as they are asked of a row.
//!
//! There is no `not` in this tree: it was carried down to the conditions, of which each is asked as it is or negated. So only
//! one question is left, whether a part is true, and unknown is simply not true. Parts that cost little are asked first, which
//! changes nothing, as asking has no effects.

use super::name::{self, Names};
use super::ranges::Ranges;
use crate::table::{Column, Kind, Value};
use crate::transaction::Needs;
use regex::Regex;
use std::net::IpAddr;

/// A condition, or several.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Leaf(Leaf),
}

/// A condition on one column.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) column: Column,
    pub(super) test: Test,
    /// Whether the opposite is asked.
    pub(super) negated: bool,
}

/// What is asked of a value. Of a list of values: whether it holds for one of them.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Whether there is none.
    Null,
    /// Whether it is true.
    True,
    /// Whether it is one of these numbers, or times and spans in nanoseconds, or fractions by [`place`].
    Numbers(Ranges<i128>),
    /// Whether the address is one of these.
    Addresses(Ranges<u32>, Ranges<u128>),
    /// Whether the name is one of these.
    Names(Names),
    /// Whether the name is one of these, or below one.
    Under(Names),
    /// Whether it is one of these words, sorted and in lower case.
    Words(Vec<String>),
    /// Whether it is one of these texts, sorted.
    Texts(Vec<String>),
    /// Whether the text has this pattern in it.
    Pattern(Regex),
}

/// Whoever knows values of columns.
pub(super) trait Source {
    /// A column's value.
    fn value(&mut self, column: Column) -> Value<'_>;
}

/// The place of a fraction among all of them, so that they compare as whole numbers do.
pub(super) fn place(fraction: f64) -> i128 {
    // Positive and negative zero are one number.
    let bits = (fraction + 0.0).to_bits() as i64;
    i128::from(bits ^ ((bits >> 63) as u64 >> 1) as i64)
}

impl Node {
    /// The opposite.
    pub(super) fn negated(self) -> Node {
        let all = |nodes: Vec<Node>| nodes.into_iter().map(Node::negated).collect();
        match self {
            Node::All(nodes) => Node::Any(all(nodes)),
            Node::Any(nodes) => Node::All(all(nodes)),
            Node::Leaf(leaf) => Node::Leaf(Leaf { negated: !leaf.negated, ..leaf }),
        }
    }

    /// The same, with what is cheap first.
    pub(super) fn ordered(self) -> Node {
        let sorted = |nodes: Vec<Node>| {
            let mut nodes: Vec<Node> = nodes.into_iter().map(Node::ordered).collect();
            nodes.sort_by_key(Node::cost);
            nodes
        };
        match self {
            Node::All(nodes) => Node::All(sorted(nodes)),
            Node::Any(nodes) => Node::Any(sorted(nodes)),
            leaf => leaf,
        }
    }

    /// What follows from it if nothing is known but the conditions that `is_known` says; `None` if nothing does.
    pub(super) fn relaxed(&self, is_known: &dyn Fn(&Leaf) -> bool) -> Option<Node> {
        match self {
            Node::Leaf(leaf) => is_known(leaf).then(|| self.clone()),
            Node::All(nodes) => {
                let known: Vec<Node> = nodes.iter().filter_map(|node| node.relaxed(is_known)).collect();
                (!known.is_empty()).then_some(Node::All(known))
            }
            Node::Any(nodes) => {
                nodes.iter().map(|node| node.relaxed(is_known)).collect::<Option<_>>().map(Node::Any)
            }
        }
    }

    /// What is left to be asked if all that is [`relaxed`](Node::relaxed) holds; `None` if nothing is.
    pub(super) fn without_conjuncts(&self, is_known: &dyn Fn(&Leaf) -> bool) -> Option<Node> {
        match self {
            node if node.all(is_known) => None,
            Node::All(nodes) => {
                Some(Node::All(nodes.iter().filter_map(|node| node.without_conjuncts(is_known)).collect()))
            }
            node => Some(node.clone()),
        }
    }

    /// Whether this holds for each condition.
    pub(super) fn all(&self, is: &dyn Fn(&Leaf) -> bool) -> bool {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().all(|node| node.all(is)),
            Node::Leaf(leaf) => is(leaf),
        }
    }

    /// What has to be kept of a transaction so that it can be asked.
    pub(super) fn needs(&self) -> Needs {
        match self {
            Node::All(nodes) | Node::Any(nodes) => {
                nodes.iter().fold(Needs::NOTHING, |needs, node| needs | node.needs())
            }
            Node::Leaf(leaf) => leaf.column.entry().needs,
        }
    }

    /// Whether it is true. `text` is room for names as text.
    pub(super) fn is_true(&self, source: &mut impl Source, text: &mut Vec<u8>) -> bool {
        match self {
            Node::All(nodes) => nodes.iter().all(|node| node.is_true(source, text)),
            Node::Any(nodes) => nodes.iter().any(|node| node.is_true(source, text)),
            Node::Leaf(leaf) => leaf.is_true(source, text),
        }
    }

    /// About how many nanoseconds it takes.
    fn cost(&self) -> u64 {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().map(Node::cost).sum(),
            Node::Leaf(leaf) => leaf.cost(),
        }
    }
}

impl Leaf {
    #[inline]
    fn is_true(&self, source: &mut impl Source, text: &mut Vec<u8>) -> bool {
        match (source.value(self.column), &self.test) {
            (value, Test::Null) => matches!(value, Value::Null) != self.negated,
            (Value::Null, _) => false,
            (value, test) => test.holds(value, text) != self.negated,
        }
    }

    fn cost(&self) -> u64 {
        let entry = self.column.entry();
        let of_column = match entry.kind {
            Kind::Records | Kind::Texts => 500,
            Kind::F64 => 100,
            _ if entry.needs == Needs::NOTHING => 2,
            _ => 4,
        };
        let of_test = match &self.test {
            Test::Null | Test::True => 1,
            Test::Numbers(ranges) => 1 + ranges.len().ilog2_or_zero(),
            Test::Addresses(v4, v6) => 3 + v4.len().max(v6.len()).ilog2_or_zero(),
            Test::Words(words) | Test::Texts(words) => 8 + words.len().ilog2_or_zero(),
            Test::Names(names) => 8 + 4 * names.len().ilog2_or_zero(),
            Test::Under(names) => 12 + 12 * names.len().ilog2_or_zero(),
            Test::Pattern(_) => 150,
        };
        of_column + of_test
    }
}

/// The logarithm of a length that may be zero.
trait Length {
    fn ilog2_or_zero(self) -> u64;
}

impl Length for usize {
    fn ilog2_or_zero(self) -> u64 {
        self.checked_ilog2().unwrap_or(0).into()
    }
}

impl Test {
    #[inline]
    fn holds(&self, value: Value, text: &mut Vec<u8>) -> bool {
        match (self, value) {
            (Test::True, Value::Bool(is)) => is,
            (Test::Numbers(ranges), Value::Numbers(numbers)) => {
                numbers.iter().any(|&number| ranges.contains(number.into()))
            }
            (Test::Numbers(ranges), value) => number(value).is_some_and(|number| ranges.contains(number)),
            (Test::Addresses(v4, _), Value::Address(IpAddr::V4(address))) => v4.contains(address.to_bits()),
            (Test::Addresses(_, v6), Value::Address(IpAddr::V6(address))) => v6.contains(address.to_bits()),
            (Test::Names(names), Value::Name(wire)) => names.contains(wire),
            (Test::Under(names), Value::Name(wire)) => names.are_above(wire),
            (test, Value::Name(wire)) => {
                text.clear();
                name::write_text(wire, text);
                test.holds_of_text(str::from_utf8(text).unwrap_or_default())
            }
            (test, Value::Word(text) | Value::Text(text)) => test.holds_of_text(text),
            (test, Value::Texts(texts)) => texts.iter().any(|text| test.holds_of_text(text)),
            _ => false,
        }
    }

    fn holds_of_text(&self, text: &str) -> bool {
        match self {
            Test::Words(words) => match &words[..] {
                [word] => word.eq_ignore_ascii_case(text),
                words => words.binary_search(&text.to_ascii_lowercase()).is_ok(),
            },
            Test::Texts(texts) => texts.binary_search_by(|other| other.as_str().cmp(text)).is_ok(),
            Test::Pattern(regex) => regex.is_match(text),
            _ => false,
        }
    }
}

/// A value as a number; times and spans in nanoseconds.
#[inline]
fn number(value: Value) -> Option<i128> {
    Some(match value {
        Value::U16(number) => number.into(),
        Value::U64(number) => number.into(),
        Value::I64(number) | Value::TimestampNanos(number) | Value::Seconds(number) => number.into(),
        Value::TimestampMicros(micros) => i128::from(micros) * 1000,
        Value::F64(fraction) => place(fraction),
        _ => return None,
    })
}
