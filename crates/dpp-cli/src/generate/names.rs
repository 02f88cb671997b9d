//! The names that are asked for: syllables put together by chance, below names set aside for documentation
//! and testing (RFC 2606), so that nobody's real name can appear.
//!
//! The surprising fact: names are kept as DNS wire format from the start and never as text. Called by
//! `traffic`; rank 0 is the most popular name.

use std::collections::HashSet;

use super::random::{Choice, Random, mixed};

/// All names of a capture, by rank of popularity.
#[derive(Debug)]
pub(super) struct Names {
    /// The wire forms, one after another.
    wire: Vec<u8>,
    /// Where each name ends in `wire`; it starts where the one before ends.
    ends: Vec<u32>,
}

impl Names {
    /// `count` different names.
    pub(super) fn new(count: u32, random: &mut Random) -> Self {
        let zones = Choice::new(&ZONES.map(|(_, weight)| weight));
        let mut names = Names { wire: Vec::new(), ends: Vec::new() };
        // Only asked, never walked: its order is another one in each run.
        let mut seen = HashSet::new();
        while names.ends.len() < count as usize {
            // Every name already taken makes the next try a syllable longer, so tries do not go on for ever.
            let mut syllables = 2 + random.below(2);
            let name = loop {
                let name = draw_name(syllables, &zones, random);
                if seen.insert(name.clone()) {
                    break name;
                }
                syllables = (syllables + 1).min(SYLLABLES_MAX);
            };
            names.wire.extend_from_slice(&name);
            names.ends.push(names.wire.len() as u32);
        }
        names
    }

    /// The wire form of the name of this rank, its root label included.
    pub(super) fn wire(&self, rank: u32) -> &[u8] {
        let start = if rank == 0 { 0 } else { self.ends[rank as usize - 1] };
        &self.wire[start as usize..self.ends[rank as usize] as usize]
    }

    /// A word that stands for what the zone says about the name: how many addresses, and which.
    pub(super) fn facts(rank: u32) -> u64 {
        mixed(u64::from(rank))
    }
}

/// The zones in wire format, and how many names of a hundred lie in each.
const ZONES: [(&[u8], f64); 5] = [
    (b"\x07example\x03com\x00", 25.0),
    (b"\x07example\x03net\x00", 10.0),
    (b"\x07example\x03org\x00", 10.0),
    (b"\x07example\x00", 25.0),
    (b"\x04test\x00", 30.0),
];

/// Hosts in front of the made-up label; one name in eight has one.
const HOSTS: [&[u8]; 8] =
    [b"\x03www", b"\x03api", b"\x03cdn", b"\x04mail", b"\x03img", b"\x03ns1", b"\x04imap", b"\x06static"];

const CONSONANTS: &[u8] = b"bdfghjklmnprstvz";
const VOWELS: &[u8] = b"aeiou";
/// Syllables have at most three letters and a label at most 63 (RFC 1035, section 2.3.4).
const SYLLABLES_MAX: u32 = 21;

fn draw_name(syllables: u32, zones: &Choice, random: &mut Random) -> Vec<u8> {
    let mut name = Vec::with_capacity(32);
    if random.below(8) == 0 {
        name.extend_from_slice(HOSTS[random.below(HOSTS.len() as u32) as usize]);
    }
    let length_at = name.len();
    name.push(0);
    (0..syllables).for_each(|_| push_syllable(&mut name, random));
    name[length_at] = (name.len() - length_at - 1) as u8;
    name.extend_from_slice(ZONES[zones.draw(random)].0);
    name
}

fn push_syllable(label: &mut Vec<u8>, random: &mut Random) {
    label.push(letter(CONSONANTS, random));
    label.push(letter(VOWELS, random));
    if random.below(4) == 0 {
        label.push(letter(CONSONANTS, random));
    }
}

fn letter(letters: &[u8], random: &mut Random) -> u8 {
    letters[random.below(letters.len() as u32) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_well_formed_and_of_the_documentation_kind() {
        let names = Names::new(20_000, &mut Random::new(1, 0));
        // Only asked, never walked: its order is another one in each run.
        let mut seen = HashSet::new();
        for rank in 0..20_000 {
            let name = names.wire(rank);
            assert!(seen.insert(name), "{name:?} twice");
            assert!(
                ZONES.iter().any(|(zone, _)| name.ends_with(zone) && name.len() > zone.len()),
                "{name:?}"
            );
            assert_eq!(labels_end(name), name.len(), "{name:?}");
        }
    }

    /// Where the root label ends when labels are walked by their lengths.
    fn labels_end(name: &[u8]) -> usize {
        let mut at = 0;
        while name[at] != 0 {
            assert!(name[at] < 64);
            at += 1 + name[at] as usize;
        }
        at + 1
    }
}
