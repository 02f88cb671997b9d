//! What Knot Resolver writes into the field `extra`: lines of text, `key=value`, each with a line feed behind it.

/// The lines that are understood. Of a key that comes twice the last one holds, as everywhere in dnstap.
///
/// ```
/// use dpp::dnstap::Extra;
/// let extra = Extra::read(b"rtt=1250\nuser_key=alice\n");
/// assert_eq!((extra.rtt_us, extra.user_key), (Some(1250), Some(&b"alice"[..])));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra<'a> {
    /// `rtt`: the round-trip time of the client's TCP connection, microseconds.
    pub rtt_us: Option<u64>,
    /// `user_key`: whom the operator takes the client for.
    pub user_key: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Reads the lines. One without a line feed was cut and is not believed.
    pub fn read(extra: &'a [u8]) -> Extra<'a> {
        let mut read = Extra::default();
        for line in extra.split_inclusive(|&byte| byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            if let Some(rtt) = line.strip_prefix(b"rtt=") {
                read.rtt_us = decimal(rtt);
            } else if let Some(key) = line.strip_prefix(b"user_key=") {
                read.user_key = Some(key);
            }
        }
        read
    }
}

/// A number in decimal digits and nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    let step = |value: u64, &digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    let value = digits.iter().try_fold(0, step)?;
    (!digits.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extra: &[u8], rtt_us: Option<u64>, user_key: Option<&[u8]>) {
        assert_eq!(Extra::read(extra), Extra { rtt_us, user_key }, "{}", extra.escape_ascii());
    }

    #[test]
    fn lines_are_read_in_any_order_and_others_passed_over() {
        check(b"", None, None);
        check(b"rtt=0\n", Some(0), None);
        check(b"user_key=a=b\nother\n\nrtt=18446744073709551615\n", Some(u64::MAX), Some(b"a=b"));
        check(b"user_key=\n", None, Some(b""));
    }

    #[test]
    fn the_last_of_a_key_holds() {
        check(b"rtt=1\nrtt=2\nuser_key=a\nuser_key=b\n", Some(2), Some(b"b"));
    }

    #[test]
    fn a_line_that_was_cut_is_not_believed() {
        check(b"rtt=12", None, None);
        check(b"rtt=12\nuser_key=ali", Some(12), None);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for rtt in ["", "-1", "+1", "1.5", "1 ", "18446744073709551616", "x"] {
            check(format!("rtt={rtt}\n").as_bytes(), None, None);
        }
    }
}
