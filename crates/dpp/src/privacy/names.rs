//! The mapping of names, by one of the [schemes](NameScheme). Names come and go in uncompressed wire form.

use super::addresses::MapError;
use super::hashed::LabelHash;
use super::key::KeyFile;
use super::spec::NameScheme;
use std::fmt;

/// The longest name in wire form, with its final zero octet (RFC 1035 section 3.1).
pub const NAME_MAX: usize = 255;

/// A mapping from names to pseudonymous names.
#[derive(Clone)]
pub struct NameMap {
    scheme: NameScheme,
    labels: Option<LabelHash>,
    fingerprint: Option<String>,
}

impl NameMap {
    /// The mapping by a scheme. What hashes nothing needs no key, and ignores one.
    ///
    /// # Errors
    /// [`MapError`] if a key is needed and missing.
    pub fn new(scheme: NameScheme, key: Option<&KeyFile>) -> Result<Self, MapError> {
        if !scheme.needs_key() {
            return Ok(NameMap { scheme, labels: None, fingerprint: None });
        }
        let key = key.ok_or(MapError::KeyMissing(scheme.word()))?;
        let labels = Some(LabelHash::new(key.derived("names")));
        Ok(NameMap { scheme, labels, fingerprint: Some(key.fingerprint("names")) })
    }

    /// What to write for a name, `None` if there is to be none; what is not a name in wire form is dropped too, since nobody
    /// knows what it gives away. The root stays the root, and equal names stay equal.
    ///
    /// `kept` is asked only by the schemes of the registered domain: how many labels, counted from the right, stay as they are.
    /// For a name that has no registered domain (a public suffix itself) that should be all of them.
    ///
    /// ```
    /// # use dpp::privacy::{NAME_MAX, NameMap};
    /// let map = NameMap::new("registered-domain".parse().unwrap(), None).unwrap();
    /// let name = map.of(b"\x03www\x07example\x03com\0", |_| 2, &mut [0; NAME_MAX]).map(<[u8]>::to_vec);
    /// assert_eq!(name.as_deref(), Some(&b"\x07example\x03com\0"[..]));
    /// ```
    pub fn of<'s>(
        &self,
        name: &'s [u8],
        kept: impl FnOnce(&[u8]) -> usize,
        scratch: &'s mut [u8; NAME_MAX],
    ) -> Option<&'s [u8]> {
        let labels = Labels::of(name)?;
        let kept = match self.scheme {
            NameScheme::Drop => return None,
            NameScheme::Hash => 0,
            NameScheme::RegisteredDomain | NameScheme::RegisteredDomainHashed => kept(name),
        };
        let hashed = labels.count().saturating_sub(kept);
        let suffix = &name[labels.start(hashed)..];
        Some(match &self.labels {
            Some(hash) => hash.write(name, &labels, 0..hashed, suffix, scratch),
            None => suffix,
        })
    }

    /// The scheme.
    pub fn scheme(&self) -> NameScheme {
        self.scheme
    }

    /// Names the key without telling it ([`KeyFile::fingerprint`]); none if there is no key.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

impl fmt::Debug for NameMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameMap({}, ..)", self.scheme)
    }
}

/// Where the labels of a name begin.
pub(super) struct Labels {
    starts: [u8; 128],
    count: usize,
}

impl Labels {
    /// The labels of a name in wire form: lengths and octets up to the zero octet at the end.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let mut labels = Labels { starts: [0; 128], count: 0 };
        let mut at = 0;
        loop {
            labels.starts[labels.count] = u8::try_from(at).ok().filter(|at| usize::from(*at) < NAME_MAX)?;
            match name.get(at)? {
                0 => return (at + 1 == name.len()).then_some(labels),
                length @ 1..=63 => at += 1 + usize::from(*length),
                _ => return None,
            }
            labels.count += 1;
        }
    }

    /// How many, without the root.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Where the label with this number begins, counted from the left; the last is the root.
    pub(super) fn start(&self, label: usize) -> usize {
        usize::from(self.starts[label])
    }
}
