//! What lay around the innermost IP header: VLAN ids and the innermost tunnel.

macro_rules! tunnels {
    ($($variant:ident, $name:literal, $sentence:literal;)*) => {
        /// A kind of tunnel: what carries the packets of one network through another, or of one customer beside those of
        /// another. VLAN, VN and E tags, DSA tags, NSH and PPP without PPPoE or L2TP are none: they label packets, they do
        /// not carry them elsewhere. Where one is carried by another, as PPP by GRE, it is the one whose number tells
        /// customers apart. [`TUNNELS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Tunnel { $(#[doc = $sentence] $variant,)* }

        /// All kinds of tunnels: the value, its name in columns, and where it is described with what its number is.
        pub const TUNNELS: &[(Tunnel, &str, &str)] = &[$((Tunnel::$variant, $name, $sentence),)*];
    };
}

tunnels! {
    Gre, "gre", "GRE (RFC 2784, RFC 2890): the key, 0 without one; NVGRE (RFC 7637) has its VSID in the upper 24 bits of it";
    Pptp, "pptp", "GRE version 1 (RFC 2637): the call id";
    Erspan, "erspan", "ERSPAN I, II, III: the session id, 0 in I";
    Vxlan, "vxlan", "VXLAN (RFC 7348) and VXLAN-GPE: the VNI";
    Geneve, "geneve", "Geneve (RFC 8926): the VNI";
    Mpls, "mpls", "MPLS (RFC 3032), over whatever it runs: the label at the bottom of the stack";
    Pppoe, "pppoe", "PPPoE (RFC 2516): the session id";
    Pbb, "pbb", "802.1ah, MAC in MAC: the I-SID";
    Ipip, "ipip", "IPv4 in IP (RFC 2003, RFC 2473): no number";
    SixInFour, "6in4", "IPv6 in IP (RFC 4213, RFC 2473), 6to4 and 6rd too: no number";
    EtherIp, "etherip", "EtherIP (RFC 3378): no number";
    Gtp, "gtp", "GTP-U (3GPP TS 29.281): the TEID";
    L2tp, "l2tp", "L2TP (RFC 2661, RFC 3931): the session id";
    Teredo, "teredo", "Teredo (RFC 4380): no number";
    Ayiya, "ayiya", "AYIYA (draft-massar-v6ops-ayiya): no number";
    Capwap, "capwap", "CAPWAP data (RFC 5415): no number";
    Lisp, "lisp", "LISP data (RFC 9300): the instance id, 0 without one";
}

impl Tunnel {
    /// The name that columns and reports give it.
    pub fn name(self) -> &'static str {
        TUNNELS[self as usize].1
    }
}

/// The most VLAN ids that are remembered.
pub const VLANS_MAX: usize = 4;

/// What lay around the innermost IP header. Nothing of it takes part in matching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// VLAN ids from outside in, of all Ethernet layers; the first `vlan_count` of them. A 0 is a tag with a priority only.
    pub vlans: [u16; VLANS_MAX],
    /// How many VLAN ids are known.
    pub vlan_count: u8,
    /// TTL or hop limit of the innermost IP header; 0 if there was none.
    pub hop_limit: u8,
    /// The innermost tunnel.
    pub tunnel: Option<Tunnel>,
    /// Its number, which [`TUNNELS`] explains; 0 if it has none.
    pub tunnel_id: u32,
}

impl Outer {
    /// Whether there is nothing around it but an IP header.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.vlan_count == 0 && self.tunnel.is_none()
    }

    /// The VLAN ids that are known, from outside in.
    pub fn vlan_ids(&self) -> &[u16] {
        &self.vlans[..usize::from(self.vlan_count)]
    }

    /// Notes a VLAN id, if there is room.
    pub(super) fn push_vlan(&mut self, id: u16) {
        if let Some(place) = self.vlans.get_mut(usize::from(self.vlan_count)) {
            *place = id;
            self.vlan_count += 1;
        }
    }

    /// Notes that what follows is inside a tunnel.
    pub(super) fn set_tunnel(&mut self, tunnel: Tunnel, id: u32) {
        (self.tunnel, self.tunnel_id) = (Some(tunnel), id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tunnel_stands_at_its_own_number_and_has_its_own_name() {
        for (number, (tunnel, name, _)) in TUNNELS.iter().enumerate() {
            assert_eq!(*tunnel as usize, number);
            assert_eq!(tunnel.name(), *name);
            assert_eq!(TUNNELS.iter().filter(|row| row.1 == *name).count(), 1, "{name} twice");
        }
    }
}
