//! Counts over time: [`Times`], spans of equal width with some counters each.
//!
//! Spans have one second at first. When more than a bound have something in them, all become as long as the next width that
//! people use, into which the width before goes whole. There are the fewer spans the wider they are, and the more the more was
//! counted, so which width it ends with depends on what was counted alone.

use super::entry::{Entries, NotMine, Op};
use super::tally::{Tally, Teller, read_number, split_key};
use crate::limits::SPANS_MAX;
use std::ops::Range;

/// Widths of spans in seconds, up to a day; each goes whole into the next. Beyond, they double.
const WIDTHS_S: [i64; 13] = [1, 2, 10, 30, 60, 120, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

/// With spans of 128 days, all the years that 64 bits of nanoseconds can tell are 1669.
const WIDTHS: usize = WIDTHS_S.len() + 7;

const SECOND_NS: i64 = 1_000_000_000;

/// Counters over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times<const N: usize> {
    /// Which width the spans have.
    width: usize,
    /// In their order; each has something in it.
    spans: Vec<Span<N>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span<const N: usize> {
    /// How many widths after 1970 it begins.
    number: i64,
    counters: [u64; N],
}

impl<const N: usize> Default for Times<N> {
    fn default() -> Self {
        Times { width: 0, spans: Vec::new() }
    }
}

/// A width in seconds.
fn seconds(width: usize) -> i64 {
    match WIDTHS_S.get(width) {
        Some(seconds) => *seconds,
        None => 86_400 << (width + 1 - WIDTHS_S.len()),
    }
}

/// The number of the span that has this time, ns since 1970.
#[inline]
fn span_of(ns: i64, width: usize) -> i64 {
    ns.div_euclid(seconds(width) * SECOND_NS)
}

impl<const N: usize> Times<N> {
    /// Counts something at a time, ns since 1970: `count` adds to at least one counter.
    #[inline]
    pub fn add(&mut self, ns: i64, count: impl FnOnce(&mut [u64; N])) {
        let width_ns = seconds(self.width) * SECOND_NS;
        // Most times are in the last span, and a division takes longer than all else here.
        let begins = |span: &Span<N>| span.number.checked_mul(width_ns);
        let is_in = |start: i64| (0..width_ns).contains(&ns.wrapping_sub(start));
        match self.spans.last_mut() {
            Some(last) if begins(last).is_some_and(is_in) => count(&mut last.counters),
            _ => self.add_elsewhere(ns.div_euclid(width_ns), count),
        }
    }

    fn add_elsewhere(&mut self, number: i64, count: impl FnOnce(&mut [u64; N])) {
        let place = self.spans.binary_search_by_key(&number, |span| span.number);
        let place = place.unwrap_or_else(|place| {
            self.spans.insert(place, Span { number, counters: [0; N] });
            place
        });
        count(&mut self.spans[place].counters);
        self.settle();
    }

    /// The span that has this time, as far as there are such times: all of it goes into one span, however wide they become.
    pub fn span(&self, ns: i64) -> Range<i64> {
        let (width_ns, number) = (seconds(self.width) * SECOND_NS, span_of(ns, self.width));
        number.saturating_mul(width_ns)..(number + 1).saturating_mul(width_ns)
    }

    /// How long a span is, seconds.
    pub fn width_s(&self) -> u64 {
        seconds(self.width).unsigned_abs()
    }

    /// The spans in which something was counted, in their order: when each begins, in seconds since 1970, and the counters.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = (i64, &[u64; N])> {
        let width = seconds(self.width);
        self.spans.iter().map(move |span| (span.number * width, &span.counters))
    }

    /// Makes the spans of this width, a larger one.
    fn widen(&mut self, width: usize) {
        let factor = seconds(width) / seconds(self.width);
        self.width = width;
        for mut span in std::mem::take(&mut self.spans) {
            span.number = span.number.div_euclid(factor);
            match self.spans.last_mut() {
                Some(last) if last.number == span.number => add(&mut last.counters, &span.counters),
                _ => self.spans.push(span),
            }
        }
    }
}

fn add<const N: usize>(mine: &mut [u64; N], theirs: &[u64; N]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
}

impl<const N: usize> Tally for Times<N> {
    fn merge(&mut self, other: &Times<N>) {
        let mut other = std::borrow::Cow::Borrowed(other);
        if other.width > self.width {
            self.widen(other.width);
        }
        if other.width < self.width {
            other.to_mut().widen(self.width);
        }
        let mut theirs = other.spans.iter().peekable();
        let mine = std::mem::take(&mut self.spans);
        for mut span in mine {
            while let Some(before) = theirs.next_if(|other| other.number < span.number) {
                self.spans.push(*before);
            }
            if let Some(same) = theirs.next_if(|other| other.number == span.number) {
                add(&mut span.counters, &same.counters);
            }
            self.spans.push(span);
        }
        self.spans.extend(theirs);
        self.settle();
    }
}

/// An entry for each counter: which width, which span of it, which counter.
impl<const N: usize> Entries for Times<N> {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        for Span { number, counters } in &self.spans {
            for (counter, &count) in counters.iter().enumerate().filter(|(_, count)| **count > 0) {
                teller.tell(Op::Sum, format!("{}/{number}/{counter}", self.width).as_bytes(), count);
            }
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let (width, rest) = split_key(key)?;
        let (span, counter) = split_key(rest)?;
        let (width, counter) = (read_number::<usize>(width)?, read_number::<usize>(counter)?);
        let span = read_number::<i64>(span)?;
        let spans = |width| span_of(i64::MIN, width)..=span_of(i64::MAX, width);
        if op != Op::Sum || counter >= N || number == 0 || width >= WIDTHS || !spans(width).contains(&span) {
            return Err(NotMine);
        }
        if width > self.width {
            self.widen(width);
        }
        let span = span.div_euclid(seconds(self.width) / seconds(width));
        self.add_elsewhere(span, |counters| counters[counter] = counters[counter].saturating_add(number));
        Ok(())
    }

    fn settle(&mut self) {
        while self.spans.len() > SPANS_MAX {
            self.widen(self.width + 1);
        }
    }
}
