//! "Did you mean": the word that was probably meant.

/// The candidate that is fewest letters away from `word`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| distance(word, candidate) <= candidate.len().min(word.len()) / 2;
    candidates.into_iter().filter(near).min_by_key(|candidate| distance(word, candidate))
}

/// What to append to a complaint about `word`.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |meant| format!("; did you mean '{meant}'?"))
}

/// Letters to insert, leave out or exchange (Levenshtein), without regard to ASCII case. The row of the table that is being
/// filled holds the distances from the letters of `a` so far to each beginning of `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(!letter.eq_ignore_ascii_case(other));
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, letters) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ID", "id", 0), ("flaw", "lawn", 2)]
        {
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
            ("ttl", None),
        ] {
            assert_eq!(nearest(word, columns), meant, "{word}");
        }
    }
}
