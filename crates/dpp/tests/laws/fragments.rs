//! What the reassembly of fragments means: written plainly, without bounds, a byte at a time.
//!
//! [`script`] makes fragments of bytes, whatever they are, so that a fuzzer and a random draw test the same: datagrams that
//! are cut, reordered, repeated, damaged, and interleaved with others that nearly have their key. [`check`] holds the
//! [`Reassembler`] against the [`Oracle`]; [`check_bounded`] holds it against its own bounds.

use dpp::limits::{FragmentLimits, RECENT_BYTES_MAX, RECENT_DATAGRAMS, RECENT_NS};
use dpp::packet::{Addresses, Fragment, Outer, SKIPS, Skip, Skips, Tunnel, Volume};
use dpp::stream::Moment;
use dpp::stream::fragments::{Fragments, Reassembler};
use std::collections::BTreeMap;

/// A fragment and when it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) v6: bool,
    /// The last octets of the addresses.
    pub(crate) source: u8,
    pub(crate) destination: u8,
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
    /// 0: none.
    pub(crate) tunnel_id: u32,
    pub(crate) vlan: u16,
    pub(crate) offset: usize,
    pub(crate) more: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) payload_length: usize,
    pub(crate) clock_ns: i64,
    pub(crate) volume: Volume,
}

impl Seen {
    /// Hands it to `cell` as the packet at `position`.
    pub(crate) fn give(&self, cell: &mut Reassembler, position: u64) -> Option<Given> {
        let (mut source, mut destination) = ([0xFD; 16], [0xFE; 16]);
        (source[7], destination[15]) = (self.source, self.destination);
        let addresses = match self.v6 {
            true => Addresses::V6 { source: &source, destination: &destination },
            false => Addresses::V4 {
                source: source[4..].first_chunk().expect("4 of 12"),
                destination: destination[12..].first_chunk().expect("4 of 4"),
            },
        };
        let tunnel = (self.tunnel_id != 0).then_some(Tunnel::Gre);
        let outer = Outer {
            vlans: [self.vlan, 0, 0, 0],
            vlan_count: 1,
            hop_limit: 0,
            tunnel,
            tunnel_id: self.tunnel_id,
        };
        let fragment = Fragment {
            addresses,
            protocol: self.protocol,
            identification: self.identification,
            offset: self.offset,
            more: self.more,
            payload: &self.payload,
            payload_length: self.payload_length,
            outer,
            layers_left: usize::from(self.vlan),
        };
        let clock_ns = self.clock_ns;
        let moment = Moment { position, time_ns: clock_ns, before_ns: clock_ns, after_ns: clock_ns };
        let whole = cell.take(&fragment, addresses, &moment, self.volume)?;
        assert_eq!((whole.first.addresses, whole.outermost), (addresses, addresses));
        assert_eq!((whole.first.identification, whole.first.offset), (self.identification, 0));
        assert_eq!((whole.first.outer.tunnel, whole.first.outer.tunnel_id), (tunnel, self.tunnel_id));
        assert_eq!(
            whole.first.layers_left,
            usize::from(whole.first.outer.vlans[0]),
            "both of the first fragment"
        );
        Some(Given {
            payload: whole.payload.to_vec(),
            length: whole.length,
            protocol: whole.first.protocol,
            vlan: whole.first.outer.vlans[0],
            volume: whole.volume,
            first_position: whole.first_position,
        })
    }

    fn key(&self) -> (bool, u8, u8, u8, u32, u32) {
        let protocol = if self.v6 { 0 } else { self.protocol };
        (self.v6, self.source, self.destination, protocol, self.identification, self.tunnel_id)
    }

    fn end(&self) -> usize {
        self.offset + self.payload_length
    }

    /// The same range of the same datagram, and the same bytes as far as both were captured.
    fn is_again(&self, other: &Seen) -> bool {
        let range = |seen: &Seen| (seen.offset, seen.payload_length, seen.more);
        range(self) == range(other) && self.payload.iter().zip(&other.payload).all(|(a, b)| a == b)
    }
}

/// What a whole datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) payload: Vec<u8>,
    pub(crate) length: usize,
    pub(crate) protocol: u8,
    pub(crate) vlan: u16,
    pub(crate) volume: Volume,
    pub(crate) first_position: u64,
}

/// A datagram that waits or was completed.
#[derive(Clone, Debug)]
struct Open {
    since_ns: i64,
    first_position: u64,
    given_up: Option<Skip>,
    there: Vec<Seen>,
}

impl Open {
    fn volume(&self) -> Volume {
        let mut volume = Volume::default();
        self.there.iter().for_each(|seen| volume.merge(&seen.volume));
        volume
    }

    /// Each byte that is there; `None` if it was not captured.
    fn bytes(&self) -> BTreeMap<usize, Option<u8>> {
        let bytes = self.there.iter().flat_map(|seen| {
            (0..seen.payload_length).map(|at| (seen.offset + at, seen.payload.get(at).copied()))
        });
        bytes.collect()
    }

    fn last(&self) -> Option<&Seen> {
        self.there.iter().find(|seen| !seen.more)
    }

    /// Why the fragment cannot be of this datagram.
    fn against(&self, seen: &Seen) -> Option<Skip> {
        let beyond = |last: &Seen, other: &Seen| {
            other.end() > last.end() || (!other.more && other.end() != last.end())
        };
        let malformed = self.last().is_some_and(|last| beyond(last, seen))
            || (!seen.more && self.there.iter().any(|other| beyond(seen, other)));
        let bytes = self.bytes();
        match malformed {
            true => Some(Skip::FragmentMalformed),
            false => {
                (seen.offset..seen.end()).any(|at| bytes.contains_key(&at)).then_some(Skip::FragmentOverlap)
            }
        }
    }

    fn whole(&self) -> Option<Given> {
        let (bytes, length) = (self.bytes(), self.last()?.end());
        let first = self.there.iter().find(|seen| seen.offset == 0)?;
        (bytes.len() == length).then(|| Given {
            payload: bytes.values().map_while(|&byte| byte).collect(),
            length,
            protocol: first.protocol,
            vlan: first.vlan,
            volume: self.volume(),
            first_position: self.first_position,
        })
    }
}

/// The meaning of a sequence of fragments, without bounds.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) counts: Fragments,
    pub(crate) skips: Skips,
    open: BTreeMap<(bool, u8, u8, u8, u32, u32), Open>,
    recent: Vec<Open>,
    clock_ns: i64,
}

impl Oracle {
    pub(crate) fn take(&mut self, seen: &Seen, position: u64) -> Option<Given> {
        self.recent.pop_if(|open| open.last().is_some_and(|last| last.end() > RECENT_BYTES_MAX));
        self.advance(seen.clock_ns);
        match self.place(seen, position) {
            Ok(whole) => whole,
            Err(reason) => {
                self.skips.add_all(reason, position, &seen.volume);
                None
            }
        }
    }

    fn advance(&mut self, clock_ns: i64) {
        if clock_ns < self.clock_ns {
            let all = self.open.values_mut().chain(&mut self.recent);
            all.for_each(|open| open.since_ns = open.since_ns.min(clock_ns));
        }
        self.clock_ns = clock_ns;
        let timeout = |v6| if v6 { 60_000_000_000 } else { 30_000_000_000 };
        let due = self.open.extract_if(.., |key, open| clock_ns - open.since_ns > timeout(key.0));
        for (_, open) in due.filter(|(_, open)| open.given_up.is_none()) {
            self.counts.timed_out += 1;
            self.skips.add_all(Skip::FragmentTimeout, open.first_position, &open.volume());
        }
    }

    fn place(&mut self, seen: &Seen, position: u64) -> Result<Option<Given>, Skip> {
        let impossible = seen.payload_length == 0
            || seen.end() > 65_535
            || (seen.more && !seen.payload_length.is_multiple_of(8));
        if impossible {
            return Err(Skip::FragmentMalformed);
        }
        let completed = |open: &Open| {
            open.there[0].key() == seen.key()
                && seen.clock_ns - open.since_ns <= RECENT_NS
                && open.there.iter().any(|other| seen.is_again(other))
        };
        if !self.open.contains_key(&seen.key()) {
            if self.recent.iter().any(completed) {
                return Err(Skip::FragmentRepeated);
            }
            self.counts.begun += 1;
        }
        let open = self.open.entry(seen.key()).or_insert_with(|| Open {
            since_ns: seen.clock_ns,
            first_position: position,
            given_up: None,
            there: Vec::new(),
        });
        if let Some(reason) = open.given_up {
            return Err(reason);
        }
        if open.there.iter().any(|other| seen.is_again(other)) {
            return Err(Skip::FragmentRepeated);
        }
        if let Some(reason) = open.against(seen) {
            self.counts.conflicting += 1;
            self.skips.add_all(reason, open.first_position, &open.volume());
            open.given_up = Some(reason);
            open.there.clear();
            return Err(reason);
        }
        open.there.push(seen.clone());
        let whole = open.whole();
        if whole.is_some() {
            self.counts.completed += 1;
            if self.recent.len() == RECENT_DATAGRAMS {
                self.recent.remove(0);
            }
            self.recent.extend(self.open.remove(&seen.key()));
        }
        Ok(whole)
    }

    pub(crate) fn finish(&mut self) {
        for open in std::mem::take(&mut self.open).into_values().filter(|open| open.given_up.is_none()) {
            self.counts.incomplete += 1;
            self.skips.add_all(Skip::FragmentIncomplete, open.first_position, &open.volume());
        }
    }
}

/// No bound that a script could reach.
pub(crate) const UNBOUNDED: FragmentLimits = FragmentLimits {
    v4_timeout_ns: 30_000_000_000,
    v6_timeout_ns: 60_000_000_000,
    datagrams: 1 << 20,
    bytes: 1 << 30,
    shares: 1,
    pieces: 1 << 13,
};

/// Checks that the reassembler gives what the oracle does, fragment by fragment. Gives what became of datagrams.
///
/// # Errors
/// What differs.
pub(crate) fn check(fragments: &[Seen]) -> Result<Fragments, String> {
    let (mut cell, mut oracle) = (Reassembler::new(&UNBOUNDED), Oracle::default());
    let mut sums = Sums::default();
    for (position, seen) in (0..).zip(fragments) {
        let (told, expected) = (seen.give(&mut cell, position), oracle.take(seen, position));
        equal(&told, &expected, position)?;
        sums.check(seen, told.as_ref(), &cell)?;
    }
    cell.finish();
    oracle.finish();
    equal(&cell.counts, &oracle.counts, u64::MAX)?;
    for &(skip, ..) in SKIPS {
        let of = |skips: &Skips| (skip, skips.of(skip), skips.first(skip).collect::<Vec<_>>());
        equal(&of(&cell.skips), &of(&oracle.skips), u64::MAX)?;
    }
    equal(&cell.waiting(), &Volume::default(), u64::MAX)?;
    Ok(cell.counts)
}

/// Checks that bounds are kept and all fragments accounted for. Gives what became of datagrams.
///
/// # Errors
/// What does not hold.
pub(crate) fn check_bounded(fragments: &[Seen], limits: &FragmentLimits) -> Result<Fragments, String> {
    let mut cell = Reassembler::new(limits);
    let mut sums = Sums::default();
    for (position, seen) in (0..).zip(fragments) {
        let told = seen.give(&mut cell, position);
        sums.check(seen, told.as_ref(), &cell)?;
        // No fragment is charged less than 16 bytes, and none here stands for more than two packets.
        if cell.waiting().packets > 2 * (limits.bytes / 16) as u64 {
            return Err(format!("{:?} wait after {position}", cell.waiting()));
        }
    }
    cell.finish();
    let counts = cell.counts;
    let ended = counts.completed + counts.conflicting + counts.timed_out + counts.evicted + counts.incomplete;
    equal(&counts.begun, &ended, u64::MAX)?;
    Ok(counts)
}

fn equal<T: PartialEq + std::fmt::Debug>(told: &T, expected: &T, position: u64) -> Result<(), String> {
    match told == expected {
        true => Ok(()),
        false => Err(format!("at {position}\ntold     {told:?}\nexpected {expected:?}")),
    }
}

/// Fragments given, and those in whole datagrams.
#[derive(Debug, Default)]
struct Sums {
    given: Volume,
    whole: Volume,
}

impl Sums {
    fn check(&mut self, seen: &Seen, told: Option<&Given>, cell: &Reassembler) -> Result<(), String> {
        self.given.merge(&seen.volume);
        told.inspect(|whole| self.whole.merge(&whole.volume));
        let mut sum = self.whole;
        sum.merge(&cell.skips.total());
        sum.merge(&cell.waiting());
        equal(&sum, &self.given, u64::MAX)
    }
}

/// Makes fragments of bytes, eight for each datagram:
/// key, length, way to cut, order, deed, the fragment it is done to, what it does, clock.
pub(crate) fn script(bytes: &[u8]) -> Vec<Seen> {
    let mut clock_ns = 1_000_000_000_000;
    let mut placed = Vec::new();
    for (number, step) in bytes.chunks_exact(8).enumerate() {
        let &[key, length, cut, order, deed, which, how, time] = step else { continue };
        clock_ns += clock_step_ns(time);
        let mut fragments = fragments(key, length, cut, clock_ns);
        shuffle(&mut fragments, order);
        do_to(&mut fragments, deed, usize::from(which), how);
        // Datagrams overlap in time: the fragments of the next ones come between those of this one.
        let distance = 1 + usize::from(time >> 5);
        let places = fragments.into_iter().enumerate().map(|(at, seen)| (8 * number + distance * at, seen));
        placed.extend(places);
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, seen)| seen).collect()
}

fn clock_step_ns(time: u8) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    match time & 31 {
        0..=19 => 1_000_000,
        20..=23 => 9 * SECOND,
        24..=25 => 30 * SECOND,
        26..=27 => 30 * SECOND + 1,
        28 => 60 * SECOND + 1,
        29 => -11 * SECOND,
        30 => -40 * SECOND,
        _ => -3600 * SECOND,
    }
}

/// A datagram, cut.
fn fragments(key: u8, length: u8, cut: u8, clock_ns: i64) -> Vec<Seen> {
    // A few long ones, which are not remembered.
    let length = if length == 255 { 9_001 } else { 1 + usize::from(length) / 2 };
    let unit = 8 * (1 + usize::from(cut % 8)) * if length > 255 { 64 } else { 1 };
    let mut offset = 0;
    let mut fragments = Vec::new();
    while offset < length {
        let here = unit.min(length - offset);
        let payload: Vec<u8> =
            (offset..offset + here).map(|at| (at as u8).wrapping_mul(7) ^ (length as u8)).collect();
        fragments.push(Seen {
            v6: key & 1 != 0,
            source: key >> 1 & 1,
            destination: u8::from(key & 0xC0 == 0xC0),
            protocol: if key & 0x18 == 0x18 { 6 } else { 17 },
            identification: u32::from(key >> 2 & 1),
            tunnel_id: u32::from(key >> 5 & 3).saturating_sub(1),
            vlan: u16::from(cut),
            offset,
            more: offset + here < length,
            payload_length: here,
            clock_ns,
            volume: Volume { packets: 1 + u64::from(cut >> 7), bytes: 40 + payload.len() as u64 },
            payload,
        });
        offset += here;
    }
    fragments
}

/// Leaves them in order, turns them round, or shuffles them.
fn shuffle(fragments: &mut [Seen], order: u8) {
    match order {
        0..=99 => {}
        100..=149 => fragments.reverse(),
        seed => {
            let mut state = u32::from(seed);
            for at in (1..fragments.len()).rev() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                fragments.swap(at, (state >> 16) as usize % (at + 1));
            }
        }
    }
}

/// Does something to one of the fragments, or to one more like it.
fn do_to(fragments: &mut Vec<Seen>, deed: u8, which: usize, how: u8) {
    let at = which % fragments.len();
    let again = fragments[at].clone();
    let place = (at + 1 + usize::from(how) % 3).min(fragments.len());
    match deed {
        0..=99 => {}
        100..=129 => fragments.insert(place, again),
        130..=149 => {
            let mut other = again;
            other.payload[0] ^= 1;
            fragments.insert(place, other);
        }
        150..=164 => {
            let mut other = again;
            other.offset += 8 * usize::from(how % 4);
            fragments.insert(place, other);
        }
        165..=174 => {
            let mut other = again;
            other.more = !other.more;
            fragments.insert(place, other);
        }
        175..=184 => {
            let mut other = again;
            other.offset = 65_528 - usize::from(how) / 32 * 8;
            fragments.insert(place, other);
        }
        185..=219 => {
            let seen = &mut fragments[at];
            seen.payload.truncate(usize::from(how) % (seen.payload.len() + 1));
            if deed > 200 {
                fragments.insert(place, again);
            }
        }
        220..=234 => drop(fragments.remove(at)),
        235..=239 => fragments[at].payload_length = usize::from(how),
        240..=247 => fragments.extend_from_within(..),
        _ => fragments[at].protocol = how,
    }
    fragments.iter_mut().for_each(|seen| seen.payload.truncate(seen.payload_length));
}
