//! From text to conditions: precedence, and what can be asked of which column.
//!
//! ```text
//! either    = both { "or" both }
//! both      = one { "and" one }
//! one       = "not" one | "(" either ")" | condition
//! condition = column                                     of true and false
//!           | column ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) value
//!           | column [ "not" ] ( "in" | "under" ) ( value | "(" value { "," value } ")" )
//!           | column [ "not" ] "like" value
//!           | column "is" [ "not" ] "null"
//! ```
//! Words of the language may be written in capitals; a value that is one stands in quotes.

use super::lexer::{self, Sign, Token};
use super::literal::{self, Sort, short};
use super::name::{self, Names};
use super::ranges::Ranges;
use super::tree::{Leaf, Node, Test};
use crate::limits;
use crate::table::Column;
use regex::{Regex, RegexBuilder};
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::ops::Range;

/// What is wrong with an expression, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    /// The line around the place, and the place in it, in characters.
    line: String,
    mark: Range<usize>,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { message, line, mark } = self;
        write!(
            f,
            "{message}\n  {line}\n  {:blank$}{:^<marks$}",
            "",
            "",
            blank = mark.start,
            marks = mark.len().max(1)
        )
    }
}

/// So many characters before and behind the place are shown.
const SHOWN: usize = 60;

impl Error {
    fn new(message: String, text: &str, at: Range<usize>) -> Error {
        let before: Vec<char> = text[..at.start].chars().collect();
        let marked = text[at.clone()].chars().count();
        let from = before.len().saturating_sub(SHOWN);
        let shown =
            before[from..].iter().copied().chain(text[at.start..].chars().take(marked.min(SHOWN) + SHOWN));
        let start = before.len() - from;
        Error {
            message: message.chars().map(visible).collect(),
            line: shown.map(visible).collect(),
            mark: start..start + marked.min(SHOWN),
        }
    }
}

/// A letter as it can stand on one line, where a terminal takes it for nothing else.
fn visible(letter: char) -> char {
    match letter {
        letter if letter.is_whitespace() => ' ',
        letter if letter.is_control() => '?',
        letter => letter,
    }
}

/// Reads an expression; `hint` as for [`Filter::parse`](super::Filter::parse).
pub(super) fn parse(text: &str, hint: &dyn Fn(&str) -> String) -> Result<Node, Error> {
    if text.len() > limits::FILTER_LENGTH_MAX {
        let message = format!("the condition is longer than {} bytes", limits::FILTER_LENGTH_MAX);
        return Err(Error::new(message, "", 0..0));
    }
    let mut parser = Parser { text, hint, token: Token::End, at: 0..0, depth: 0, patterns: 0 };
    parser.advance()?;
    let node = parser.either()?;
    match &parser.token {
        Token::End => Ok(node),
        Token::Close => parser.fail("this bracket was never opened"),
        Token::Word("&&") => parser.fail("'&&' is written and"),
        Token::Word("||") => parser.fail("'||' is written or"),
        _ => parser.fail("here the condition is over: only and, or or its end can follow"),
    }
}

struct Parser<'t> {
    text: &'t str,
    hint: &'t dyn Fn(&str) -> String,
    /// The word that is next, and where it stands.
    token: Token<'t>,
    at: Range<usize>,
    /// How many brackets and negations are open.
    depth: usize,
    patterns: usize,
}

/// A value as it is written, and where.
struct Written<'t> {
    text: std::borrow::Cow<'t, str>,
    at: Range<usize>,
}

type Parsed<T> = Result<T, Error>;

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Parsed<Token<'t>> {
        let (token, at) = lexer::next(self.text, self.at.end)
            .map_err(|(message, at)| Error::new(message.to_owned(), self.text, at))?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Error::new(message.into(), self.text, self.at.clone()))
    }

    fn fail_at<T>(&self, at: &Range<usize>, message: impl Into<String>) -> Parsed<T> {
        Err(Error::new(message.into(), self.text, at.clone()))
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(next) if next.eq_ignore_ascii_case(word))
    }

    /// Steps over this word, if it is next.
    fn takes(&mut self, word: &str) -> Parsed<bool> {
        let is = self.is(word);
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn either(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.both()?];
        while self.takes("or")? {
            nodes.push(self.both()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Any(nodes) })
    }

    fn both(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.one()?];
        while self.takes("and")? {
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn one(&mut self) -> Parsed<Node> {
        let is_negated = self.is("not");
        if !is_negated && self.token != Token::Open {
            return self.condition();
        }
        if self.depth == limits::FILTER_DEPTH_MAX {
            return self.fail(format!(
                "more than {} brackets and negations are open here",
                limits::FILTER_DEPTH_MAX
            ));
        }
        self.depth += 1;
        let opened = self.at.clone();
        self.advance()?;
        let node = if is_negated { self.one()?.negated() } else { self.either()? };
        if !is_negated {
            match self.token {
                Token::Close => self.advance()?,
                Token::End => return self.fail_at(&opened, "this bracket is never closed"),
                _ => return self.fail("here the condition is over: only and, or or ) can follow"),
            };
        }
        self.depth -= 1;
        Ok(node)
    }

    fn condition(&mut self) -> Parsed<Node> {
        let (column, at) = self.column()?;
        let sort = Sort::of(column.entry());
        let leaf = |test, negated| Node::Leaf(Leaf { column, test, negated });
        if let Token::Sign(sign) = self.token {
            let sign_at = self.at.clone();
            self.advance()?;
            let value = self.value()?;
            let (test, negated) = self.compared(column, sort, (sign, sign_at), value)?;
            return Ok(leaf(test, negated));
        }
        if self.takes("is")? {
            let negated = self.takes("not")?;
            if !self.takes("null")? {
                return self.fail("behind is there is null or not null");
            }
            return Ok(leaf(Test::Null, negated));
        }
        let negated = self.is("not");
        let (not_at, asked_at) = (self.at.clone(), self.at.clone());
        if negated {
            self.advance()?;
        }
        if self.takes("in")? {
            let values = self.values()?;
            return Ok(leaf(self.one_of(column, sort, ("in", asked_at), values)?, negated));
        }
        if self.takes("under")? {
            let values = self.values()?;
            return Ok(leaf(self.under(column, sort, asked_at, values)?, negated));
        }
        if self.takes("like")? {
            let value = self.value()?;
            return Ok(leaf(self.like(column, sort, asked_at, &value)?, negated));
        }
        match sort {
            _ if negated => {
                self.fail_at(&not_at, "not stands before a condition, or before in, under or like")
            }
            Sort::Truth => Ok(leaf(Test::True, false)),
            _ => {
                let name = column.entry().name;
                self.fail_at(&at, format!("what is asked of {name}? It knows {}", sort.questions()))
            }
        }
    }

    /// A column, and where it stands.
    fn column(&mut self) -> Parsed<(Column, Range<usize>)> {
        let at = self.at.clone();
        let word = match &self.token {
            Token::Word(word) => *word,
            Token::Quoted(_) => return self.fail("here a column stands, without quotes"),
            Token::End => return self.fail("here the name of a column is missing"),
            _ => return self.fail("here the name of a column stands"),
        };
        let Some(column) = Column::named(word) else {
            // What is longer than that is no column mistyped, and comparing it with all of them would take a while.
            let word = short(word);
            let hint = (self.hint)(&word);
            return self.fail(format!("there is no column '{word}'{hint}"));
        };
        self.advance()?;
        Ok((column, at))
    }

    /// The next word as a value.
    fn value(&mut self) -> Parsed<Written<'t>> {
        const WORDS: &[&str] = &["and", "or", "not", "in", "is", "under", "like", "null"];
        let text = match &self.token {
            Token::Word(word) if word.eq_ignore_ascii_case("null") => {
                return self.fail("nothing equals null: write is null or is not null");
            }
            Token::Word(word) if WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
                return self
                    .fail(format!("'{word}' is a word of the language; as a value it stands in quotes"));
            }
            Token::Word(word) => (*word).into(),
            Token::Quoted(text) => text.clone(),
            _ => return self.fail("here a value is missing"),
        };
        let at = self.at.clone();
        self.advance()?;
        Ok(Written { text, at })
    }

    /// A value, or several in brackets.
    fn values(&mut self) -> Parsed<Vec<Written<'t>>> {
        if self.token != Token::Open {
            return Ok(vec![self.value()?]);
        }
        let opened = self.at.clone();
        self.advance()?;
        let mut values = vec![self.value()?];
        while self.token == Token::Comma {
            self.advance()?;
            values.push(self.value()?);
            if values.len() > limits::FILTER_LIST_MAX {
                let most = limits::FILTER_LIST_MAX;
                return self.fail_at(&opened, format!("this list has more than {most} values"));
            }
        }
        match self.token {
            Token::Close => self.advance()?,
            Token::End => return self.fail_at(&opened, "this bracket is never closed"),
            _ => return self.fail("here a comma or ) stands"),
        };
        Ok(values)
    }

    /// What cannot be asked.
    fn cannot<T>(&self, column: Column, sort: Sort, (asked, at): (&str, Range<usize>)) -> Parsed<T> {
        let (name, called) = (column.entry().name, sort.called());
        self.fail_at(
            &at,
            format!("{asked} cannot be asked of {name}, which is {called}: it knows {}", sort.questions()),
        )
    }

    /// A comparison, and whether it is negated.
    fn compared(
        &mut self,
        column: Column,
        sort: Sort,
        (sign, sign_at): (Sign, Range<usize>),
        value: Written,
    ) -> Parsed<(Test, bool)> {
        let asked = (&self.text[sign_at.clone()], sign_at.clone());
        match sign {
            Sign::Equal | Sign::Unequal => {
                let negated = sign == Sign::Unequal;
                if sort == Sort::Truth {
                    return match &*value.text.to_ascii_lowercase() {
                        "true" => Ok((Test::True, negated)),
                        "false" => Ok((Test::True, !negated)),
                        _ => self.fail_at(&value.at, format!("{} is true or false", column.entry().name)),
                    };
                }
                if sort == Sort::Address && value.text.contains('/') {
                    let remedy = if negated { "not in" } else { "in" };
                    return self.fail_at(
                        &sign_at,
                        format!("an address equals no prefix; write {remedy} {}", short(&value.text)),
                    );
                }
                Ok((self.one_of(column, sort, asked, vec![value])?, negated))
            }
            Sign::Matches | Sign::MatchesNot => {
                if !matches!(sort, Sort::Name | Sort::Word | Sort::Text) {
                    return self.cannot(column, sort, asked);
                }
                if self.text[value.at.clone()] == *value.text {
                    return self.fail_at(&value.at, "a pattern stands in quotes");
                }
                let test = Test::Pattern(self.pattern(&value.text, sort, &value.at)?);
                Ok((test, sign == Sign::MatchesNot))
            }
            Sign::Less | Sign::AtMost | Sign::Greater | Sign::AtLeast => {
                if matches!(self.sort_of_test(sort), Asked::Numbers) {
                    let value = self.number(column, sort, &value)?;
                    let range = match sign {
                        Sign::Less => (i128::MIN, value - 1),
                        Sign::AtMost => (i128::MIN, value),
                        Sign::Greater => (value + 1, i128::MAX),
                        _ => (value, i128::MAX),
                    };
                    return Ok((Test::Numbers(Ranges::new(vec![range])), false));
                }
                self.cannot(column, sort, asked)
            }
        }
    }

    fn sort_of_test(&self, sort: Sort) -> Asked {
        match sort {
            Sort::Number(_) | Sort::Span | Sort::Time | Sort::Seconds | Sort::Fraction => Asked::Numbers,
            Sort::Address => Asked::Addresses,
            Sort::Name => Asked::Names,
            Sort::Word => Asked::Words,
            Sort::Text => Asked::Texts,
            Sort::Truth | Sort::Opaque => Asked::Nothing,
        }
    }

    fn number(&self, column: Column, sort: Sort, value: &Written) -> Parsed<i128> {
        literal::number(sort, column, &value.text).or_else(|message| self.fail_at(&value.at, message))
    }

    /// Whether a value is one of these.
    fn one_of(
        &self,
        column: Column,
        sort: Sort,
        asked: (&str, Range<usize>),
        values: Vec<Written>,
    ) -> Parsed<Test> {
        match self.sort_of_test(sort) {
            Asked::Numbers => {
                let numbers = values
                    .iter()
                    .map(|value| self.number(column, sort, value).map(|number| (number, number)));
                Ok(Test::Numbers(Ranges::new(numbers.collect::<Parsed<_>>()?)))
            }
            Asked::Addresses => self.addresses(&values),
            Asked::Names => Ok(Test::Names(self.names(&values)?)),
            Asked::Words => {
                Ok(Test::Words(sorted(values.iter().map(|value| value.text.to_ascii_lowercase()))))
            }
            Asked::Texts => Ok(Test::Texts(sorted(values.into_iter().map(|value| value.text.into_owned())))),
            Asked::Nothing => self.cannot(column, sort, asked),
        }
    }

    fn addresses(&self, values: &[Written]) -> Parsed<Test> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for value in values {
            match literal::addresses(&value.text).or_else(|message| self.fail_at(&value.at, message))? {
                (IpAddr::V4(low), IpAddr::V4(high)) => v4.push((low.to_bits(), high.to_bits())),
                (IpAddr::V6(low), IpAddr::V6(high)) => v6.push((low.to_bits(), high.to_bits())),
                _ => unreachable!("both ends of a prefix are of its version"),
            }
        }
        Ok(Test::Addresses(Ranges::new(v4), Ranges::new(v6)))
    }

    fn names(&self, values: &[Written]) -> Parsed<Names> {
        let wire = |value: &Written| {
            name::to_wire(&value.text)
                .or_else(|trouble| self.fail_at(&value.at, format!("{trouble}: '{}'", short(&value.text))))
        };
        Ok(Names::new(values.iter().map(wire).collect::<Parsed<_>>()?))
    }

    fn under(&self, column: Column, sort: Sort, at: Range<usize>, values: Vec<Written>) -> Parsed<Test> {
        match sort {
            Sort::Name => Ok(Test::Under(self.names(&values)?)),
            _ => self.cannot(column, sort, ("under", at)),
        }
    }

    /// A pattern of the shell's kind: `*` is any text, `?` one character, and all of the text must be like it.
    fn like(&mut self, column: Column, sort: Sort, at: Range<usize>, value: &Written) -> Parsed<Test> {
        if !matches!(sort, Sort::Name | Sort::Word | Sort::Text) {
            return self.cannot(column, sort, ("like", at));
        }
        let mut pattern = String::from("^");
        for letter in value.text.chars() {
            match letter {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                letter => pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        self.pattern(&pattern, sort, &value.at).map(Test::Pattern)
    }

    /// A regular expression. Names and words know no case, as in all other comparisons.
    fn pattern(&mut self, pattern: &str, sort: Sort, at: &Range<usize>) -> Parsed<Regex> {
        self.patterns += 1;
        if self.patterns > limits::FILTER_PATTERNS_MAX {
            return self.fail_at(at, format!("there are more than {} patterns", limits::FILTER_PATTERNS_MAX));
        }
        let compiled = RegexBuilder::new(pattern)
            .case_insensitive(sort != Sort::Text)
            .dot_matches_new_line(true)
            .nest_limit(limits::FILTER_DEPTH_MAX as u32)
            .size_limit(limits::FILTER_PATTERN_BYTES_MAX)
            .dfa_size_limit(limits::FILTER_PATTERN_BYTES_MAX)
            .build();
        compiled.or_else(|error| self.fail_at(at, complaint(&error)))
    }
}

/// What a sort of values is compared by.
enum Asked {
    Numbers,
    Addresses,
    Names,
    Words,
    Texts,
    Nothing,
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// What is wrong with a pattern, in one line: the last of those that the library writes.
fn complaint(error: &regex::Error) -> String {
    let mut message = String::from("this pattern cannot be used: ");
    match error {
        regex::Error::CompiledTooBig(_) => {
            let _ = write!(message, "it takes more than {} bytes", limits::FILTER_PATTERN_BYTES_MAX);
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            message.push_str(last.strip_prefix("error: ").unwrap_or(last));
        }
    }
    message
}
