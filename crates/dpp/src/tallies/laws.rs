//! The laws of all tallies, and what each says beyond them held against exact maps.

use super::entry::{Entries, Op};
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Numbers drawn with a fixed seed.
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        murmur::finished(self.0)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        (1..things.len()).rev().for_each(|last| things.swap(last, self.below(last + 1)));
    }

    /// A number from 0, of which each comes about `1 / (n + 1)` as often as the first.
    fn zipf(&mut self, count: usize) -> usize {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((count as f64 + 1.0).powf(share) - 1.0) as usize
    }
}

/// Entries reduced as anybody would who knows the operators.
type Reduced = BTreeMap<(Op, Vec<u8>), u64>;

fn tell(tally: &impl Tally, reduced: &mut Reduced) {
    tally.tell("x/", &mut |op, key, number| {
        assert!(key.iter().all(u8::is_ascii_graphic), "keys are text: {}", key.escape_ascii());
        let place = reduced.entry((op, key.to_vec()));
        let combine = |mine: &mut u64| match op {
            Op::Sum => *mine += number,
            Op::Member => assert_eq!((*mine, number), (1, 1)),
            Op::Min => *mine = number.min(*mine),
            Op::Max => *mine = number.max(*mine),
        };
        place.and_modify(combine).or_insert(number);
    });
}

fn taken<T: Tally>(mut blank: T, reduced: &Reduced, lot: &mut Lot) -> T {
    let mut entries: Vec<_> = reduced.iter().collect();
    lot.shuffle(&mut entries);
    for ((op, key), number) in entries {
        let rest = key.strip_prefix(b"x/").expect("told with its prefix");
        assert_eq!(blank.take(*op, rest, *number), Ok(()), "{op:?} {}", key.escape_ascii());
    }
    blank.settle();
    blank
}

/// The same, settled now and then before all are there, as who cannot keep them all has to; entries come in the order of parts.
fn taken_bit_by_bit<T: Tally>(mut blank: T, reduced: &Reduced, lot: &mut Lot) -> T {
    for ((op, key), number) in reduced {
        let rest = key.strip_prefix(b"x/").expect("told with its prefix");
        assert_eq!(blank.take(*op, rest, *number), Ok(()), "{op:?} {}", key.escape_ascii());
        if lot.below(3) == 0 {
            blank.settle();
        }
    }
    blank.settle();
    blank
}

/// Whatever the order, the grouping, the way as entries: it is the same.
#[track_caller]
fn check_law<T: Tally + Clone + PartialEq + Debug, I: Clone>(
    seed: u64,
    (empty, blank): (impl Fn() -> T, T),
    add: impl Fn(&mut T, &I),
    items: &[I],
) -> T {
    let lot = &mut Lot(seed);
    let of = |items: &[I]| {
        let mut tally = empty();
        items.iter().for_each(|item| add(&mut tally, item));
        tally
    };
    let whole = of(items);
    let mut shuffled = items.to_vec();
    lot.shuffle(&mut shuffled);
    assert!(of(&shuffled) == whole, "seed {seed}: another order");

    let mut parts = vec![Vec::new(); 1 + lot.below(5)];
    shuffled.into_iter().for_each(|item| {
        let part = lot.below(parts.len());
        parts[part].push(item);
    });
    let mut parts: Vec<T> = parts.iter().map(|part| of(part)).collect();
    parts.push(empty());
    let mut reduced = Reduced::new();
    parts.iter().for_each(|part| tell(part, &mut reduced));
    assert!(taken(blank.clone(), &reduced, lot) == whole, "seed {seed}: entries of {} parts", parts.len());
    assert!(taken_bit_by_bit(empty(), &reduced, lot) == whole, "seed {seed}: entries bit by bit");

    while parts.len() > 1 {
        let one = parts.swap_remove(lot.below(parts.len()));
        let other = lot.below(parts.len());
        let mut turned = one.clone();
        turned.merge(&parts[other]);
        parts[other].merge(&one);
        assert!(turned == parts[other], "seed {seed}: the other way round");
    }
    assert!(parts[0] == whole, "seed {seed}: parts merged");

    let (mut told, mut told_merged) = (Reduced::new(), Reduced::new());
    tell(&whole, &mut told);
    tell(&parts[0], &mut told_merged);
    assert!(told == told_merged, "seed {seed}: equal tallies tell the same");
    assert!(taken(blank, &told, lot) == whole, "seed {seed}: told and taken");
    whole
}

/// Occurrences of keys: of so many, which come by Zipf's law.
fn occurrences(seed: u64, keys: usize, count: usize) -> Vec<(String, u64, u64)> {
    let lot = &mut Lot(seed);
    (0..count).map(|_| (format!("k{}", lot.zipf(keys)), lot.next(), 1 + lot.next() % 2)).collect()
}

fn tops(seed: u64, keys_max: u64, occurrences: &[(String, u64, u64)]) -> Tops {
    let add = |tops: &mut Tops, (key, rank, n): &(String, u64, u64)| {
        let _ = tops.add(key.as_bytes(), rank / n, *n);
    };
    check_law(seed, (|| Tops::new(keys_max), Tops::new(u64::MAX)), add, occurrences)
}

fn exact(occurrences: &[(String, u64, u64)]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    occurrences.iter().for_each(|(key, _, n)| *counts.entry(key.as_str()).or_default() += n);
    counts
}

#[test]
fn tops_depend_on_the_multiset_alone() {
    for seed in 0..40 {
        let lot = &mut Lot(seed);
        let (keys, count, keys_max) = (1 + lot.below(40), lot.below(300), lot.below(40) as u64);
        let occurrences = occurrences(seed, keys, count);
        let tops = tops(seed, keys_max, &occurrences);
        assert_eq!(tops.is_exact(), exact(&occurrences).len() as u64 <= keys_max, "seed {seed}");
    }
}

#[test]
fn few_keys_are_counted_exactly() {
    let occurrences = occurrences(1, 500, 3000);
    let (tops, exact) = (tops(1, 500, &occurrences), exact(&occurrences));
    let mut expected: Vec<_> = exact.iter().map(|(key, count)| (*count, key.as_bytes().to_vec())).collect();
    expected.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    let top = tops.top(20);
    let told: Vec<_> = top.iter().map(|top| (top.count, top.key.clone())).collect();
    assert_eq!(told, expected[..20]);
    assert!(top.iter().all(|top| top.least == top.count && top.most == top.count));
    assert_eq!(tops.total(), exact.values().sum::<u64>());
    assert_eq!(tops.distinct(), Number { keys: exact.len() as u64, error: 0.0 });
    assert_eq!(tops.chance_to_miss(0.001), 0.0);
}

/// More keys than are kept, twice.
#[test]
fn of_very_many_keys_the_frequent_ones_are_known_within_their_bounds() {
    let seed = 2;
    let occurrences = occurrences(seed, 200_000, 130_000);
    let (tops, exact) = (tops(seed, 1000, &occurrences), exact(&occurrences));
    assert!(exact.len() > 2 * crate::limits::TOPS_KEPT, "{}", exact.len());
    let mut expected: Vec<_> = exact.iter().map(|(key, count)| (*count, *key)).collect();
    expected.sort_by(|one, other| other.cmp(one));
    let total: u64 = exact.values().sum();
    assert_eq!(tops.total(), total);
    let found = tops.top(200);
    for (count, key) in &expected[..100] {
        assert!(*count > total / 2000);
        let top = found.iter().find(|top| top.key == key.as_bytes()).expect("it is frequent");
        let bounds = top.least..=top.most;
        assert!(bounds.contains(count) && bounds.contains(&top.count), "{count} {top:?}");
        assert!(top.most - top.least < total / 10_000, "{top:?} of {total}");
        assert!(top.count.abs_diff(*count) <= total / 20_000, "{count} {top:?} of {total}");
    }
    let distinct = tops.distinct();
    let off = (distinct.keys as f64 / exact.len() as f64 - 1.0).abs();
    assert!(off < 3.0 * distinct.error, "{distinct:?} of {}", exact.len());
    assert!(tops.chance_to_miss(0.001) < 1.0e-7 && tops.chance_to_miss(0.0001) > 0.1);
}

#[test]
fn the_smaller_bound_wins() {
    let occurrences = occurrences(4, 30, 200);
    let of = |keys_max, part: usize| {
        let mut tops = Tops::new(keys_max);
        occurrences
            .iter()
            .skip(part)
            .step_by(3)
            .for_each(|(key, rank, n)| _ = tops.add(key.as_bytes(), *rank, *n));
        tops
    };
    let parts = [of(1000, 0), of(5, 1), of(25, 2)];
    let merged = |order: [usize; 3]| {
        let mut all = parts[order[0]].clone();
        order[1..].iter().for_each(|&part| all.merge(&parts[part]));
        let mut tail = parts[order[1]].clone();
        tail.merge(&parts[order[2]]);
        let mut grouped = parts[order[0]].clone();
        grouped.merge(&tail);
        assert_eq!(all, grouped);
        all
    };
    let first = merged([0, 1, 2]);
    assert!(!first.is_exact());
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(merged(order), first);
    }
}

#[test]
fn distinct_keys_are_counted_whatever_the_order() {
    for seed in 0..30 {
        let lot = &mut Lot(seed);
        let keys_max = lot.below(400) as u64;
        let keys: Vec<u64> = (0..lot.below(1000)).map(|_| lot.next() % 500).collect();
        let add = |distinct: &mut Distinct, key: &u64| distinct.add(Hash::of(&key.to_be_bytes()));
        let blank = Distinct::new(u64::MAX);
        let number = check_law(seed, (|| Distinct::new(keys_max), blank), add, &keys).number();
        let exact = keys.iter().collect::<BTreeSet<_>>().len() as u64;
        match number.error == 0.0 {
            true => assert_eq!(number.keys, exact, "seed {seed}"),
            false => {
                assert!(exact > keys_max && number.keys.abs_diff(exact) <= exact / 25, "{number:?} {exact}")
            }
        }
    }
}

#[test]
fn the_number_of_keys_is_as_wrong_as_stated() {
    let mut squares = 0.0;
    let numbers = [10, 100, 1000, 10_000, 50_000, 150_000];
    for &keys in &numbers {
        let mut registers = Registers::default();
        (0..keys).for_each(|key: u32| registers.add(Hash::of(format!("{keys} {key}").as_bytes())));
        let off = registers.number() as f64 / f64::from(keys) - 1.0;
        assert!(off.abs() < 3.0 * Registers::error(), "{off} of {keys}");
        squares += off * off;
    }
    let off = (squares / numbers.len() as f64).sqrt();
    assert!(off < 1.5 * Registers::error(), "{off}");
    assert_eq!(Registers::default().number(), 0);
}

#[test]
fn quantiles_are_narrow_and_merge() {
    for seed in 0..40 {
        let lot = &mut Lot(seed);
        let numbers: Vec<u64> = (0..lot.below(300)).map(|_| lot.next() >> lot.below(64)).collect();
        let empty = (Quantiles::default, Quantiles::default());
        let quantiles = check_law(seed, empty, |quantiles, number| quantiles.add(*number), &numbers);
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(quantiles.count(), numbers.len() as u64);
        assert_eq!((quantiles.min(), quantiles.max()), (sorted.first().copied(), sorted.last().copied()));
        assert_eq!(quantiles.sum(), numbers.iter().map(|number| u128::from(*number)).sum());
        for per_mille in [0, 1, 10, 500, 900, 999, 1000] {
            let rank = (numbers.len() * per_mille).div_ceil(1000).max(1);
            let exact = sorted.get(rank - 1).copied();
            let told = quantiles.quantile(per_mille as u64);
            assert_eq!(told.is_some(), exact.is_some());
            if let (Some(told), Some(exact)) = (told, exact) {
                assert!(told >= exact && told - exact <= exact / 128, "{told} for {exact}, seed {seed}");
            }
        }
        let buckets = quantiles.buckets().map(|(first, last, count)| {
            let inside = sorted.iter().filter(|number| (first..=last).contains(*number)).count();
            assert_eq!(inside as u64, count);
            count
        });
        assert_eq!(buckets.sum::<u64>(), numbers.len() as u64);
    }
}

#[test]
fn counts_merge() {
    for seed in 0..20 {
        let lot = &mut Lot(seed);
        let numbers: Vec<u16> = (0..lot.below(300)).map(|_| lot.next() as u16 >> lot.below(16)).collect();
        let empty = (Counts::default, Counts::default());
        let counts = check_law(seed, empty, |counts, number| counts.add(*number), &numbers);
        let mut exact = BTreeMap::new();
        numbers.iter().for_each(|number| *exact.entry(*number).or_insert(0) += 1);
        assert!(counts.iter().eq(exact.iter().map(|(number, count)| (*number, *count))));
        assert!(exact.iter().all(|(number, count)| counts.of(*number) == *count));
        assert_eq!(counts.total(), numbers.len() as u64);
    }
    let mut counts = Counts::default();
    [300, 7, 9, 300, 9].into_iter().for_each(|number| counts.add(number));
    assert_eq!(counts.most_frequent(), [(9, 2), (300, 2), (7, 1)]);
}

fn times(seed: u64, seconds: &[i64]) -> Times<3> {
    let add = |times: &mut Times<3>, second: &i64| {
        times.add(second * 1_000_000_000 + 999_999_999, |counters| {
            counters[second.rem_euclid(3) as usize] += 1
        });
    };
    check_law(seed, (Times::default, Times::default()), add, seconds)
}

#[test]
fn spans_of_time_become_wider_whatever_the_order() {
    const MAX: i64 = crate::limits::SPANS_MAX as i64;
    let cases = [(0, MAX, 1, 1), (0, MAX + 1, 1, 2), (-7, 6 * MAX, 1, 10), (5, 2 * MAX, 90_000, 345_600)];
    for (seed, (start, count, step, width_s)) in (0..).zip(cases) {
        let seconds: Vec<i64> = (0..count).map(|second| start + second * step).collect();
        let times = times(seed, &seconds);
        assert_eq!(times.width_s(), width_s);
        assert!(times.spans().len() <= MAX as usize);
        for (begin, counters) in times.spans() {
            let before = |end: i64| seconds.partition_point(|second| *second < end);
            let inside = before(begin + width_s as i64) - before(begin);
            assert_eq!(begin.rem_euclid(width_s as i64), 0);
            assert_eq!(counters.iter().sum::<u64>(), inside as u64);
        }
    }
    for seed in 10..30 {
        let lot = &mut Lot(seed);
        let range = 1 << lot.below(33);
        let seconds: Vec<i64> = (0..lot.below(9000)).map(|_| lot.below(range) as i64 - 1000).collect();
        times(seed, &seconds);
    }
    let mut ends = Times::<1>::default();
    [i64::MIN, i64::MAX].into_iter().for_each(|ns| ends.add(ns, |counters| counters[0] += 1));
    assert_eq!(ends.spans().map(|span| span.0).collect::<Vec<_>>(), [-9_223_372_037, 9_223_372_036]);
    let mut reduced = Reduced::new();
    tell(&ends, &mut reduced);
    assert_eq!(taken(Times::default(), &reduced, &mut Lot(0)), ends);
}

#[test]
fn a_sample_is_a_fair_draw_whatever_the_order() {
    const MAX: usize = crate::limits::SAMPLE_MAX;
    for (seed, count) in [(1, 0), (2, 1000), (4, MAX + 1), (5, 2 * MAX + 2000)] {
        let lot = &mut Lot(seed);
        let keys = [&b"one"[..], b"two", b"two", b"two"];
        let items: Vec<_> = (0..count).map(|_| (lot.next(), keys[lot.below(4)], lot.next() % 1000)).collect();
        let add =
            |sample: &mut Sample, (rank, key, number): &(u64, &[u8], u64)| sample.add(*rank, key, *number);
        let sample = check_law(seed, (Sample::default, Sample::default()), add, &items);
        assert_eq!(sample.is_whole(), count <= MAX);
        let drawn = sample.drawn();
        let of =
            |key: &[u8]| drawn.iter().filter(|drawn| drawn.key == key).map(|drawn| drawn.count).sum::<u64>();
        assert_eq!(of(b"one") + of(b"two"), count.min(MAX) as u64);
        if count > MAX {
            assert!(of(b"one").abs_diff(MAX as u64 / 4) < 500, "{}", of(b"one"));
            let below = drawn.iter().filter(|drawn| drawn.number < 500).map(|drawn| drawn.count).sum::<u64>();
            assert!(below.abs_diff(MAX as u64 / 2) < 600, "{below}");
        }
    }
}

#[test]
fn occurrences_that_are_alike_are_drawn_with_their_number() {
    let items = [(5, b"a", 1), (5, b"a", 1), (5, b"b", 1), (5, b"a", 2)];
    let add =
        |sample: &mut Sample, (rank, key, number): &(u64, &[u8; 1], u64)| sample.add(*rank, *key, *number);
    let sample = check_law(1, (Sample::default, Sample::default()), add, &items);
    let drawn = |key, number, count| Drawn { key, number, count };
    assert_eq!(sample.drawn(), [drawn(b"a", 1, 2), drawn(b"a", 2, 1), drawn(b"b", 1, 1)]);
}

#[test]
fn groups_are_there_while_they_are_few() {
    const MAX: usize = crate::limits::GROUPS_MAX;
    for (seed, keys) in [(1, 3), (2, MAX), (3, MAX + 1), (4, 2 * MAX)] {
        let lot = &mut Lot(seed);
        let mut items: Vec<(String, u16)> = (0..keys).map(|key| (format!("{key}/"), 0)).collect();
        items.extend((0..3 * keys).map(|_| (format!("{}/", lot.below(keys)), lot.below(4) as u16)));
        let add = |groups: &mut Groups<Counts>, (key, number): &(String, u16)| {
            if let Some(counts) = groups.of(key.as_bytes()) {
                counts.add(*number);
            }
        };
        let groups = check_law(seed, (Groups::default, Groups::default()), add, &items);
        assert_eq!((groups.is_there(), groups.all().is_empty()), (keys <= MAX, keys > MAX));
        for (key, counts) in groups.all() {
            let of_key = items.iter().filter(|item| item.0.as_bytes() == key);
            assert_eq!(counts.total(), of_key.count() as u64);
        }
    }
}

/// Whatever stands in a part file that others wrote.
#[test]
fn entries_that_cannot_be_are_refused() {
    fn refused<T: Tally>(mut tally: T, entries: &[(Op, &[u8], u64)]) {
        for (op, key, number) in entries {
            assert!(tally.take(*op, key, *number).is_err(), "{op:?} {} {number}", key.escape_ascii());
        }
        tally.settle();
    }
    use Op::*;
    refused(
        Tops::new(9),
        &[
            (Sum, b"", 1),
            (Sum, b"n6", 1),
            (Sum, b"n6G", 1),
            (Max, b"n61", 1),
            (Sum, b"c262144", 1),
            (Sum, b"c-1", 1),
            (Sum, b"c01", 1),
            (Max, b"h16384", 1),
            (Max, b"h1", 64),
            (Min, b"m1", 1),
            (Sum, b"n\xFF", 1),
        ],
    );
    refused(Distinct::new(9), &[(Member, b"k00", 1), (Sum, b"k", 1), (Max, b"h0", 64), (Max, b"h+1", 1)]);
    refused(Quantiles::default(), &[(Sum, b"b7424", 1), (Sum, b"b1", 0), (Sum, b"s2", 1), (Min, b"b1", 1)]);
    refused(Counts::default(), &[(Sum, b"65536", 1), (Sum, b"1", 0), (Min, b"1", 1), (Sum, b"+1", 1)]);
    refused(
        Times::<2>::default(),
        &[
            (Sum, b"0/0/2", 1),
            (Sum, b"20/0/0", 1),
            (Sum, b"0/9223372036854775807/0", 1),
            (Sum, b"0/0", 1),
            (Sum, b"0/0/0", 0),
            (Max, b"0/0/0", 1),
            (Sum, b"0/-9223372038/0", 1),
        ],
    );
    refused(Sample::default(), &[(Sum, b"d00", 1), (Sum, b"e", 1), (Member, b"d", 1), (Sum, b"dg", 1)]);
    refused(
        Groups::<Counts>::default(),
        &[(Sum, b"g61", 1), (Sum, b"g6/1", 1), (Sum, b"g61/x", 1), (Sum, b"k61", 1)],
    );
}

#[test]
fn sums_of_entries_do_not_overflow() {
    let full = u64::MAX;
    let mut tops = Tops::new(9);
    for key in [b"n61", b"n61", b"n62"] {
        tops.take(Op::Sum, key, full).unwrap();
    }
    let _ = tops.add(b"a", 1, full);
    assert_eq!((tops.total(), tops.top(1)[0].count), (full, full));
    let mut quantiles = Quantiles::default();
    (0..3).for_each(|_| quantiles.take(Op::Sum, b"b7423", full).unwrap());
    (0..3).for_each(|_| quantiles.take(Op::Sum, b"s1", full).unwrap());
    quantiles.take(Op::Max, b"m", full).unwrap();
    assert_eq!((quantiles.count(), quantiles.quantile(1000)), (full, Some(full)));
    quantiles.add(full);
    assert!(quantiles.mean().is_some());
    let mut again = Reduced::new();
    tell(&quantiles, &mut again);
}

#[test]
fn spreads_are_quantiles_of_the_buckets_that_have_something() {
    for seed in 0..40 {
        let lot = &mut Lot(seed);
        let numbers: Vec<u64> = (0..lot.below(300)).map(|_| lot.next() >> lot.below(64)).collect();
        let empty = (Spread::default, Spread::default());
        let spread = check_law(seed, empty, |spread, number| spread.add(*number), &numbers);
        let mut quantiles = Quantiles::default();
        numbers.iter().for_each(|number| quantiles.add(*number));
        assert_eq!((spread.count(), spread.sum()), (quantiles.count(), quantiles.sum()), "seed {seed}");
        assert_eq!((spread.max(), spread.mean()), (quantiles.max(), quantiles.mean()), "seed {seed}");
        for per_mille in [0, 1, 10, 500, 900, 999, 1000] {
            assert_eq!(spread.quantile(per_mille), quantiles.quantile(per_mille), "seed {seed}, {per_mille}");
        }
    }
}

#[test]
fn several_keys_are_exact_and_many_are_nearly_so() {
    for seed in 0..40 {
        let lot = &mut Lot(seed);
        let exact = seed % 4 == 0;
        let keys: Vec<u64> = (0..lot.below(600)).map(|_| lot.next() % 300).collect();
        let blank = if exact { Several::exact() } else { Several::default() };
        let add = |several: &mut Several, key: &u64| several.add(Hash::of(&key.to_be_bytes()));
        let several = check_law(seed, (|| blank.clone(), blank.clone()), add, &keys);
        let different = keys.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(several.words(), if exact { different } else { different.min(Several::FEW_MAX) });
        match exact || different <= Several::FEW_MAX {
            true => assert_eq!(several.number(), different as u64, "seed {seed}"),
            false => {
                let off = (several.number() as f64 / different as f64 - 1.0).abs();
                assert!(off < 4.0 * Several::error(), "seed {seed}: {} of {different}", several.number());
            }
        }
    }
}

/// How often a key came, and which numbers with it: what a part of a [`Thinned`] can be.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sums(Spread);

impl Entries for Sums {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        self.0.tell(prefix, emit);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), entry::NotMine> {
        self.0.take(op, key, number)
    }
}

impl Tally for Sums {
    fn merge(&mut self, other: &Sums) {
        self.0.merge(&other.0);
    }
}

impl Part for Sums {
    fn words(&self) -> usize {
        self.0.words()
    }
}

fn thinned(seed: u64, room: Room, occurrences: &[(String, u64, u64)]) -> Thinned<Sums> {
    let add = |thinned: &mut Thinned<Sums>, (key, rank, n): &(String, u64, u64)| {
        thinned.add(&mut key.clone().into_bytes(), *rank, |sums| sums.0.add(n * 1000));
    };
    let blank = Thinned::new(Room::UNBOUNDED, Sums::default());
    check_law(seed, (|| Thinned::new(room, Sums::default()), blank), add, occurrences)
}

#[test]
fn what_is_thinned_depends_on_the_multiset_alone() {
    for seed in 0..60 {
        let lot = &mut Lot(seed);
        let (keys, count) = (1 + lot.below(60), lot.below(400));
        let room = Room { tallies: lot.below(80) as u64, words: lot.below(160) as u64 };
        let occurrences = occurrences(seed, keys, count);
        let thinned = thinned(seed, room, &occurrences);
        let all = thinned.all();
        // Of what is counted all is counted, and it has room; one level more has not.
        let counted = |one_in: u64| {
            let mut counts = BTreeMap::<&str, u64>::new();
            let drawn = occurrences
                .iter()
                .filter(|(_, rank, _)| u128::from(*rank) < (1_u128 << 64) / u128::from(one_in));
            drawn.for_each(|(key, ..)| *counts.entry(key).or_default() += 1);
            counts
        };
        let told: BTreeMap<_, _> =
            all.iter().map(|(key, sums)| (str::from_utf8(key).unwrap(), sums.0.count())).collect();
        assert_eq!(told, counted(thinned.one_in()), "seed {seed}");
        assert!(told.len() as u64 <= room.tallies, "seed {seed}");
        if thinned.one_in() == 1 {
            assert!(
                all.iter().map(|(_, sums)| sums.words() as u64).sum::<u64>() <= room.words,
                "seed {seed}"
            );
        }
    }
}

#[test]
fn what_has_room_is_not_thinned() {
    let occurrences = occurrences(7, 100, 2000);
    let thinned = thinned(7, Room { tallies: 1000, words: 1000 }, &occurrences);
    assert_eq!(thinned.one_in(), 1);
    let told: u64 = thinned.all().iter().map(|(_, sums)| sums.0.count()).sum();
    assert_eq!(told, 2000);
}

/// A hundred keys of which each has a hundredth, among a hundred thousand that came once.
#[test]
fn keys_that_come_often_are_in_what_is_left() {
    let lot = &mut Lot(11);
    let mut thinned = Thinned::new(Room { tallies: 5000, words: u64::MAX }, Sums::default());
    for number in 0..200_000_u64 {
        let key =
            if number % 2 == 0 { format!("often {}", number / 2 % 100) } else { format!("once {number}") };
        thinned.add(&mut key.into_bytes(), lot.next(), |sums| sums.0.add(number));
    }
    let one_in = thinned.one_in();
    assert!((8..=512).contains(&one_in), "{one_in}");
    let all = thinned.all();
    for number in 0..100 {
        let key = format!("often {number}").into_bytes();
        let (_, sums) = all.iter().find(|(own, _)| *own == key).expect("it came often");
        let (count, error) = ((sums.0.count() * one_in) as f64, (1000.0 * one_in as f64).sqrt());
        assert!((count - 1000.0).abs() < 4.5 * error, "{count} of {number}, one in {one_in}");
    }
}
