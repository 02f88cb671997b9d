//! What a server did: counted for each while they are few, otherwise drawn by lot.

use super::Summary;
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{Counts, Quantiles, Tally};

/// What a server did with one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The response code, if it answered.
    pub code: Option<u16>,
    /// How long that took, if it is known.
    pub rtt_ns: Option<u64>,
}

/// Bits of a number in a sample that tell the time, which 39 hours do not exceed; all set, there is none.
const TIME_BITS: u32 = 47;
const NO_TIME: u64 = (1 << TIME_BITS) - 1;

impl Server {
    /// It as one number.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        let code = self.code.map_or(0, |code| u64::from(code) + 1);
        code << TIME_BITS | self.rtt_ns.map_or(NO_TIME, |ns| ns.min(NO_TIME - 1))
    }

    fn of_number(number: u64) -> Server {
        let code = (number >> TIME_BITS).checked_sub(1).map(|code| code as u16);
        Server { code, rtt_ns: Some(number & NO_TIME).filter(|ns| *ns != NO_TIME) }
    }
}

/// What a server did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFigures {
    /// Response codes; none of queries that were not answered.
    pub rcodes: Counts,
    /// Queries without an answer, or with one whose code is not known.
    pub without_code: u64,
    /// Round-trip times, ns.
    pub rtts: Quantiles,
}

impl ServerFigures {
    /// It did this.
    #[inline(always)]
    pub(super) fn add(&mut self, done: &Server) {
        match done.code {
            Some(code) => self.rcodes.add(code),
            None => self.without_code = self.without_code.wrapping_add(1),
        }
        if let Some(ns) = done.rtt_ns {
            self.rtts.add(ns);
        }
    }

    /// It did this so often.
    fn add_many(&mut self, done: &Server, count: u64) {
        match done.code {
            Some(code) => self.rcodes.add_many(code, count),
            None => self.without_code = self.without_code.saturating_add(count),
        }
        if let Some(ns) = done.rtt_ns {
            self.rtts.add_many(ns, count);
        }
    }

    /// How many queries went to it.
    pub fn queries(&self) -> u64 {
        self.rcodes.total().saturating_add(self.without_code)
    }
}

impl Summary {
    /// What servers did, by their keys; where servers are many, what they did in the sample.
    pub fn of_servers<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Vec<Option<ServerFigures>> {
        let drawn = if self.by_server.is_there() { Vec::new() } else { self.sample.drawn() };
        let of_sample = |key: &[u8]| {
            let mut figures = ServerFigures::default();
            let start = drawn.partition_point(|drawn| drawn.key < key);
            for drawn in drawn[start..].iter().take_while(|drawn| drawn.key == key) {
                figures.add_many(&Server::of_number(drawn.number), drawn.count);
            }
            (figures.queries() > 0).then_some(figures)
        };
        keys.map(|key| self.by_server.get(key).cloned().or_else(|| of_sample(key))).collect()
    }
}

impl Tally for ServerFigures {
    fn merge(&mut self, other: &ServerFigures) {
        self.rcodes.merge(&other.rcodes);
        self.without_code = self.without_code.saturating_add(other.without_code);
        self.rtts.merge(&other.rtts);
    }
}

impl Entries for ServerFigures {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        self.rcodes.tell(&format!("{prefix}r"), emit);
        if self.without_code > 0 {
            emit(Op::Sum, format!("{prefix}w").as_bytes(), self.without_code);
        }
        self.rtts.tell(&format!("{prefix}t"), emit);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key.split_first().ok_or(NotMine)?) {
            (Op::Sum, (b'w', [])) => self.without_code = self.without_code.saturating_add(number),
            (_, (b'r', code)) => self.rcodes.take(op, code, number)?,
            (_, (b't', rest)) => self.rtts.take(op, rest, number)?,
            _ => return Err(NotMine),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::GROUPS_MAX;

    #[test]
    fn what_a_server_did_is_a_number_of_a_sample() {
        for code in [None, Some(0), Some(3), Some(u16::MAX)] {
            for rtt_ns in [None, Some(0), Some(1_200_000_000), Some(NO_TIME - 1)] {
                let did = Server { code, rtt_ns };
                assert_eq!(Server::of_number(did.number()), did);
            }
        }
        let late = Server { code: Some(0), rtt_ns: Some(u64::MAX) };
        assert_eq!(Server::of_number(late.number()).rtt_ns, Some(NO_TIME - 1));
    }

    /// As many servers as that, each of which did something else.
    fn check(servers: usize) {
        let mut summary = Summary::new(u64::MAX);
        let mut expected = vec![ServerFigures::default(); servers];
        for number in 0..20 * servers as u64 {
            let server = number as usize % servers;
            let (code, rtt_ns) = (number % 3, number * 1000 + server as u64);
            let did =
                Server { code: (code > 0).then_some(code as u16), rtt_ns: (code > 0).then_some(rtt_ns) };
            let key = server.to_be_bytes();
            summary.by_server.of(&key).into_iter().for_each(|figures| figures.add(&did));
            summary.sample.add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15), &key, did.number());
            expected[server].add(&did);
        }
        assert_eq!(summary.by_server.is_there(), servers <= GROUPS_MAX);
        let keys: Vec<[u8; 8]> = (0..servers).map(usize::to_be_bytes).collect();
        for (found, expected) in summary.of_servers(keys.iter().map(|key| &key[..])).iter().zip(&expected) {
            let expected = Some(expected).filter(|figures| figures.queries() > 0);
            assert_eq!(found.as_ref(), expected);
        }
    }

    #[test]
    fn servers_that_are_many_have_the_figures_of_the_sample() {
        [1, GROUPS_MAX, GROUPS_MAX + 1, 3 * GROUPS_MAX].into_iter().for_each(check);
    }
}
