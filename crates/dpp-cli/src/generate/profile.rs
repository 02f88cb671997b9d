//! What the traffic of a synthetic capture looks like: the keys of a profile and what each may be.
//!
//! The surprising fact: there are no defaults in the code. The shipped `default.toml` holds a value for every
//! key, and a user's profile is laid over it. Called by `generate::run`, and by tests that want traffic of
//! a certain kind.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;

use super::envelope::{Envelope, Family, Layer, LinkType, VlanOn, Wrapping};
use super::transaction::Side;

/// The look of the traffic. Every key with its unit is explained in `default.toml` and docs/generate.md;
/// shares are probabilities from 0 to 1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Queries per second.
    pub(crate) qps: f64,
    /// Clients.
    pub(crate) clients: u32,
    /// Zipf exponent of the clients' activity.
    pub(crate) client_activity_exponent: f64,
    /// Resolvers (server addresses).
    pub(crate) resolvers: u32,
    /// Share of the traffic over IPv6.
    pub(crate) ipv6_share: f64,
    /// Different names.
    pub(crate) names: u32,
    /// Zipf exponent of the names' popularity.
    pub(crate) name_popularity_exponent: f64,
    /// Share of transactions with EDNS.
    pub(crate) edns_share: f64,
    /// Share of transactions with names in mixed case.
    pub(crate) case_mix_share: f64,
    /// Median of the response time, in milliseconds.
    pub(crate) rtt_median_ms: f64,
    /// Sigma of the log-normal response time.
    pub(crate) rtt_sigma: f64,
    /// Share of transactions that are slow.
    pub(crate) rtt_slow_share: f64,
    /// Median of the response time of the slow ones, in milliseconds.
    pub(crate) rtt_slow_median_ms: f64,
    /// Sigma of the log-normal response time of the slow ones.
    pub(crate) rtt_slow_sigma: f64,
    /// Share of transactions without response.
    pub(crate) loss_share: f64,
    /// Share of transactions whose query is sent twice.
    pub(crate) retry_share: f64,
    /// How long after the first query the second follows, in milliseconds.
    pub(crate) retry_delay_ms: f64,
    /// Share of packets captured twice.
    pub(crate) duplicate_share: f64,
    /// Share of packets recorded late.
    pub(crate) reorder_share: f64,
    /// How late at most, in milliseconds.
    pub(crate) reorder_max_ms: f64,
    /// Share of transactions over TCP.
    pub(crate) tcp_share: f64,
    /// Share of UDP transactions whose response is fragmented.
    pub(crate) fragment_share: f64,
    /// How the packets are captured.
    pub(crate) link_type: LinkType,
    /// What lies between link layer and IP, from outside in.
    pub(crate) encapsulation: Vec<Layer>,
    /// Which direction has the VLAN tags.
    pub(crate) vlan_on: VlanOn,
    /// The largest IP packet that carries UDP, in bytes.
    pub(crate) mtu: u32,
    /// The shortest answer section of a response without error, in bytes.
    pub(crate) response_bytes_min: u32,
    /// Share of fragmented datagrams with a fragment that is not captured.
    pub(crate) fragment_loss_share: f64,
    /// Share of fragmented datagrams with a fragment that comes twice.
    pub(crate) fragment_duplicate_share: f64,
    /// Share of fragmented datagrams whose fragments come in another order.
    pub(crate) fragment_reorder_share: f64,
    /// Transactions of a TCP connection, on average.
    pub(crate) tcp_queries_per_connection: u32,
    /// The largest payload of a TCP segment, in bytes.
    pub(crate) mss: u32,
    /// Round-trip time between client and resolver, in milliseconds.
    pub(crate) tcp_rtt_ms: f64,
    /// How long a segment waits for its acknowledgement, in milliseconds.
    pub(crate) tcp_ack_delay_ms: f64,
    /// Share of connections that send all queries at once.
    pub(crate) tcp_pipeline_share: f64,
    /// Share of pipelined messages that share a segment with the next.
    pub(crate) tcp_join_share: f64,
    /// Share of messages torn into two segments.
    pub(crate) tcp_split_share: f64,
    /// Share of writes of which something was not captured.
    pub(crate) tcp_gap_share: f64,
    /// Share of data segments that are captured only when sent again.
    pub(crate) tcp_loss_share: f64,
    /// Share of data segments that are captured twice, as retransmissions.
    pub(crate) tcp_retransmit_share: f64,
    /// Share of data segments that later ones can overtake.
    pub(crate) tcp_reorder_share: f64,
    /// Share of connections that end with a reset.
    pub(crate) tcp_reset_share: f64,
    /// Share of connections whose beginning was not captured.
    pub(crate) tcp_midstream_share: f64,
    /// Share of connections whose sequence numbers wrap.
    pub(crate) tcp_wrap_share: f64,
    /// Share of TCP transactions that are zone transfers.
    pub(crate) axfr_share: f64,
    /// Messages of a zone transfer.
    pub(crate) axfr_messages: u32,
    /// Weights of the query types.
    pub(crate) query_types: BTreeMap<QueryType, f64>,
    /// Weights of the response codes.
    pub(crate) rcodes: BTreeMap<Rcode, f64>,
}

impl Default for Profile {
    /// The shipped profile: a busy resolver.
    fn default() -> Self {
        Profile::parse("").expect("the shipped profile is valid")
    }
}

impl Profile {
    /// The profile in the file at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("--profile: cannot read '{}'", path.display()))?;
        Profile::parse(&text)
            .with_context(|| format!("--profile: '{}' is no traffic profile", path.display()))
    }

    /// The profile that a TOML text describes; keys it does not have are those of the shipped profile.
    ///
    /// An error names the key and what is allowed there.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut keys: toml::Table = SHIPPED.parse().expect("the shipped profile is TOML");
        keys.extend(text.parse::<toml::Table>().map_err(one_message)?);
        let profile = Profile::deserialize(keys).map_err(one_message)?;
        profile.check()?;
        Ok(profile)
    }

    /// An error for the first value outside of what [`LIMITS`] allows.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for &Limit { key, lowest, highest, value } in LIMITS {
            let value = value(self);
            if !(lowest..=highest).contains(&value) {
                bail!("{key} = {value}: allowed is {lowest} to {highest}");
            }
        }
        check_weights("query_types", &self.query_types)?;
        check_weights("rcodes", &self.rcodes)?;
        self.check_wrapping()?;
        self.check_connection()
    }

    /// A connection is drawn whole, so what its resolver sends must fit into memory (and into 32 bits).
    fn check_connection(&self) -> anyhow::Result<()> {
        let messages = if self.axfr_share > 0.0 { self.axfr_messages } else { 1 };
        let bytes_of_message = f64::from(self.response_bytes_min) + MESSAGE_BYTES;
        let bytes = 2.0 * f64::from(self.tcp_queries_per_connection) * f64::from(messages) * bytes_of_message;
        if bytes > STREAM_BYTES_MAX || bytes / f64::from(self.mss) > STREAM_SEGMENTS_MAX {
            bail!(
                "tcp_queries_per_connection, axfr_messages, response_bytes_min, mss: a connection may have {bytes} \
                 bytes in segments of {}; allowed are {STREAM_BYTES_MAX} in {STREAM_SEGMENTS_MAX} segments",
                self.mss
            );
        }
        Ok(())
    }

    /// How the packets are wrapped.
    pub(super) fn wrapping(&self) -> Wrapping<'_> {
        let &Profile { link_type, ref encapsulation, vlan_on, .. } = self;
        Wrapping { link_type, layers: encapsulation, vlan_on }
    }

    /// The families there can be: a share between 0 and 1 means both.
    pub(super) fn families(&self) -> Vec<Family> {
        let there = |(family, share): (Family, f64)| (share > 0.0).then_some(family);
        [(Family::V4, 1.0 - self.ipv6_share), (Family::V6, self.ipv6_share)]
            .into_iter()
            .filter_map(there)
            .collect()
    }

    fn check_wrapping(&self) -> anyhow::Result<()> {
        for family in self.families() {
            for side in [Side::Client, Side::Resolver] {
                Envelope::new(self.wrapping(), family, side).map_err(|what| {
                    anyhow!("encapsulation: {what} (ipv6_share = {} sets the family)", self.ipv6_share)
                })?;
            }
        }
        Ok(())
    }
}

/// The parser ends its messages with an empty line, which would tear ours apart.
fn one_message(error: toml::de::Error) -> anyhow::Error {
    anyhow!("{}", error.to_string().trim_end())
}

const SHIPPED: &str = include_str!("default.toml");

/// What a number of the profile may be.
struct Limit {
    key: &'static str,
    lowest: f64,
    highest: f64,
    value: fn(&Profile) -> f64,
}

const fn limit(key: &'static str, lowest: f64, highest: f64, value: fn(&Profile) -> f64) -> Limit {
    Limit { key, lowest, highest, value }
}

const fn share(key: &'static str, value: fn(&Profile) -> f64) -> Limit {
    limit(key, 0.0, 1.0, value)
}

/// A response that takes longer than a minute is a lost one; so this also bounds what waits to be recorded.
pub(super) const DELAY_MAX_MS: f64 = 60_000.0;

/// The bounds of all numbers. Counts are bounded by the memory of their tables (up to 100 bytes each) and
/// by the address ranges; rates by the microsecond of a timestamp and by the years one can count.
const LIMITS: &[Limit] = &[
    limit("qps", 0.001, 10e6, |profile| profile.qps),
    limit("clients", 1.0, 4e6, |profile| profile.clients.into()),
    limit("client_activity_exponent", 0.0, 5.0, |profile| profile.client_activity_exponent),
    limit("resolvers", 1.0, 100e3, |profile| profile.resolvers.into()),
    share("ipv6_share", |profile| profile.ipv6_share),
    limit("names", 1.0, 1e6, |profile| profile.names.into()),
    limit("name_popularity_exponent", 0.0, 5.0, |profile| profile.name_popularity_exponent),
    share("edns_share", |profile| profile.edns_share),
    share("case_mix_share", |profile| profile.case_mix_share),
    limit("rtt_median_ms", 0.001, DELAY_MAX_MS, |profile| profile.rtt_median_ms),
    limit("rtt_sigma", 0.0, 5.0, |profile| profile.rtt_sigma),
    share("rtt_slow_share", |profile| profile.rtt_slow_share),
    limit("rtt_slow_median_ms", 0.001, DELAY_MAX_MS, |profile| profile.rtt_slow_median_ms),
    limit("rtt_slow_sigma", 0.0, 5.0, |profile| profile.rtt_slow_sigma),
    share("loss_share", |profile| profile.loss_share),
    share("retry_share", |profile| profile.retry_share),
    limit("retry_delay_ms", 0.001, DELAY_MAX_MS, |profile| profile.retry_delay_ms),
    share("duplicate_share", |profile| profile.duplicate_share),
    share("reorder_share", |profile| profile.reorder_share),
    limit("reorder_max_ms", 0.001, DELAY_MAX_MS, |profile| profile.reorder_max_ms),
    share("tcp_share", |profile| profile.tcp_share),
    share("fragment_share", |profile| profile.fragment_share),
    limit("mtu", 128.0, 65_535.0, |profile| profile.mtu.into()),
    limit("response_bytes_min", 0.0, 16_000.0, |profile| profile.response_bytes_min.into()),
    share("fragment_loss_share", |profile| profile.fragment_loss_share),
    share("fragment_duplicate_share", |profile| profile.fragment_duplicate_share),
    share("fragment_reorder_share", |profile| profile.fragment_reorder_share),
    limit("tcp_queries_per_connection", 1.0, 10e3, |profile| profile.tcp_queries_per_connection.into()),
    limit("mss", 1.0, 60e3, |profile| profile.mss.into()),
    limit("tcp_rtt_ms", 0.001, DELAY_MAX_MS, |profile| profile.tcp_rtt_ms),
    limit("tcp_ack_delay_ms", 0.0, DELAY_MAX_MS, |profile| profile.tcp_ack_delay_ms),
    share("tcp_pipeline_share", |profile| profile.tcp_pipeline_share),
    share("tcp_join_share", |profile| profile.tcp_join_share),
    share("tcp_split_share", |profile| profile.tcp_split_share),
    share("tcp_gap_share", |profile| profile.tcp_gap_share),
    share("tcp_loss_share", |profile| profile.tcp_loss_share),
    share("tcp_retransmit_share", |profile| profile.tcp_retransmit_share),
    share("tcp_reorder_share", |profile| profile.tcp_reorder_share),
    share("tcp_reset_share", |profile| profile.tcp_reset_share),
    share("tcp_midstream_share", |profile| profile.tcp_midstream_share),
    share("tcp_wrap_share", |profile| profile.tcp_wrap_share),
    share("axfr_share", |profile| profile.axfr_share),
    limit("axfr_messages", 2.0, 1000.0, |profile| profile.axfr_messages.into()),
];

/// What a message has beside what `response_bytes_min` asks for, at most: a name, a question, a last record.
const MESSAGE_BYTES: f64 = 400.0;
const STREAM_BYTES_MAX: f64 = 512e6;
const STREAM_SEGMENTS_MAX: f64 = 8e6;

const WEIGHT_MAX: f64 = 1e9;

fn check_weights<K: std::fmt::Debug>(table: &str, weights: &BTreeMap<K, f64>) -> anyhow::Result<()> {
    for (key, weight) in weights {
        if !(0.0..=WEIGHT_MAX).contains(weight) {
            bail!("{table}.{} = {weight}: allowed is 0 to {WEIGHT_MAX}", format!("{key:?}").to_uppercase());
        }
    }
    if weights.values().all(|&weight| weight == 0.0) {
        bail!("{table}: at least one weight must be above 0");
    }
    Ok(())
}

/// The query types a profile can ask for, with their numbers (IANA DNS parameters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum QueryType {
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Ptr = 12,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
    Ds = 43,
    Https = 65,
    /// Only over TCP, by `axfr_share`.
    #[serde(skip)]
    Axfr = 252,
}

/// The response codes a profile can answer with, with their numbers (RFC 1035, section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(text: &str, expected: &[&str]) {
        let error = format!("{:#}", Profile::parse(text).expect_err(text));
        for part in expected {
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn shipped_profile_is_valid_and_is_what_an_empty_one_means() {
        assert_eq!(Profile::parse(SHIPPED).unwrap(), Profile::parse("").unwrap());
    }

    #[test]
    fn a_profile_changes_only_the_keys_it_names() {
        let profile = Profile::parse("loss_share = 1\nquery_types = { TXT = 2, AAAA = 1 }").unwrap();
        let expected = Profile {
            loss_share: 1.0,
            query_types: BTreeMap::from([(QueryType::Txt, 2.0), (QueryType::Aaaa, 1.0)]),
            ..Profile::default()
        };
        assert_eq!(profile, expected);
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        check_error("los_share = 0.5", &["los_share", "loss_share"]);
        check_error("loss_share = 1.5", &["loss_share = 1.5: allowed is 0 to 1"]);
        check_error("loss_share = nan", &["loss_share = NaN: allowed is 0 to 1"]);
        check_error("loss_share = \"much\"", &["loss_share", "much"]);
        check_error("clients = 0", &["clients = 0: allowed is 1 to 4000000"]);
        check_error("clients = -1", &["clients"]);
        check_error("query_types = { WKS = 1 }", &["WKS", "HTTPS"]);
        check_error("query_types = { A = -1 }", &["query_types.A = -1: allowed is 0 to"]);
        check_error("query_types = { A = 0 }", &["query_types: at least one"]);
        check_error("rcodes = {}", &["rcodes: at least one"]);
        check_error("\nqps = ", &["line 2"]);
        check_error(
            "tcp_queries_per_connection = 10000\naxfr_share = 1\naxfr_messages = 1000",
            &["axfr_messages"],
        );
        check_error("tcp_queries_per_connection = 10000\nresponse_bytes_min = 5000\nmss = 1", &["mss"]);
        check_error("link_type = \"atm\"", &["atm", "linux_sll2"]);
        check_error("encapsulation = [\"vlan:5000\"]", &["vlan:5000: allowed is 1 to 4094"]);
        check_error("encapsulation = [\"6in4\"]", &["6in4 cannot carry IPv4", "ipv6_share = 0.2"]);
        check_error("ipv6_share = 1\nlink_type = \"ipv4\"", &["Ipv4 cannot carry IPv6"]);
    }

    #[test]
    fn every_key_has_limits_and_a_line_on_its_page() {
        let page = include_str!("../../../../docs/generate.md");
        let keys: toml::Table = SHIPPED.parse().unwrap();
        for (key, value) in &keys {
            let limited = value.is_integer() || value.is_float();
            assert!(!limited || LIMITS.iter().any(|limit| limit.key == key), "{key} has no limits");
            assert!(page.contains(&format!("| `{key}` |")), "docs/generate.md does not explain {key}");
        }
        let numbers = keys.values().filter(|value| value.is_integer() || value.is_float());
        assert_eq!(numbers.count(), LIMITS.len());
    }
}
