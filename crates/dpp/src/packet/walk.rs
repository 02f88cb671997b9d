//! The walk from the first byte of a packet inward, layer by layer.
//!
//! What nearly every packet is made of goes straight down; everything else takes a step at a time, through the tables
//! of the room. A walk stops at UDP, TCP and fragments, and can be told to go on.

use super::{
    Addresses, Datagram, Fragment, IP_PROTOCOLS, LINKTYPES, Layer, Outer, Packet, Side, Skip, UDP_TUNNELS,
    be16, decode_rare, ethernet, ipv4, ipv6, look_up, tcp, udp,
};
use crate::limits;

/// A packet on the way inward: what is still to be read, and what the outer layers said.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// The layer that `rest` begins with.
    pub(super) layer: Layer,
    /// From the next header to the end of what was captured, trimmed to the lengths the outer headers state.
    pub(super) rest: &'a [u8],
    /// How long `rest` would be if nothing had been cut off: never less. Outside of IP, as long as it is.
    pub(super) length: usize,
    pub(super) addresses: Option<Addresses<'a>>,
    /// The outermost IP header's addresses, if `addresses` are not they.
    pub(super) outermost: Option<Addresses<'a>>,
    /// The header that the addresses are from.
    pub(super) ip_header: &'a [u8],
    pub(super) outer: Outer,
    /// How many more layers may be entered.
    pub(super) layers_left: usize,
}

/// One layer further.
pub(super) enum Step<'a> {
    Into(Layer),
    Found(Packet<'a>),
}

impl<'a> Walk<'a> {
    /// Begins with the first byte of a captured packet of `linktype`.
    ///
    /// # Errors
    /// [`Skip::Linktype`] if it is none that is known.
    #[inline]
    pub fn new(linktype: u16, bytes: &'a [u8]) -> Result<Self, Skip> {
        Ok(Walk {
            layer: look_up(LINKTYPES, linktype, Skip::Linktype)?,
            rest: bytes,
            length: bytes.len(),
            addresses: None,
            outermost: None,
            ip_header: &[],
            outer: Outer::default(),
            layers_left: limits::LAYERS_MAX,
        })
    }

    /// Goes on with the payload of a datagram that was put together from fragments, of which `first` had offset 0.
    ///
    /// # Errors
    /// A [`Skip`] if nothing is known of what the datagram carries.
    pub fn resume(
        first: &Fragment<'a>,
        outermost: Addresses<'a>,
        payload: &'a [u8],
        length: usize,
    ) -> Result<Self, Skip> {
        let layer = match first.addresses {
            Addresses::V4 { .. } => ipv4::transport(first.protocol)?,
            Addresses::V6 { .. } => look_up(IP_PROTOCOLS, first.protocol, Skip::IpProtocol)?,
        };
        Ok(Walk {
            layer,
            rest: payload,
            length: length.max(payload.len()),
            addresses: Some(first.addresses),
            outermost: Some(outermost),
            ip_header: &[],
            outer: first.outer,
            layers_left: first.layers_left,
        })
    }

    /// Walks on to the next datagram, segment or fragment.
    ///
    /// # Errors
    /// A [`Skip`] names the layer that ended the walk: not IP, a transport that is not known, damaged, or cut off.
    pub fn packet(&mut self) -> Result<Packet<'a>, Skip> {
        while self.layers_left > 0 {
            // What most tunnels lead to goes on without a step to take apart.
            self.layer = match self.layer {
                Layer::Ipv4 => ipv4::decode(self)?,
                Layer::Ipv6 => ipv6::decode(self)?,
                Layer::Udp => return udp::decode(self).map(Packet::Datagram),
                _ => match self.step()? {
                    Step::Into(layer) => layer,
                    Step::Found(packet) => return Ok(packet),
                },
            };
            self.layers_left -= 1;
        }
        Err(Skip::TooDeep)
    }

    /// Walks the way of nearly every packet: Ethernet, IP, UDP or TCP. For others it gives `None`, and [`Walk::packet`] goes
    /// on from there. To be called first: a packet is never too deep for so few layers.
    ///
    /// # Errors
    /// As for [`Walk::packet`].
    #[inline(always)]
    pub fn plain(&mut self) -> Result<Option<Packet<'a>>, Skip> {
        if self.layer == Layer::Ethernet {
            self.layer = ethernet::decode(self)?;
            self.layers_left -= 1;
        }
        self.layer = match self.layer {
            Layer::Ipv4 => ipv4::decode(self)?,
            Layer::Ipv6 => ipv6::decode(self)?,
            _ => return Ok(None),
        };
        self.layers_left -= 1;
        Ok(match self.layer {
            Layer::Udp => Some(Packet::Datagram(udp::decode(self)?)),
            Layer::Tcp => Some(Packet::Segment(tcp::decode(self)?)),
            _ => None,
        })
    }

    /// Reads one layer.
    #[inline(always)]
    pub(super) fn step(&mut self) -> Result<Step<'a>, Skip> {
        let layer = match self.layer {
            Layer::Ethernet => ethernet::decode(self)?,
            Layer::Ipv4 => ipv4::decode(self)?,
            Layer::Ipv6 => ipv6::decode(self)?,
            Layer::Udp => return udp::decode(self).map(|datagram| Step::Found(Packet::Datagram(datagram))),
            Layer::Tcp => return tcp::decode(self).map(|segment| Step::Found(Packet::Segment(segment))),
            Layer::Ipv4Fragment => return ipv4::fragment(self),
            Layer::Ipv6Fragment => return ipv6::fragment(self),
            Layer::UdpLite => return udp::lite(self).map(|datagram| Step::Found(Packet::Datagram(datagram))),
            _ => decode_rare(self)?,
        };
        Ok(Step::Into(layer))
    }

    /// Enters the tunnel that `datagram`, to which the walk came last, is a packet of.
    ///
    /// # Errors
    /// [`Skip::Port`] if its ports are those of no tunnel.
    #[cold]
    pub fn enter(&mut self, datagram: &Datagram<'a>) -> Result<(), Skip> {
        let row = |port: u16| UDP_TUNNELS.iter().find(|row| row.0 == port);
        let to = row(datagram.flow.destination_port);
        let &(_, side, layer) = to.or_else(|| row(datagram.flow.source_port)).ok_or(Skip::Port)?;
        let inside = Walk {
            layer,
            rest: datagram.payload,
            length: datagram.payload_length,
            layers_left: self.layers_left.saturating_sub(1),
            ..self.clone()
        };
        if to.is_none() && side == Side::Destination {
            inside.clone().packet().map_err(|_| Skip::Port)?;
        }
        *self = inside;
        Ok(())
    }

    /// Steps over a link-layer header of `length` bytes.
    #[inline(always)]
    pub(super) fn link_header(&mut self, length: usize) -> Result<&'a [u8], Skip> {
        let Some((header, rest)) = self.rest.split_at_checked(length) else { return Err(Skip::LinkCut) };
        self.rest = rest;
        self.length -= length;
        Ok(header)
    }

    /// Steps over a tunnel's header of `length` bytes.
    pub(super) fn tunnel_header(&mut self, length: usize) -> Result<&'a [u8], Skip> {
        let Some((header, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.too_short(length));
        };
        self.rest = rest;
        self.length -= length;
        Ok(header)
    }

    /// Looks at the first bytes of a tunnel's header.
    pub(super) fn tunnel_peek<const LENGTH: usize>(&self) -> Result<&'a [u8; LENGTH], Skip> {
        self.rest.first_chunk().ok_or_else(|| self.too_short(LENGTH))
    }

    /// Why there are no `length` bytes: they were cut off, or the headers outside say that there never were.
    #[cold]
    pub(super) fn too_short(&self, length: usize) -> Skip {
        if self.is_length_known() && length > self.length { Skip::TunnelMalformed } else { Skip::TunnelCut }
    }

    /// Ends the packet `length` bytes from here, as the header just read says.
    pub(super) fn trim(&mut self, length: usize) -> Result<(), Skip> {
        if self.is_length_known() && length > self.length {
            return Err(Skip::TunnelMalformed);
        }
        self.length = length;
        self.rest = &self.rest[..length.min(self.rest.len())];
        Ok(())
    }

    /// Whether a header has told how long the packet is: IP does, a link layer seldom.
    pub(super) fn is_length_known(&self) -> bool {
        self.addresses.is_some()
    }

    /// What lies around what the walk came to.
    #[inline]
    pub fn outer(&self) -> Outer {
        let hop_limit = match self.addresses {
            Some(Addresses::V4 { .. }) => self.ip_header.get(8),
            Some(Addresses::V6 { .. }) => self.ip_header.get(7),
            None => None,
        };
        Outer { hop_limit: hop_limit.copied().unwrap_or(self.outer.hop_limit), ..self.outer }
    }

    /// The total length of the innermost IP packet as its header states it, and the checksum of the UDP header before
    /// `payload`, to which the walk came; `None` if it did not come through an IP header at hand.
    pub fn envelope(&self, payload: &[u8]) -> Option<(u32, u16)> {
        let header = self.ip_header;
        let stated = match self.addresses? {
            Addresses::V4 { .. } => header.get(2..4).map(|bytes| u32::from(be16(bytes, 0))),
            Addresses::V6 { .. } => header.get(4..6).map(|bytes| u32::from(be16(bytes, 0)) + 40),
        };
        // The UDP header ends where its payload begins, whatever extension headers lie between.
        let behind = payload.as_ptr().addr().checked_sub(header.as_ptr().addr())?;
        let checksum = header.get(behind.checked_sub(2)?..behind)?;
        Some((stated?, be16(checksum, 0)))
    }

    /// The addresses of the outermost IP header; `None` if there was none yet.
    pub fn outermost(&self) -> Option<Addresses<'a>> {
        self.outermost.or(self.addresses)
    }

    /// The identification field of the innermost IP header if it is IPv4, which tells a packet captured twice from one
    /// sent twice; 0 otherwise.
    pub fn identification(&self) -> u16 {
        match (self.addresses, self.ip_header.get(4..6)) {
            (Some(Addresses::V4 { .. }), Some(bytes)) => be16(bytes, 0),
            _ => 0,
        }
    }

    /// Notes the addresses of an IP header.
    #[inline(always)]
    pub(super) fn at_ip(&mut self, addresses: Addresses<'a>, header: &'a [u8]) {
        if self.outermost.is_none() {
            self.outermost = self.addresses;
        }
        (self.addresses, self.ip_header) = (Some(addresses), header);
    }
}
