//! What a service tells in figures, before it is text for Prometheus or JSON for a collector: families of samples, each
//! with a sentence.
//!
//! [`metrics`](super::metrics) fills them once; [`exposition`](super::exposition) and [`otlp`](super::otlp) write them down. So whoever asks
//! and whoever is told get the same figures.

/// A label: name and value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// How the values of a family change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// Counts of what was up to a bound.
    Histogram,
}

/// What a sample says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Real(f64),
    Spread(Spread),
}

/// How measurements are spread.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) bounds: &'static [f64],
    /// How many were up to each of the bounds.
    pub(crate) up_to: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl From<u64> for Value {
    fn from(count: u64) -> Value {
        Value::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        Value::Count(count as u64)
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Value {
        Value::Count(is_so.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(number)
    }
}

impl From<Spread> for Value {
    fn from(spread: Spread) -> Value {
        Value::Spread(spread)
    }
}

/// A value, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

/// Samples of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// All families, in their order.
#[derive(Debug, Default)]
pub(crate) struct Families(Vec<Family>);

impl Families {
    /// A family of samples, which `fill` adds.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str, fill: impl FnOnce(&mut Samples)) {
        let mut samples = Samples(Vec::new());
        fill(&mut samples);
        self.0.push(Family { name: name.to_owned(), kind, help: help.to_owned(), samples: samples.0 });
    }

    /// A family of one sample without labels.
    pub(crate) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Into<Value>) {
        self.family(name, kind, help, |samples| samples.add(&[], value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Family> {
        self.0.iter()
    }
}

/// The samples of a family.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    /// Adds a sample.
    pub(crate) fn add(&mut self, labels: &[Label], value: impl Into<Value>) {
        let labels = labels.iter().map(|(label, of)| (*label, (*of).to_owned())).collect();
        self.0.push(Sample { labels, value: value.into() });
    }
}
