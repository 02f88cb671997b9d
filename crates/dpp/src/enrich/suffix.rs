//! The registered domain of a name: the one label that somebody could register, and the public suffix below which they did,
//! by the Public Suffix List (<https://publicsuffix.org>).
//!
//! Both divisions of the list count, ICANN's and the private one, as its authors mean it to be used: `www.someone.github.io`
//! belongs to `someone.github.io`. Who wants only what registries sell gives a list from which the private division is cut.
//!
//! The list that is built in is that of the crate `psl`, compiled into code; a user's is a table here. The two differ only in
//! how they find the longest rule. Names come in wire form and may hold any octets: rules are A-labels, so a label with an
//! octet that is not ASCII, or with a dot in it, equals none of theirs.

use crate::limits::RULE_LABELS_MAX;
use psl::Psl;
use std::collections::HashMap;
use thiserror::Error;

/// The longest name in wire form, with its final zero octet.
const WIRE_MAX: usize = 255;

/// The most labels of such a name.
const LABELS_MAX: usize = 127;

/// Where the parts of a name begin: offsets into its wire form, in which each part goes on to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Of the domain that somebody registered; `None` of a name that is itself a public suffix.
    pub registered: Option<usize>,
    /// Of the public suffix. Where no rule speaks of a name it is the last label, says the list.
    pub suffix: usize,
    /// Of the last label.
    pub tld: usize,
}

/// Why a file is not a list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SuffixError {
    /// A line is not text.
    #[error("line {0} is not UTF-8 text; the list is published as public_suffix_list.dat")]
    NotUtf8(usize),
    /// A line is no rule.
    #[error("line {line}: '{rule}' is not a rule ({what}); rules are like 'co.uk', '*.ck' and '!www.ck'")]
    Rule {
        /// Counted from 1.
        line: usize,
        /// As it stands there; at most 64 characters.
        rule: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There are only comments, or nothing.
    #[error("has no rules in it; the list is published as public_suffix_list.dat")]
    Empty,
}

/// A list of public suffixes.
pub struct SuffixList(Rules);

impl std::fmt::Debug for SuffixList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SuffixList(..)")
    }
}

impl Default for SuffixList {
    fn default() -> Self {
        SuffixList::built_in()
    }
}

enum Rules {
    BuiltIn,
    /// By the labels of a rule in wire form, without the root. What rules end in is there too.
    Own(HashMap<Box<[u8]>, Node>),
}

/// What rules say of a domain.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// It is a public suffix.
    is_suffix: bool,
    /// All directly below it are.
    is_wildcard: bool,
    /// It is not, although the one above is a wildcard.
    is_exception: bool,
}

impl SuffixList {
    /// The list as it was when `dpp` was built.
    pub fn built_in() -> Self {
        SuffixList(Rules::BuiltIn)
    }

    /// A list in its published format: a rule a line, up to the first white space; `//` begins a comment. Labels beyond ASCII
    /// stand for their A-labels.
    ///
    /// # Errors
    /// [`SuffixError`] names the line.
    ///
    /// ```
    /// # use dpp::enrich::SuffixList;
    /// let list = SuffixList::parse(b"// Only this\nco.uk\n").unwrap();
    /// assert_eq!(list.registered_domain(b"\x03www\x07example\x02co\x02uk\0"), Some(4));
    /// ```
    pub fn parse(file: &[u8]) -> Result<Self, SuffixError> {
        let mut rules = HashMap::new();
        let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        for (line, bytes) in (1..).zip(file.split(|&octet| octet == b'\n')) {
            let text = std::str::from_utf8(bytes).map_err(|_| SuffixError::NotUtf8(line))?;
            if let Some(rule) = text.split_whitespace().next().filter(|rule| !rule.starts_with("//")) {
                let shown = || rule.chars().take(64).collect();
                add_rule(&mut rules, rule).map_err(|what| SuffixError::Rule { line, rule: shown(), what })?;
            }
        }
        if rules.is_empty() { Err(SuffixError::Empty) } else { Ok(SuffixList(Rules::Own(rules))) }
    }

    /// Where the domain begins that somebody registered. `None` of the root, and of names that are themselves public suffixes.
    #[inline]
    pub fn registered_domain(&self, wire: &[u8]) -> Option<usize> {
        self.split(wire)?.registered
    }

    /// Where the public suffix begins. `None` of the root.
    #[inline]
    pub fn public_suffix(&self, wire: &[u8]) -> Option<usize> {
        Some(self.split(wire)?.suffix)
    }

    /// All parts of a name. `None` of the root, and of what is no name in wire form.
    pub fn split(&self, wire: &[u8]) -> Option<Split> {
        let (mut starts, mut lower) = ([0; LABELS_MAX], [0; WIRE_MAX]);
        let count = labels(wire, &mut starts)?;
        let lower = &mut lower[..wire.len()];
        for (to, &octet) in lower.iter_mut().zip(wire) {
            *to = octet.to_ascii_lowercase();
        }
        let name = Name { wire: lower, starts: &starts[..count] };
        let suffix = match &self.0 {
            Rules::BuiltIn => name.find_built_in(),
            Rules::Own(rules) => name.find(rules),
        };
        let before = count.checked_sub(suffix + 1);
        Some(Split {
            registered: before.map(|label| starts[label].into()),
            suffix: starts[count - suffix].into(),
            tld: starts[count - 1].into(),
        })
    }
}

/// Where the last label of a name begins. `None` of the root, and of what is no name in wire form.
#[inline]
pub fn tld(wire: &[u8]) -> Option<usize> {
    let mut starts = [0; LABELS_MAX];
    let count = labels(wire, &mut starts)?;
    Some(starts[count - 1].into())
}

/// Finds where the labels of a name begin, and how many there are: at least one.
#[inline]
fn labels(wire: &[u8], starts: &mut [u8; LABELS_MAX]) -> Option<usize> {
    let (mut at, mut count) = (0, 0);
    while let &length @ 1..=63 = wire.get(at)? {
        *starts.get_mut(count)? = u8::try_from(at).ok()?;
        count += 1;
        at += 1 + usize::from(length);
    }
    let is_whole = wire[at] == 0 && at + 1 == wire.len() && wire.len() <= WIRE_MAX;
    (is_whole && count > 0).then_some(count)
}

/// A name in lower case, with at least one label.
struct Name<'a> {
    wire: &'a [u8],
    starts: &'a [u8],
}

impl Name<'_> {
    /// How many labels the public suffix has, by the list that is built in.
    fn find_built_in(&self) -> usize {
        let labels = self.starts.iter().rev().map(|&start| {
            let (&length, rest) = self.wire[start.into()..].split_first().expect("labels have a length");
            let label = &rest[..length.into()];
            // That list knows its rules in UTF-8 too.
            if label.is_ascii() { label } else { &[0xFF; 63][..length.into()] }
        });
        let octets = psl::List.find(labels).len;
        // The octets of labels, and of dots between them; in wire form there is one octet more, and the root.
        let start = self.wire.len().saturating_sub(octets + 2);
        let suffix = self.starts.iter().rev().take_while(|&&label| usize::from(label) >= start).count();
        suffix.max(1)
    }

    /// The same by a table: from the last label on, as long as rules go on.
    fn find(&self, rules: &HashMap<Box<[u8]>, Node>) -> usize {
        let (mut suffix, end) = (1, self.wire.len() - 1);
        for (labels, &start) in (1..).zip(self.starts.iter().rev()) {
            match rules.get(&self.wire[start.into()..end]) {
                None => break,
                Some(node) if node.is_exception => return labels - 1,
                Some(node) if node.is_wildcard && labels < self.starts.len() => suffix = labels + 1,
                Some(node) if node.is_suffix => suffix = labels,
                Some(_) => {}
            }
        }
        suffix
    }
}

/// Adds a rule, or says what is wrong with it.
fn add_rule(rules: &mut HashMap<Box<[u8]>, Node>, rule: &str) -> Result<(), &'static str> {
    let (rule, is_exception) = rule.strip_prefix('!').map_or((rule, false), |rule| (rule, true));
    let (rule, is_wildcard) = rule.strip_prefix("*.").map_or((rule, false), |rule| (rule, true));
    // Every name has this rule.
    if rule == "*" {
        return Ok(());
    }
    let mut wire = Vec::new();
    let mut starts = Vec::new();
    for label in rule.trim_start_matches('.').trim_end_matches('.').split('.') {
        let label = to_a_label(label)?;
        starts.push(wire.len());
        wire.push(label.len() as u8);
        wire.extend(label.as_bytes());
    }
    if wire.len() >= WIRE_MAX || starts.len() > RULE_LABELS_MAX {
        return Err("it is longer than rules are");
    }
    if is_exception && (is_wildcard || starts.len() < 2) {
        return Err("there is nothing that it could be an exception from");
    }
    for &start in &starts {
        rules.entry(wire[start..].into()).or_default();
    }
    let node = rules.entry(wire.into()).or_default();
    node.is_exception |= is_exception;
    node.is_wildcard |= is_wildcard;
    node.is_suffix |= !is_exception && !is_wildcard;
    Ok(())
}

/// A label of a rule as it is in DNS: lower case, and ASCII (RFC 5890). The list is in the normal form that this needs, but for
/// case.
fn to_a_label(label: &str) -> Result<String, &'static str> {
    let lower = label.to_lowercase();
    // Each letter takes an octet at least, and punycode takes time for each pair of letters.
    if lower.chars().count() > 63 {
        return Err("a label has more than 63 octets");
    }
    let label = if lower.is_ascii() { lower } else { format!("xn--{}", punycode(&lower)) };
    match label.len() {
        0 => Err("a label is empty"),
        64.. => Err("a label has more than 63 octets"),
        _ if label.contains('*') => Err("a wildcard must be the first label"),
        _ => Ok(label),
    }
}

/// Punycode (RFC 3492 section 6.3): the ASCII letters, then for each other one, in the order of their numbers, how far it is
/// from the one before, in numbers and places, as digits to a base that adapts.
fn punycode(label: &str) -> String {
    let letters: Vec<u32> = label.chars().map(u32::from).collect();
    let mut written: String = label.chars().filter(char::is_ascii).collect();
    let basic = written.len() as u32;
    if basic > 0 {
        written.push('-');
    }
    let (mut done, mut at, mut delta, mut bias) = (basic, 128, 0u32, 72);
    while let Some(next) = letters.iter().copied().filter(|&letter| letter >= at).min() {
        // 63 letters cannot make this overflow: each is below 2^21.
        delta += (next - at) * (done + 1);
        for &letter in &letters {
            if letter < next {
                delta += 1;
            }
            if letter == next {
                write_digits(&mut written, delta, bias);
                bias = adapted(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        at = next + 1;
    }
    written
}

/// A number in digits of which each has its own base, the lowest first.
fn write_digits(written: &mut String, number: u32, bias: u32) {
    let mut left = number;
    for place in 1.. {
        let threshold = (36 * place).max(bias + 1).min(bias + 26) - bias;
        if left < threshold {
            written.push(digit(left));
            break;
        }
        let base = 36 - threshold;
        written.push(digit(threshold + (left - threshold) % base));
        left = (left - threshold) / base;
    }
}

fn digit(value: u32) -> char {
    char::from(if value < 26 { b'a' + value as u8 } else { b'0' + (value - 26) as u8 })
}

/// The bias for the next number (RFC 3492 section 6.1).
fn adapted(delta: u32, letters: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / letters;
    let mut bias = 0;
    while delta > 455 {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    /// What the test vectors speak of.
    const LIST: &str = "// ===BEGIN ICANN DOMAINS===\ncom\nbiz\nac\n*.mm\njp\nac.jp\nkyoto.jp\nide.kyoto.jp\n*.kobe.jp\n\
        !city.kobe.jp\n*.ck\n!www.ck\r\nus\nak.us\nk12.ak.us  and the rest of the line\n\ncn\ncom.cn\n公司.cn\n中国\nÜBER.de\n\
        // ===BEGIN PRIVATE DOMAINS===\n  uk.com\nio\ngithub.io\n";

    /// A name in wire form; labels are as they stand, beyond ASCII too.
    fn wire(name: &str) -> Vec<u8> {
        let labels = name.split('.').filter(|label| !label.is_empty());
        let labels = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        labels.chain([0]).collect()
    }

    /// Both lists say that this is the registered domain; `-` is none.
    fn check(name: &str, expected: &str) {
        let name = wire(name);
        for list in [SuffixList::built_in(), SuffixList::parse(LIST.as_bytes()).unwrap()] {
            let found = list.registered_domain(&name).map(|start| &name[start..]);
            let expected = (expected != "-").then(|| wire(expected));
            assert_eq!(found, expected.as_deref(), "{:?}", String::from_utf8_lossy(&name));
        }
    }

    #[test]
    fn the_official_vectors_hold() {
        let vectors = "COM - example.COM example.COM WwW.example.COM example.COM example - \
            example.example example.example b.example.example example.example \
            a.b.example.example example.example biz - domain.biz domain.biz b.domain.biz domain.biz \
            a.b.domain.biz domain.biz com - example.com example.com b.example.com example.com \
            a.b.example.com example.com uk.com - example.uk.com example.uk.com b.example.uk.com example.uk.com \
            a.b.example.uk.com example.uk.com test.ac test.ac mm - c.mm - b.c.mm b.c.mm a.b.c.mm b.c.mm jp - \
            test.jp test.jp www.test.jp test.jp ac.jp - test.ac.jp test.ac.jp www.test.ac.jp test.ac.jp \
            kyoto.jp - test.kyoto.jp test.kyoto.jp ide.kyoto.jp - b.ide.kyoto.jp b.ide.kyoto.jp \
            a.b.ide.kyoto.jp b.ide.kyoto.jp c.kobe.jp - b.c.kobe.jp b.c.kobe.jp a.b.c.kobe.jp b.c.kobe.jp \
            city.kobe.jp city.kobe.jp www.city.kobe.jp city.kobe.jp ck - test.ck - b.test.ck b.test.ck \
            a.b.test.ck b.test.ck www.ck www.ck www.www.ck www.ck us - test.us test.us www.test.us test.us \
            ak.us - test.ak.us test.ak.us www.test.ak.us test.ak.us k12.ak.us - test.k12.ak.us test.k12.ak.us \
            www.test.k12.ak.us test.k12.ak.us xn--85x722f.com.cn xn--85x722f.com.cn \
            xn--85x722f.xn--55qx5d.cn xn--85x722f.xn--55qx5d.cn \
            www.xn--85x722f.xn--55qx5d.cn xn--85x722f.xn--55qx5d.cn \
            shishi.xn--55qx5d.cn shishi.xn--55qx5d.cn xn--55qx5d.cn - xn--85x722f.xn--fiqs8s xn--85x722f.xn--fiqs8s \
            www.xn--85x722f.xn--fiqs8s xn--85x722f.xn--fiqs8s shishi.xn--fiqs8s shishi.xn--fiqs8s xn--fiqs8s -";
        let vectors: Vec<&str> = vectors.split_whitespace().collect();
        vectors.chunks_exact(2).for_each(|vector| check(vector[0], vector[1]));
    }

    #[test]
    fn the_private_division_counts() {
        check("www.someone.github.io", "someone.github.io");
        check("github.io", "-");
    }

    #[test]
    fn octets_that_no_rule_has_equal_none() {
        // What the list has as an A-label, in UTF-8: an unknown label below `cn`, and an unknown TLD.
        check("www.公司.cn", "公司.cn");
        check("www.中国", "www.中国");
        for list in [SuffixList::built_in(), SuffixList::parse(LIST.as_bytes()).unwrap()] {
            assert_eq!(list.registered_domain(b"\x01a\x05ac.jp\0"), Some(0), "a dot within a label");
            assert_eq!(list.registered_domain(b"\x01a\x05ac.jp\x02jp\0"), Some(2), "a dot within a label");
            assert_eq!(
                list.registered_domain(b"\x01a\x03\xFF\x80\x00\x02CK\0"),
                Some(0),
                "a wildcard takes any"
            );
        }
    }

    #[test]
    fn the_parts_of_a_name_are_told_together() {
        let list = SuffixList::built_in();
        let split = |registered, suffix, tld| Some(Split { registered, suffix, tld });
        assert_eq!(list.split(&wire("www.example.co.uk")), split(Some(4), 12, 15));
        assert_eq!(list.public_suffix(&wire("www.example.co.uk")), Some(12));
        assert_eq!(list.split(&wire("co.uk")), split(None, 0, 3));
        assert_eq!(tld(&wire("www.example.co.uk")), Some(15));
        assert_eq!((tld(b"\0"), list.split(b"\0")), (None, None), "the root has no parts");
    }

    #[test]
    fn what_is_no_name_has_no_parts() {
        let long = [&[63; 64][..], &[63; 64], &[63; 64], &[62; 63], b"\0"].concat();
        assert_eq!((long.len(), tld(&long)), (256, None));
        assert_eq!(tld(&long[64..]), Some(128));
        for wire in [&b""[..], b"\x03ww", b"\x03www", b"\x40a\0", b"\xC0\x00", b"\x01a\0\0", &[1; 600]] {
            assert_eq!((tld(wire), SuffixList::built_in().split(wire)), (None, None), "{wire:?}");
        }
        let most = [&b"\x01a".repeat(127)[..], b"\0"].concat();
        assert_eq!(tld(&most), Some(252));
    }

    #[test]
    fn labels_beyond_ascii_are_punycoded() {
        // The first are samples of RFC 3492 section 7.1 in lower case.
        for (label, expected) in [
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("pročprostěnemluvíčesky", "proprostnemluvesky-uyb24dma41a"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("bücher", "bcher-kva"),
            ("公司", "55qx5d"),
        ] {
            assert_eq!(punycode(label), expected);
        }
        let list = SuffixList::parse("ÜBER.de".as_bytes()).unwrap();
        assert_eq!(list.registered_domain(&wire("a.xn--ber-goa.de")), Some(0));
    }

    #[test]
    fn lines_that_are_no_rules_are_named() {
        let refused = |list: &[u8], expected: &str| {
            let told = SuffixList::parse(list).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        };
        refused(b"com\na..b\n", "line 2: 'a..b' is not a rule (a label is empty)");
        refused(b"com\n\nb.*.c", "line 3: 'b.*.c'");
        refused(b"!com", "exception");
        refused(&[b'a'; 64], "63 octets");
        refused(&b"a.".repeat(17), "longer than rules");
        refused(&b"a23456789012345678901234567890.".repeat(9), "longer than rules");
        refused(b"com\n\xFF\n", "line 2 is not UTF-8");
        refused(b"// nothing\n\n", "no rules");
        refused("é".repeat(5000).as_bytes(), "63 octets");
    }

    /// The public suffix as plainly as the list's own page has it: of all rules that match, an exception, or the longest.
    fn plain_suffix(labels: &[&str]) -> usize {
        let mut longest = 1;
        let rules = LIST.lines().filter_map(|line| line.split_whitespace().next());
        for rule in rules.filter(|rule| rule.is_ascii() && !rule.starts_with("//")) {
            let parts: Vec<&str> = rule.trim_start_matches('!').split('.').collect();
            let is_match = parts.len() <= labels.len()
                && parts
                    .iter()
                    .rev()
                    .zip(labels.iter().rev())
                    .all(|(part, label)| *part == "*" || part == label);
            match is_match {
                true if rule.starts_with('!') => return parts.len() - 1,
                true => longest = longest.max(parts.len()),
                false => {}
            }
        }
        longest
    }

    #[test]
    fn the_longest_rule_is_found_as_a_plain_reader_finds_it() {
        let list = SuffixList::parse(LIST.as_bytes()).unwrap();
        let some = vec![
            "www", "ck", "jp", "kobe", "city", "kyoto", "ide", "ac", "com", "uk", "io", "github", "mm", "x",
        ];
        let names = vec(proptest::sample::select(some), 1..5);
        let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let held = TestRunner::new_with_rng(config, rng).run(&names, |labels| {
            let name = wire(&labels.join("."));
            let start = list.public_suffix(&name).unwrap();
            prop_assert_eq!(&name[start..], &wire(&labels[labels.len() - plain_suffix(&labels)..].join(".")));
            Ok(())
        });
        held.unwrap();
    }
}
