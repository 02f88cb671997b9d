//! What was found in TCP streams, and an identity over all their bytes.

macro_rules! streams {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// What was found in TCP streams. Bytes are captured bytes, except where they were not captured.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Streams { $($(#[$doc])* pub $field: u64,)* }

        impl Streams {
            /// Adds another count.
            pub fn merge(&mut self, other: &Streams) {
                $(self.$field += other.$field;)*
            }

            /// All counts by name, in the order of this table.
            pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }
    };
}

streams! {
    /// Connections that were begun to be followed; one that is forgotten and goes on counts again.
    connections,
    /// Those of which a SYN was seen.
    opened,
    /// Those whose handshake was seen to the end, so that its round-trip time is known.
    handshakes,
    /// Those ended by a FIN of both sides.
    finished,
    /// Those ended by a RST.
    reset,
    /// Connections forgotten because too many others were there; nothing is lost if they were quiet.
    forgotten,
    /// Half-open connections forgotten because too many others were half-open.
    half_open_forgotten,
    /// Messages read.
    messages,
    /// Their bytes, as far as they were captured, without the length prefixes.
    message_bytes,
    /// Messages of which bytes are missing: cut by the snaplen, or a segment was not captured.
    messages_cut,
    /// Messages that began and were not handed out: less than their header came before the stream ended or had a hole, or they
    /// were given up.
    incomplete,
    /// Holes that were given up: segments the capture does not have.
    gaps,
    /// Their bytes (which were not captured).
    gap_bytes,
    /// Stream bytes that the snaplen cut off (which were not captured).
    cut_bytes,
    /// Directions that went on somewhere else without a SYN, confirmed by a second segment.
    strayed,
    /// Times a message was found at the start of a segment or inside it, where none was expected.
    resynchronisations,
    /// Directions given up because too much was incomplete.
    evicted,
    /// Captured payload bytes of all segments.
    payload_bytes,
    /// Of these: what came again, or lay before where the stream was picked up.
    repeated_bytes,
    /// Of these: too far from what was expected next.
    unplaced_bytes,
    /// Of these: where no message could be found.
    skipped_bytes,
    /// Of these: parts of messages that were not, or no more, handed out.
    lost_bytes,
}

impl Streams {
    /// Whether every captured byte is accounted for, at the end of the input: in a message, in a prefix, or in one of the
    /// reasons why not.
    pub fn check(&self) -> bool {
        let read = self.message_bytes + 2 * self.messages;
        self.payload_bytes
            == read + self.repeated_bytes + self.unplaced_bytes + self.skipped_bytes + self.lost_bytes
    }
}
