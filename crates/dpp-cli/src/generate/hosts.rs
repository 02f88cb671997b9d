//! Who talks to whom: the addresses of clients and resolvers, all from ranges that route nowhere.
//!
//! The surprising fact: whether a client has an IPv4 or an IPv6 address is not drawn but dealt out, so that
//! the traffic of the IPv6 clients adds up to the wanted share even where a few clients make most of it.
//! Called by `traffic`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::profile::Profile;
use super::random::{Choice, Random, zipf_weights};

/// A source and a destination of the same family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    /// IPv4 source, then destination.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6 source, then destination.
    V6(Ipv6Addr, Ipv6Addr),
}

impl Pair {
    /// The way back.
    pub(super) fn reversed(self) -> Self {
        match self {
            Pair::V4(source, destination) => Pair::V4(destination, source),
            Pair::V6(source, destination) => Pair::V6(destination, source),
        }
    }
}

/// All hosts of a capture.
#[derive(Debug)]
pub(super) struct Hosts {
    activity: Choice,
    has_ipv6: Vec<bool>,
    /// Where the clients start in their address ranges.
    offset: u32,
}

impl Hosts {
    /// The hosts that `profile` describes.
    pub(super) fn new(profile: &Profile, random: &mut Random) -> Self {
        let weights = zipf_weights(profile.clients, profile.client_activity_exponent);
        Hosts {
            has_ipv6: deal_ipv6(&weights, profile.ipv6_share),
            activity: Choice::new(&weights),
            offset: random.bits() as u32,
        }
    }

    /// A client, by activity.
    pub(super) fn draw_client(&self, random: &mut Random) -> u32 {
        self.activity.draw(random) as u32
    }

    /// The addresses of a query from this client to this resolver.
    pub(super) fn pair(&self, client: u32, resolver: u32) -> Pair {
        let scattered = client.wrapping_mul(SCATTER).wrapping_add(self.offset);
        if self.has_ipv6[client as usize] {
            Pair::V6(client_ipv6(scattered), resolver_ipv6(resolver))
        } else {
            Pair::V4(client_ipv4(scattered), resolver_ipv4(resolver))
        }
    }
}

/// Odd, so multiplying by it sends different numbers to different numbers, modulo every power of two:
/// neighbours in rank are no neighbours in the network, and no two clients share an address.
const SCATTER: u32 = 0x9e37_79b1;

/// Gives IPv6 to each client, from the busiest down, whose traffic still fits into the share.
fn deal_ipv6(weights: &[f64], share: f64) -> Vec<bool> {
    let (mut all, mut ipv6) = (0.0, 0.0);
    let deal = |weight: &f64| {
        all += weight;
        let fits = ipv6 + weight <= share * all;
        if fits {
            ipv6 += weight;
        }
        fits
    };
    weights.iter().map(deal).collect()
}

/// 10.0.0.0/8 (RFC 1918).
fn client_ipv4(scattered: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 | scattered & 0x00ff_ffff)
}

/// 2001:db8:c::/48 of the documentation prefix (RFC 3849): 65,536 networks, a few hosts in each.
fn client_ipv6(scattered: u32) -> Ipv6Addr {
    let (network, host) = (scattered & 0xffff, scattered >> 16);
    Ipv6Addr::new(0x2001, 0x0db8, 0x000c, network as u16, 0, 0, 0, host as u16)
}

/// 198.18.0.0/15, the benchmarking range (RFC 2544): .1 to .250 of each network.
fn resolver_ipv4(resolver: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xc612_0000 + (resolver / 250) * 256 + resolver % 250 + 1)
}

/// 2001:db8:53::/48 of the documentation prefix.
fn resolver_ipv6(resolver: u32) -> Ipv6Addr {
    let number = resolver + 1;
    Ipv6Addr::new(0x2001, 0x0db8, 0x0053, 0, 0, 0, (number >> 16) as u16, number as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_ipv6_clients_make_the_wanted_share_of_the_traffic() {
        for share in [0.0, 0.2, 0.5, 1.0] {
            let weights = zipf_weights(1000, 0.8);
            let dealt = deal_ipv6(&weights, share);
            let ipv6: f64 =
                weights.iter().zip(&dealt).filter(|(_, six)| **six).map(|(weight, _)| weight).sum();
            assert!((ipv6 / weights.iter().sum::<f64>() - share).abs() < 0.002, "{share}");
        }
    }

    #[test]
    fn a_single_client_has_ipv4_unless_all_have_ipv6() {
        assert_eq!(deal_ipv6(&[1.0], 0.9), [false]);
        assert_eq!(deal_ipv6(&[1.0], 1.0), [true]);
    }

    #[test]
    fn every_client_and_every_resolver_has_its_own_address() {
        for ipv6_share in [0.0, 1.0] {
            let profile = Profile { clients: 100_000, resolvers: 1000, ipv6_share, ..Profile::default() };
            let hosts = Hosts::new(&profile, &mut Random::new(5, 0));
            let clients: HashSet<_> =
                (0..100_000).map(|client| format!("{:?}", hosts.pair(client, 0))).collect();
            let resolvers: HashSet<_> =
                (0..1000).map(|resolver| format!("{:?}", hosts.pair(0, resolver))).collect();
            assert_eq!((clients.len(), resolvers.len()), (100_000, 1000));
        }
    }
}
