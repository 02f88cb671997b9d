//! "Did you mean": the word that was probably meant.

use std::path::Path;

/// The candidate that is fewest letters away from `word`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| distance(word, candidate) <= candidate.len().min(word.len()) / 2;
    candidates.into_iter().filter(near).min_by_key(|candidate| distance(word, candidate))
}

/// What to append to a complaint about `word`.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |meant| format!("; did you mean '{meant}'?"))
}

/// What is said of a word that stands where a capture does and is none, but is much like the name of a command or of a step:
/// `kind` is what the names are of, `command` what `--help` stands behind.
pub(crate) fn complaint<'a>(
    word: &Path,
    kind: &str,
    names: impl IntoIterator<Item = &'a str>,
    command: &str,
) -> Option<String> {
    let word = word.to_str().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))?;
    if Path::new(word).exists() {
        return None;
    }
    if word.eq_ignore_ascii_case("help") {
        return Some(format!("there is no capture '{word}'; {command} --help tells what there is"));
    }
    let names: Vec<&str> = names.into_iter().collect();
    let hint = did_you_mean(word, names.iter().copied());
    (!hint.is_empty() && !names.contains(&word))
        .then(|| format!("there is no capture '{word}', and no {kind} that is called so{hint}"))
}

/// Letters to insert, leave out or exchange, and neighbours to swap (Damerau and Levenshtein), without regard to ASCII case.
/// `row` holds the distances from the letters of `a` so far to each beginning of `b`; those with a letter less, and with two,
/// are in the rows before.
fn distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|word| word.to_ascii_lowercase().chars().collect::<Vec<_>>());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.iter().enumerate() {
        let mut next = vec![at + 1];
        for (column, other) in b.iter().enumerate() {
            let exchanged = row[column] + usize::from(letter != other);
            let mut least = exchanged.min(next[column] + 1).min(row[column + 1] + 1);
            if at > 0 && column > 0 && (letter, &a[at - 1]) == (&b[column - 1], other) {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters_and_swapped_neighbours() {
        for (a, b, letters) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ID", "id", 0),
            ("flaw", "lawn", 2),
            ("mpa", "map", 1),
            ("mrege", "merge", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (letters, letters), "{a} {b}");
        }
    }

    #[test]
    fn what_is_too_far_is_not_meant() {
        let columns = ["name", "id", "source_ip", "source_port"];
        for (word, meant) in [
            ("nam", Some("name")),
            ("nmae", Some("name")),
            ("source_prot", Some("source_port")),
            ("sourceip", Some("source_ip")),
            ("di", Some("id")),
            ("ttl", None),
        ] {
            assert_eq!(nearest(word, columns), meant, "{word}");
        }
    }
}
