//! Which addresses are the server's.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A set of addresses. Its text is the same for the same set, however it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// In order, without overlap.
    v4: Vec<RangeInclusive<u32>>,
    v6: Vec<RangeInclusive<u128>>,
    is_all: bool,
}

impl Servers {
    /// All addresses there are: which message is a query to the server is told by its port and QR bit alone.
    pub fn all() -> Servers {
        Servers { is_all: true, ..Servers::default() }
    }

    /// Whether it is all addresses, be they known or not.
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.is_all && self.v4.is_empty() && self.v6.is_empty()
    }

    /// Adds the addresses that have the first `length` bits in common with this one; those behind must be zero.
    ///
    /// # Errors
    /// If the prefix is longer than an address, or has other bits set.
    pub fn add(&mut self, address: IpAddr, length: u32) -> Result<(), NoPrefix> {
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let free = width.checked_sub(length).ok_or(NoPrefix)?;
        let rest = match free {
            128 => u128::MAX,
            free => (1 << free) - 1,
        };
        match address {
            IpAddr::V4(address) => {
                let first = address.to_bits();
                let rest = rest as u32;
                if first & rest != 0 {
                    return Err(NoPrefix);
                }
                insert(&mut self.v4, first..=first | rest, |last| last.checked_add(1));
            }
            IpAddr::V6(address) => {
                let first = address.to_bits();
                if first & rest != 0 {
                    return Err(NoPrefix);
                }
                insert(&mut self.v6, first..=first | rest, |last| last.checked_add(1));
            }
        }
        Ok(())
    }

    /// Adds all addresses from the first to the last, which are of one IP version.
    pub fn add_range(&mut self, first: IpAddr, last: IpAddr) {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                insert(&mut self.v4, first.to_bits()..=last.to_bits(), |last| last.checked_add(1));
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                insert(&mut self.v6, first.to_bits()..=last.to_bits(), |last| last.checked_add(1));
            }
            _ => {}
        }
    }

    /// Whether an address is the server's.
    #[inline]
    pub fn has(&self, address: IpAddr) -> bool {
        self.is_all
            || match address {
                IpAddr::V4(address) => self.has_v4(address.to_bits()),
                IpAddr::V6(address) => self.has_v6(address.to_bits()),
            }
    }

    /// A server has one or two; those with hundreds can wait.
    #[inline(always)]
    fn has_v4(&self, address: u32) -> bool {
        self.v4.iter().any(|range| range.contains(&address))
    }

    #[inline(always)]
    fn has_v6(&self, address: u128) -> bool {
        self.v6.iter().any(|range| range.contains(&address))
    }
}

/// Adds a range to those that are there, and joins what touches.
fn insert<T: Copy + Ord>(
    ranges: &mut Vec<RangeInclusive<T>>,
    range: RangeInclusive<T>,
    next: impl Fn(T) -> Option<T>,
) {
    ranges.push(range);
    ranges.sort_unstable_by_key(|range| (*range.start(), *range.end()));
    let mut joined: Vec<RangeInclusive<T>> = Vec::with_capacity(ranges.len());
    for range in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if next(*last.end()).is_none_or(|next| *range.start() <= next) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => joined.push(range),
        }
    }
    *ranges = joined;
}

/// What is no prefix of addresses: too long, or with bits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPrefix;

/// Addresses and ranges of them, with commas between; or `all`.
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all {
            return f.write_str("all");
        }
        let v4 = self.v4.iter().map(|range| {
            let [first, last] = [range.start(), range.end()].map(|bits| IpAddr::V4((*bits).into()));
            (first, last)
        });
        let v6 = self.v6.iter().map(|range| {
            let [first, last] = [range.start(), range.end()].map(|bits| IpAddr::V6((*bits).into()));
            (first, last)
        });
        for (number, (first, last)) in v4.chain(v6).enumerate() {
            let comma = if number > 0 { "," } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The set of these prefixes, as text; and whether it has these addresses.
    #[track_caller]
    fn check(prefixes: &[(&str, u32)], text: &str, has: &[&str], has_not: &[&str]) {
        let mut servers = Servers::default();
        for (address, length) in prefixes {
            servers.add(address.parse().unwrap(), *length).unwrap();
        }
        assert_eq!(servers.to_string(), text);
        let has_it = |address: &&str| servers.has(address.parse().unwrap());
        assert!(has.iter().all(has_it) && !has_not.iter().any(has_it), "{text}");
    }

    #[test]
    fn a_set_has_what_was_added() {
        check(&[("192.0.2.53", 32)], "192.0.2.53", &["192.0.2.53"], &["192.0.2.52", "::c000:235"]);
        check(&[("192.0.2.0", 24)], "192.0.2.0-192.0.2.255", &["192.0.2.255"], &["192.0.3.0"]);
        check(&[("2001:db8::", 127)], "2001:db8::-2001:db8::1", &["2001:db8::1"], &["2001:db8::2"]);
        check(
            &[("0.0.0.0", 0), ("::", 0)],
            "0.0.0.0-255.255.255.255,::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            &["::1", "0.0.0.0"],
            &[],
        );
    }

    #[test]
    fn the_same_set_has_one_text() {
        let text = "192.0.2.0-192.0.2.3,192.0.2.9,2001:db8::1";
        check(
            &[("192.0.2.0", 31), ("192.0.2.2", 31), ("192.0.2.9", 32), ("2001:db8::1", 128)],
            text,
            &[],
            &[],
        );
        check(
            &[("2001:db8::1", 128), ("192.0.2.9", 32), ("192.0.2.1", 32), ("192.0.2.0", 30)],
            text,
            &[],
            &[],
        );
    }

    #[test]
    fn what_is_no_prefix_is_none() {
        let mut servers = Servers::default();
        assert_eq!(servers.add("192.0.2.1".parse().unwrap(), 31), Err(NoPrefix));
        assert_eq!(servers.add("192.0.2.1".parse().unwrap(), 33), Err(NoPrefix));
        assert_eq!(servers.add("::1".parse().unwrap(), 0), Err(NoPrefix));
        assert!(servers.is_empty() && !Servers::all().is_empty());
    }
}
