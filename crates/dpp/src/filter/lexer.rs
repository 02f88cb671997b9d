//! The words of an expression.
//!
//! What a bare word means, its place tells: a column, a number, an address, a time, a mnemonic. So a word is all that has no
//! blank, bracket, comma, quote or comparison in it, and the parser reads it as what the column next to it asks for.

use std::borrow::Cow;
use std::ops::Range;

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    /// Anything that stands for itself.
    Word(&'t str),
    /// What stands in quotes, without them; a quote within is written twice.
    Quoted(Cow<'t, str>),
    /// A comparison.
    Sign(Sign),
    Open,
    Close,
    Comma,
    End,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Matches,
    MatchesNot,
}

/// Signs as they are written; those that begin like others stand first.
pub(super) const SIGNS: &[(&str, Sign)] = &[
    ("==", Sign::Equal),
    ("=", Sign::Equal),
    ("!=", Sign::Unequal),
    ("<>", Sign::Unequal),
    ("!~", Sign::MatchesNot),
    ("~", Sign::Matches),
    ("<=", Sign::AtMost),
    ("<", Sign::Less),
    (">=", Sign::AtLeast),
    (">", Sign::Greater),
];

/// What is wrong with a word, and where.
pub(super) type Trouble = (&'static str, Range<usize>);

/// The next word at or behind `at`, and where it stands.
pub(super) fn next(text: &str, at: usize) -> Result<(Token<'_>, Range<usize>), Trouble> {
    let rest = text[at..].trim_start();
    let start = text.len() - rest.len();
    let of_length = |token, length: usize| Ok((token, start..start + length));
    match rest.chars().next() {
        None => of_length(Token::End, 0),
        Some('(') => of_length(Token::Open, 1),
        Some(')') => of_length(Token::Close, 1),
        Some(',') => of_length(Token::Comma, 1),
        Some(quote @ ('\'' | '"')) => quoted(rest, quote, start),
        Some('=' | '!' | '<' | '>' | '~') => match SIGNS.iter().find(|sign| rest.starts_with(sign.0)) {
            Some(&(written, sign)) => of_length(Token::Sign(sign), written.len()),
            None => {
                Err(("'!' stands only before = and ~; to negate a condition write not", start..start + 1))
            }
        },
        Some(_) => {
            let length = rest.find(ends_word).unwrap_or(rest.len());
            of_length(Token::Word(&rest[..length]), length)
        }
    }
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '(' | ')' | ',' | '\'' | '"' | '=' | '!' | '<' | '>' | '~')
}

fn quoted(rest: &str, quote: char, start: usize) -> Result<(Token<'_>, Range<usize>), Trouble> {
    let mut at = 1;
    let mut doubled = false;
    loop {
        match rest[at..].find(quote) {
            None => return Err(("this quote is never closed", start..start + 1)),
            Some(length) if rest[at + length + 1..].starts_with(quote) => {
                (at, doubled) = (at + length + 2, true);
            }
            Some(length) => {
                let inner = &rest[1..at + length];
                let text = match doubled {
                    true => Cow::Owned(inner.replace(
                        [quote, quote].iter().collect::<String>().as_str(),
                        quote.encode_utf8(&mut [0; 4]),
                    )),
                    false => Cow::Borrowed(inner),
                };
                return Ok((Token::Quoted(text), start..start + at + length + 1));
            }
        }
    }
}
