//! Which transactions become rows: conditions over columns ([`Filter`]) and samples ([`Sample`]), chosen by [`Select`].
//!
//! An expression is read once: words (`lexer`), conditions whose types are checked against the column table (`parser`,
//! `literal`), and a tree without negations (`tree`), as SQL's three truth values allow it: a row passes if the whole is true,
//! and of `and` and `or` that needs to know of each part only whether it is true. So NULL costs nothing: a condition on an
//! absent value is not true, nor is its opposite.
//!
//! The surprising fact: part of the work is done before there are rows. What follows from the tuple alone (addresses, ports,
//! id, transport) is decided when a message is read ([`Early`]), since matching never looks at two tuples; a message that is
//! dropped there changes no other row. The rest is decided where a chunk's rows are made. docs/filters.md describes the
//! language.

mod lexer;
mod literal;
mod mnemonics;
mod name;
mod parser;
mod ranges;
mod sample;
#[cfg(test)]
mod tests;
mod tree;
mod tuple;

use crate::table::{self, Column, Context, Value};
use crate::transaction::{Lacks, Needs, Transaction, Tuple};
pub use parser::Error;
pub use sample::{Sample, SampleError};
use tree::{Leaf, Node, Source, Test};
use tuple::OfTuple;

/// A condition that rows have to meet.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    /// The whole condition.
    whole: Node,
    /// What follows from it for the tuple alone; `None` if nothing does.
    of_tuple: Option<Node>,
    /// What is left to be asked of a row whose tuple meets that.
    rest: Option<Node>,
    needs: Needs,
    rest_needs: Needs,
}

/// Room for what the evaluation of conditions makes on the way. One serves a whole loop over rows.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    columns: table::Scratch,
    text: Vec<u8>,
}

impl Filter {
    /// Reads an expression. `hint` gets a word that should be a column and is none, and gives what to append to the
    /// complaint: what was probably meant, or nothing.
    ///
    /// ```
    /// use dpp::filter::Filter;
    /// assert!(Filter::parse("qtype = AAAA and src_ip in 192.0.2.0/24", &|_| String::new()).is_ok());
    /// let error = Filter::parse("qtype = AAAAA", &|_| String::new()).unwrap_err();
    /// assert!(error.to_string().starts_with("'AAAAA' is no type"));
    /// ```
    ///
    /// # Errors
    /// [`Error`] names the place and what to do.
    pub fn parse(text: &str, hint: &dyn Fn(&str) -> String) -> Result<Filter, Error> {
        let whole = parser::parse(text, hint)?.ordered();
        let rest = whole.without_conjuncts(&tuple::is_known);
        Ok(Filter {
            text: text.to_owned(),
            of_tuple: whole.relaxed(&tuple::is_known),
            needs: whole.needs(),
            rest_needs: rest.as_ref().map_or(Needs::NOTHING, Node::needs),
            rest,
            whole,
        })
    }

    /// The expression as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for numbers, times and words of a table only. So its text can be told where addresses, names and
    /// other texts must not be.
    pub fn names_nobody(&self) -> bool {
        let is_plain =
            |leaf: &Leaf| matches!(leaf.test, Test::Null | Test::True | Test::Numbers(_) | Test::Words(_));
        self.whole.all(&is_plain)
    }

    /// Whether a row meets it.
    pub fn passes(&self, row: &Transaction, context: &Context, scratch: &mut Scratch) -> bool {
        is_true(&self.whole, row, context, scratch)
    }

    /// Whether a row meets it whose tuple was let through when its messages were read.
    fn rest_passes(&self, row: &Transaction, context: &Context, scratch: &mut Scratch) -> bool {
        self.rest.as_ref().is_none_or(|rest| is_true(rest, row, context, scratch))
    }
}

fn is_true(node: &Node, row: &Transaction, context: &Context, scratch: &mut Scratch) -> bool {
    let Scratch { columns, text } = scratch;
    node.is_true(&mut OfRow { row, context, scratch: columns }, text)
}

/// A row that is asked for its columns.
struct OfRow<'r, 'a> {
    row: &'r Transaction<'a>,
    context: &'r Context,
    scratch: &'r mut table::Scratch,
}

impl Source for OfRow<'_, '_> {
    #[inline]
    fn value(&mut self, column: Column) -> Value<'_> {
        column.value(self.row, self.context, self.scratch)
    }
}

/// Which transactions become rows; all of them, unless something is set.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Those that meet this condition.
    pub filter: Option<Filter>,
    /// Those that are in this sample.
    pub sample: Option<Sample>,
}

impl Select {
    /// Whether it is all of them.
    pub fn is_all(&self) -> bool {
        self.filter.is_none() && self.sample.is_none()
    }

    /// What has to be kept of a transaction for it.
    pub fn needs(&self) -> Needs {
        self.filter.as_ref().map_or(Needs::NOTHING, |filter| filter.needs)
    }

    /// The same if what can be is decided early.
    pub fn needs_late(&self) -> Needs {
        self.filter.as_ref().map_or(Needs::NOTHING, |filter| filter.rest_needs)
    }

    /// What can be decided when a message is read; `None` if nothing can. Not to be used where messages may lack parts of
    /// their tuple: then a query and its response may not tell the same.
    pub fn early(&self) -> Option<Early<'_>> {
        let condition = self.filter.as_ref().and_then(|filter| filter.of_tuple.as_ref());
        let early = Early { condition, sample: self.sample };
        (condition.is_some() || self.sample.is_some()).then_some(early)
    }

    /// Whether a row is left to be decided on, if what can be was decided early.
    pub fn is_decided_early(&self) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.rest.is_none())
    }

    /// Whether a transaction becomes a row.
    pub fn passes(&self, row: &Transaction, context: &Context, scratch: &mut Scratch) -> bool {
        self.sample.is_none_or(|sample| sample.has_row(row))
            && self.filter.as_ref().is_none_or(|filter| filter.passes(row, context, scratch))
    }

    /// The same of a transaction whose messages [`Early`] has let through.
    pub fn rest_passes(&self, row: &Transaction, context: &Context, scratch: &mut Scratch) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.rest_passes(row, context, scratch))
    }
}

/// What can be decided when a message is read, by its tuple alone.
#[derive(Clone, Copy, Debug)]
pub struct Early<'a> {
    condition: Option<&'a Node>,
    sample: Option<Sample>,
}

impl Early<'_> {
    /// Whether the transactions of this tuple may become rows. `lacks` is what is not known of it.
    pub fn passes(&self, tuple: &Tuple, lacks: Lacks) -> bool {
        // No column of the tuple is made of text, so nothing is written here, and nothing is allocated.
        let mut text = Vec::new();
        self.sample.is_none_or(|sample| sample.has_tuple(tuple))
            && self.condition.is_none_or(|node| node.is_true(&mut OfTuple { tuple, lacks }, &mut text))
    }
}
