//! Where packets come from: which input, and which packet of it.
//!
//! Packets of one input follow each other, so a chunk needs a line for each change of input only.

/// From this packet of a chunk on, packets come from `input`, one after the other from number `frame` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Which packet of the chunk, from 0.
    pub packet: u32,
    /// The number of its input, from 0.
    pub input: u32,
    /// Its number in that input, from 1.
    pub frame: u64,
}

impl Origin {
    /// Where this packet of a chunk comes from.
    #[inline]
    pub fn of(origins: &[Origin], packet: u32) -> Option<Origin> {
        // As a rule all of a chunk is from one input.
        let behind = match origins {
            [origin] => usize::from(origin.packet <= packet),
            _ => origins.partition_point(|origin| origin.packet <= packet),
        };
        let origin = origins.get(behind.checked_sub(1)?)?;
        Some(Origin { packet, frame: origin.frame + u64::from(packet - origin.packet), ..*origin })
    }

    /// Notes where the next packet comes from, if that does not follow from what was noted before.
    pub fn note(origins: &mut Vec<Origin>, next: Origin) {
        origins.pop_if(|last| last.packet >= next.packet);
        let goes_on = Origin::of(origins, next.packet) == Some(next);
        if !goes_on {
            origins.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_is_numbered_in_its_own_input() {
        let mut origins = Vec::new();
        let frames = [(0, 0, 7), (1, 0, 8), (2, 1, 1), (3, 1, 2), (4, 0, 9)];
        for (packet, input, frame) in frames {
            Origin::note(&mut origins, Origin { packet, input, frame });
        }
        assert_eq!(origins.len(), 3);
        for (packet, input, frame) in frames {
            assert_eq!(Origin::of(&origins, packet), Some(Origin { packet, input, frame }));
        }
        assert_eq!(Origin::of(&[], 0), None);
    }

    #[test]
    fn an_input_without_packets_leaves_no_line() {
        let mut origins = Vec::new();
        Origin::note(&mut origins, Origin { packet: 0, input: 0, frame: 1 });
        Origin::note(&mut origins, Origin { packet: 0, input: 1, frame: 1 });
        assert_eq!(origins, [Origin { packet: 0, input: 1, frame: 1 }]);
    }
}
