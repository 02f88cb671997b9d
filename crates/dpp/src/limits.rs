//! Every bound of the engine, with the reason beside it.
//!
//! Memory must not grow with the input (law 5), so whatever waits, waits at most this long or this much. Reaching a
//! bound is counted, and no bound depends on where a capture was cut into chunks or files. Everyone may read this
//! room; it knows nobody.

/// A record longer than this is damage, not a packet: libpcap's own MAXIMUM_SNAPLEN, which no capture tool exceeds.
pub const CAPLEN_MAX: u32 = 262_144;

/// A pcapng block that must be held whole (a section, an interface, a packet) and is longer than this is damage.
/// Blocks that are skipped may have any length.
pub const BLOCK_MAX: u32 = CAPLEN_MAX + 65_536;

/// Interfaces a pcapng section may describe: a real host has dozens, a fuzzed file millions.
pub const INTERFACES_MAX: usize = 1024;

/// Farther (ns) than this from when a packet came to a live source its time is not believed, where it is what somebody says: a
/// sender of dnstap, or the clock of a network card. It is J, [`Limits::jump_ns`], within which the clock of a capture follows
/// without doubt: a sender may buffer for a second or two, and clocks of servers that are looked after agree within milliseconds,
/// but what nobody would call wrong should not be counted.
pub const LIVE_CLOCKS_APART_NS: i64 = 10_000_000_000;

/// A frame of dnstap longer than this is stepped over. Two DNS messages of 64 KiB and what is told about them are an eighth of
/// it; but libfstrm's reader takes so much unless told otherwise, and what it takes others may write. Nothing is allocated
/// for a length that is only stated.
pub const DNSTAP_FRAME_MAX: u32 = 1 << 20;

/// Servers that may send dnstap to one listener at once, unless told otherwise: more than a site has, and half of the
/// files that a process may open by default. One more is turned away and counted.
pub const DNSTAP_SENDERS_MAX: usize = 512;

/// Bytes of frames that have not come whole, of all senders of a listener together. Frames have some hundred bytes, and a
/// half one is there for a moment; senders that each begin the longest one and stop there would come to 512 MiB.
pub const DNSTAP_HALVES_MAX: usize = 64 << 20;

/// How long (ms) a sender of dnstap may take for its handshake, unless told otherwise, and to take leave. A server that is
/// started on a busy machine takes part of a second.
pub const DNSTAP_HANDSHAKE_MS: u64 = 10_000;

/// Groups within groups that are stepped over in a frame of dnstap: what libraries for Protocol Buffers allow. The schema has
/// none.
pub const DNSTAP_GROUPS_MAX: usize = 100;

/// Questions read from one message. A query has one (RFC 9619), and nobody sends more; but a message of 64 KiB could claim
/// 10,000, each of which would wait for its own answer.
pub const QUESTIONS_MAX: u16 = 4;

/// The same of a multicast query, where many questions in one message are the rule (RFC 6762 section 5.3) and none waits.
pub const MULTICAST_QUESTIONS_MAX: u16 = 64;

/// Compression pointers followed in one name. A name of 255 octets has at most 127 labels, so even one that has a pointer
/// before each label and before its end needs no more; more lead round in a loop, or from pointer to pointer for nothing.
pub const POINTERS_MAX: usize = 128;

/// Labels and pointers followed in a message, for each of its octets, when it is inspected. Without compression a label takes
/// two octets or more; names of 34 labels (`ip6.arpa`) in records of 30 octets come to little more than one. A message that
/// is made to cost time could come to sixteen.
pub const NAME_STEPS_PER_OCTET: usize = 4;

/// Header layers walked before a packet is called too deep: Ethernet, IPv6, sixteen extension headers, UDP and spare.
pub const LAYERS_MAX: usize = 32;

/// The most workers, and so shards; rows name their shard in sixteen bits.
pub const WORKERS_MAX: usize = 256;

/// How many cells the work on fragments and TCP is cut into. Fixed, because each has bounds of its own, and what is given up
/// at a bound must not depend on the number of workers; more than any machine's cores that would share such work.
pub const CELLS: usize = 64;

/// Messages of a cell that are read when the input has ended, of those that wait behind holes. Each connection has a few as a
/// rule; half a mebibyte of zeros behind a hole is a quarter of a million, and each takes half a kibibyte. Those beyond are
/// counted as not read.
pub const LATE_MESSAGES_MAX: usize = 1 << 12;

/// Datagrams not put together that are remembered while single packets are traced. After that it starts afresh, and of an
/// older one it is not known that it was given up.
pub const TRACED_DATAGRAMS_MAX: usize = 1 << 16;

/// The most packets of a chunk, so that all events of a part can be numbered in 32 bits.
pub const CHUNK_PACKETS_MAX: usize = 1 << 22;

/// The most bytes read for a chunk, so that places in its keys can be numbered in 32 bits: written out, the questions of a
/// message take up to 27 times its bytes. (256 KiB measured best.)
pub const CHUNK_BYTES_MAX: usize = 1 << 26;

/// Inputs that are named because they could not be read, or not to their end. All of them are counted; a list of thousands
/// nobody reads.
pub const LISTED_MAX: usize = 100;

/// Captures that may be merged at once. All of them are open, and some systems let a process have no more than 256 files;
/// each takes about 100 KiB, and at worst, with the longest packets, 2 MiB.
pub const MERGED_MAX: usize = 200;

/// Bytes of encoded chunks that may wait for an earlier chunk that is not decided. Beyond that chunks wait as they are: text
/// with every octet escaped takes four times the memory of an event.
pub const PIECES_BYTES_MAX: usize = 32 << 20;

/// A message that is kept for columns takes about its own length, twice if both sides are; a byte of a TCP segment that
/// completes many messages some twenty times. So many bytes of messages count as one byte of the window of streams: 1 GiB of
/// messages may wait, which is T + R of 4 Gbit/s of nothing but DNS.
pub const KEPT_PER_STREAM_BYTE: u64 = 4;

/// Text of the records of one section of one message, bytes. A section of 64 KiB comes to some 300 KB of text; names that are
/// made to be long when they are written out, to thirty times as much. Records beyond that are left out of the list, and
/// `ancount` and its siblings tell that there were more.
pub const RECORDS_TEXT_MAX: usize = 1 << 20;

/// Values looked at while a database of addresses is opened, for each octet of them. Real ones come to three: their values
/// are records of some ten octets that point to some ten others. In one that is made to cost time, millions of records lead to
/// the same long list.
pub const GEO_VISITS_PER_OCTET: usize = 16;

/// The longest name (octets) of the organisation of an autonomous system. Real ones have at most some 120; a name that is
/// longer than this is not what the database was taken for.
pub const AS_ORG_MAX: usize = 1024;

/// The most labels of a rule of the Public Suffix List. The longest have five; each takes a place in a table.
pub const RULE_LABELS_MAX: usize = 16;

/// The longest name (octets) of a server or a site: that of a host has 253 characters, and every row bears one.
pub const PLACE_NAME_MAX: usize = 255;

/// Parts of a template for names of files. Each takes time for each octet of a name.
pub const TEMPLATE_PARTS_MAX: usize = 64;

/// Bytes of messages that are put together from the items of one C-DNS block. Blocks of other programs have 5,000 to 10,000
/// items and need a few MiB; in one that is made to cost memory, millions of items name the same long records.
pub const ITEM_MESSAGES_MAX: usize = 256 << 20;

/// Items of one C-DNS block that are read; if it is short, [`BLOCK_ITEMS_ALWAYS`] and one for each four octets, as an item
/// with three fields has more. Writers put 5,000 to 10,000 into one; an empty item takes one octet in the file, and half a
/// kibibyte as an event.
pub const BLOCK_ITEMS_MAX: u64 = 1 << 18;

/// So many items of a C-DNS block are read however short it is: more than writers put into one, and 8 MiB as events.
pub const BLOCK_ITEMS_ALWAYS: u64 = 1 << 14;
/// Bytes of a condition on rows. People write a line; programs that list all addresses of a house write some kilobytes.
pub const FILTER_LENGTH_MAX: usize = 64 << 10;

/// Brackets and negations that may be open in a condition, in its patterns too: reading and asking go as deep. Nobody reads
/// more than five.
pub const FILTER_DEPTH_MAX: usize = 100;

/// Values of one list in a condition; as many as its bytes have room for in names of 16 octets.
pub const FILTER_LIST_MAX: usize = 4096;

/// Patterns of a condition: each may take [`FILTER_PATTERN_BYTES_MAX`] and, for each worker, as much again.
pub const FILTER_PATTERNS_MAX: usize = 16;

/// Bytes that a pattern may take once it is compiled, and its cache: enough for some hundred alternatives. Repetitions of
/// repetitions would take any amount.
pub const FILTER_PATTERN_BYTES_MAX: usize = 1 << 20;

/// Ranges of ports that the filter in the kernel asks for; where there are more, it lets through all of UDP and TCP, and the
/// engine looks. Each range takes up to six instructions, on each packet of the interface; older kernels take some 2000.
pub const KERNEL_FILTER_RANGES_MAX: usize = 64;

/// Rings on one interface. Each has a thread and, unless told otherwise, 64 MiB that cannot be swapped out; more than a large
/// machine has cores would be a slip of the pen.
pub const LIVE_RINGS_MAX: usize = 256;
/// Ranges of ports that the program of XDP asks for. It runs on each packet of the interface, which may be millions a second, and
/// each range takes up to six instructions; it must not take more than was asked for, so more ranges are refused. The kernel's verifier
/// follows each way through the headers to each range, some 300 times so many, and gives up after 2^20 instructions.
pub const XDP_PORT_RANGES_MAX: usize = 64;

/// Queues of an interface that is captured by XDP, each of which has a socket, a ring and a thread: network cards have no more than
/// the machine has cores. Packets of queues beyond would stay with the kernel.
pub const XDP_QUEUES_MAX: u32 = 1024;

/// Frames of a queue, each of which holds a packet: fewer would not outlast one turn of the driver, which takes 64 packets.
pub const XDP_FRAMES_MIN: usize = 64;

/// As many frames as take 4 GiB of memory, for each queue.
pub const XDP_FRAMES_MAX: usize = 1 << 20;

/// The bounds of the matcher. Plain data, so that tests can make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// R, the disorder that is tolerated: how long, in nanoseconds of the capture's clock, a response waits for a
    /// query that was captured after it, and how much longer than T an open query waits for a late packet.
    pub disorder_ns: i64,
    /// J: a timestamp this far (ns) from the clock is believed only if the next packet confirms it.
    pub jump_ns: i64,
    /// Open queries and unclaimed responses of one tuple. A tuple holds one as a rule; a sender with a constant port
    /// and id would make every packet walk over all of its predecessors.
    pub per_tuple: usize,
    /// Packets that may pass before an open query or an unclaimed response is given up although the clock has not
    /// come so far. It bounds memory when timestamps stand still or have gone back; at 1.9 million packets per second
    /// it is as long as T + R.
    pub window_packets: u64,
    /// Every so many packets the window is enforced. Fixed positions, so that no cut of the capture matters.
    pub sweep_packets: u64,
    /// As `window_packets`, in captured payload bytes of TCP segments on DNS ports: one segment can complete thousands of messages, so
    /// packets bound little there. A capture made to cost memory makes some twenty times that many bytes wait, about 6 GB measured.
    /// At 1 Gbit/s of nothing but DNS over TCP it is as long as T + R.
    pub window_stream_bytes: u64,
    /// That window is enforced behind each packet that makes the sum of those bytes reach another multiple of this, and ends
    /// where the sum reached one, so that only those places need be remembered.
    pub sweep_stream_bytes: u64,
    /// What waits to be put together from fragments.
    pub fragments: FragmentLimits,
    /// What waits in TCP streams.
    pub streams: StreamLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            disorder_ns: 1_000_000_000,
            jump_ns: 10_000_000_000,
            per_tuple: 64,
            window_packets: 1 << 22,
            sweep_packets: 1 << 19,
            window_stream_bytes: 256 << 20,
            sweep_stream_bytes: 16 << 20,
            fragments: FragmentLimits::default(),
            streams: StreamLimits::default(),
        }
    }
}

/// Datagrams last put together that a cell remembers, so that what was captured twice begins nothing that can never be
/// whole: the second copy comes within a few packets.
pub const RECENT_DATAGRAMS: usize = 8;

/// And for so long (ns of the capture's clock): the disorder that is tolerated elsewhere. What comes later was sent again, by
/// one who gives all datagrams the same identification.
pub const RECENT_NS: i64 = 1_000_000_000;

/// A datagram of more bytes is not remembered so: the memory is for what waits, and DNS over UDP is hardly ever longer.
pub const RECENT_BYTES_MAX: usize = 8 << 10;

/// The bounds of one cell of the reassembly of IP fragments. With tables, spare buffers and what is remembered a cell stays
/// below 1 MiB, all [`CELLS`] below 64 MiB. A share holds the longest datagram in the most pieces. Plain data, so that tests
/// can make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// How long (ns of the capture's clock) an IPv4 datagram may take. RFC 791 begins with 15 s, RFC 1122 section 3.3.2 asks
    /// for 60 to 120 s; hosts take 30 s, because 16 bits of identification come round again soon.
    pub v4_timeout_ns: i64,
    /// The same for IPv6: what RFC 8200 section 4.5 prescribes.
    pub v6_timeout_ns: i64,
    /// Datagrams that wait, also those that were given up and whose later fragments are therefore dropped. In all cells
    /// 16384: a million forged fragments a second replace them in 16 ms (a quarter of one if all are aimed at one cell),
    /// and the fragments of an honest datagram follow each other within microseconds.
    pub datagrams: usize,
    /// Bytes of their buffers and lists of pieces.
    pub bytes: usize,
    /// What one source may hold of both: one part of so many. One source alone takes nothing from the others then.
    pub shares: usize,
    /// Fragments of one datagram. Real links cut the longest one into 120 (MTU 576); many tiny ones are an attack, and the
    /// sorted list of them is cheap only while it is short.
    pub pieces: usize,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        FragmentLimits {
            v4_timeout_ns: 30_000_000_000,
            v6_timeout_ns: 60_000_000_000,
            datagrams: 256,
            bytes: 640 << 10,
            shares: 8,
            pieces: 1024,
        }
    }
}

/// The bounds of one cell of TCP streams ([`CELLS`] of them). Plain data, so that tests can make them small.
///
/// At most about 4 MiB a cell, 250 MiB in all: a connection takes some 330 bytes with its places in the tables, what is
/// buffered at most twice what is charged for it (vectors grow by doubling), and the tickets of segments stay when they are free
/// again. Reached only by traffic made for it: an honest
/// capture has a few incomplete messages and a hole or two at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Connections that are remembered: 131,072 in all cells. The one that was quiet longest makes room; if it goes on, it is
    /// picked up in the middle.
    pub connections: usize,
    /// Connections of which only the handshake was seen, apart from the others, so that a flood of SYNs drives out
    /// nothing but such: 65,536 in all cells, which at a million SYNs a second still covers a round trip of 60 ms.
    pub half_open: usize,
    /// Connections that both sides have ended: 1024 in all cells. What is captured twice, or sent again because an
    /// acknowledgment was lost, comes within a few packets or round trips; and few fit into a processor's cache.
    pub closed: usize,
    /// Bytes that are charged for everything that is incomplete in a cell: 64 MiB in all cells. The direction that has been
    /// incomplete longest is given up first. Twice what one direction may take, so that one alone drives out no others.
    pub cell_bytes: usize,
    /// Bytes of out-of-order data of one direction: what is on its way while a lost segment is sent again, 100 Mbit/s of a
    /// zone transfer over 40 ms. Beyond that the hole is given up, which costs the messages in it.
    pub direction_bytes: usize,
    /// Pieces of out-of-order data of one direction: all segments of `direction_bytes`, short ones of 536 bytes too. Putting one
    /// in its place moves at most half of them, 40 bytes each.
    pub direction_pieces: usize,
    /// How far, in bytes, a segment may lie from what is expected next. Farther away it belongs to another connection on the
    /// same ports, or is forged, and is believed only if the next one goes on there. Larger than common TCP windows.
    pub far: u32,
    /// How far (bytes) before the place where a stream was picked up data is still read, and how much may have been read behind it
    /// by then. When a capture begins, segments are overtaking each other; by a few others, so it is the longest message.
    pub earlier_bytes: u32,
    /// How long (ns of the clock) a hole waits for a late segment once the receiver has acknowledged what was in it: the
    /// capture missed it, or shows it a little late. Longer than queues of a network card disorder packets, and shorter than
    /// a response waits for its query.
    pub missed_ns: i64,
    /// The same in segments of the connection, whichever comes first: a busy connection needs no clock.
    pub missed_segments: u8,
    /// How long (ns of the clock) a hole waits that nobody has acknowledged: the sender will try again, first after 1 s
    /// at most (RFC 6298 section 2) and then after twice as long.
    pub lost_ns: i64,
    /// A connection on which the clock has passed so long (ns) without a segment is begun anew: its ports may have changed
    /// hands. Longer than servers keep idle connections (RFC 7766 section 6.2.3 speaks of seconds).
    pub idle_ns: i64,
}

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits {
            connections: 2048,
            half_open: 1024,
            closed: 16,
            cell_bytes: 1 << 20,
            direction_bytes: 512 << 10,
            direction_pieces: 1024,
            far: 4 << 20,
            earlier_bytes: 64 << 10,
            missed_ns: 100_000_000,
            missed_segments: 3,
            lost_ns: 3_000_000_000,
            idle_ns: 600_000_000_000,
        }
    }
}

/// A key file holds 64 digits or a passphrase; whoever names a capture instead should be told so at once.
pub const KEY_FILE_BYTES_MAX: usize = 4096;

/// First halves of IPv6 addresses whose pseudonyms are remembered: 512 KiB. A resolver's clients of a few seconds come from
/// fewer networks; forgetting one costs some 150 ns.
pub const V6_PREFIXES_REMEMBERED: usize = 1 << 14;
/// A C-DNS block of more bytes is refused: it must be held whole, because its tables may come last. Writers' blocks of 5000 or
/// 10,000 items are about 1 MiB, with all sections some more.
pub const CDNS_BLOCK_MAX: usize = 64 << 20;

/// What stands before the blocks is a few hundred bytes for each set of parameters. Read into structures it may take twenty
/// times its length.
pub const CDNS_PREAMBLE_MAX: usize = 256 << 10;

/// CBOR values in CBOR values: C-DNS has six inside each other, and private fields may have some more.
pub const CDNS_DEPTH_MAX: usize = 16;

/// Entries of all tables of a C-DNS block. Their places take eight octets each, and an entry of damaged tables takes one.
pub const CDNS_ENTRIES_MAX: usize = 4 << 20;

/// Signatures of a C-DNS block that are kept read (140 octets each). Real blocks have some hundreds; further ones are read
/// whenever they are named.
pub const CDNS_SIGNATURES_KEPT: usize = 4096;

/// Resource records and questions that the items of a C-DNS block may name, for each octet of the block, and records of one
/// section, which in a message are counted in 16 bits. A block of nothing but equal referrals comes to two for an octet; one
/// that is made to cost time could come to tens of thousands.
pub const CDNS_RECORDS_PER_OCTET: u64 = 4;

/// A block is written when its items take so many bytes, even if it could have more of them: far below [`CDNS_BLOCK_MAX`],
/// which a writer with long sections would reach.
pub const CDNS_BLOCK_FULL: usize = 16 << 20;

/// Bytes of rows that are prepared for C-DNS at once; those behind in their chunk are prepared one by one. Without
/// compression, sections may take forty times their bytes, and one chunk can complete all messages that waited for their ends.
pub const CDNS_PREPARED_MAX: usize = 16 << 20;

/// The bounds of output that rotates. Plain data, so that tests can make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationLimits {
    /// Bytes of rows that wait for a file that is not yet written so far. More than a disk that hesitates for seconds makes
    /// of 100,000 rows a second; beyond that the capture waits, or, while the file cannot be written, rows are dropped.
    pub waiting_bytes: usize,
    /// Bytes of rows that a file has taken last, of which a copy is kept until it is complete: if it fails they are written
    /// again. Formats hold back at most a row group or a block, and a file of text is good up to where it broke.
    pub retained_bytes: usize,
    /// Rows of so much earlier periods, one after the other, are no latecomers: time has gone back. More than the rows of any
    /// one source that come together, as else two servers whose clocks differ would make a file with every turn.
    pub late_rows: u64,
    /// So much earlier (ns) is that than the open period's beginning: what the clock of a capture follows without doubt.
    pub late_ns: i64,
    /// Files whose command waits for its turn. Hours of files of a minute; a command that hangs must not fill the memory.
    pub hooks: usize,
}

impl Default for RotationLimits {
    fn default() -> Self {
        RotationLimits {
            waiting_bytes: 32 << 20,
            retained_bytes: 32 << 20,
            late_rows: 1 << 14,
            late_ns: 10_000_000_000,
            hooks: 1000,
        }
    }
}

/// Files of one output that may be unfinished at once: one that is filled, and others that are on their way to the disk or
/// cannot be written. Each has a thread, and rows that wait.
pub const ROTATING_FILES_MAX: usize = 3;
/// Packets that are taken out of a queue of DPDK at once. Drivers have loops for 32 and more; with more than this the packets would
/// not be in the processor's cache any more when they are looked at.
pub const DPDK_BURST_MAX: u16 = 512;

/// Receive queues of one port of DPDK. Each has a thread, and 10 MiB for packets; DPDK knows 128 threads.
pub const DPDK_QUEUES_MAX: u16 = 128;

/// Different keys (clients, names) of a tally that are counted one by one, unless all are asked for: some 6 MiB of names. More are
/// counted in a sketch, which takes about 4 MiB.
pub const TALLIED_KEYS_MAX: u64 = 1 << 16;

/// Rows of counters of that sketch, and counters of a row: half of a key's hash has the places in all rows. With four rows one key
/// in a million has more than a hundredth of what the larger counters hold counted as its own.
pub const TOPS_ROWS: usize = 4;
/// Among as many counters, all keys without the frequent ones add about 1/65536 of their number to each count.
pub const TOPS_CELLS: usize = 1 << 16;

/// Keys whose names such a sketch keeps: of a key that makes up one thousandth of all the chance is one in ten million that it is
/// not among them. Up to twice as many are there for a while.
pub const TOPS_KEPT: usize = 1 << 14;

/// Registers of a HyperLogLog, as a power of two: a standard error of 0.8 % in 16 KiB.
pub const HLL_LG_REGISTERS: u32 = 14;

/// Transactions of a sample: of a server that has a hundredth of all there are about 655, so that its median is off by 4 % of the
/// ranks with a chance of one in twenty. Up to twice as many are there for a while, 3 MiB.
pub const SAMPLE_MAX: usize = 1 << 16;

/// Servers of which each has figures of its own: more than an operator has, at up to 60 KiB, commonly some 15. Those of more are
/// taken from a sample.
pub const GROUPS_MAX: usize = 256;

/// Tallies of groups of transactions (of a table by minute and server, say), unless all are asked for: of a group about one for each
/// factor of eight by which it has more transactions than one. Some 300 bytes each, 75 MiB; of more, a share of all transactions is
/// counted that has room.
pub const FINDINGS_MAX: u64 = 1 << 18;

/// Words in these tallies beside what each has: buckets of round-trip times that are not empty (some hundred for a busy server),
/// hashes of clients and names. 32 MiB, and as much again where they grow.
pub const FINDINGS_WORDS_MAX: u64 = 1 << 22;

/// What a table of figures is by at once, and octets of a text there, of which more is cut: with a name in each place, a group's key
/// in hexadecimal digits still has room in the key of a part file's entry (4 KiB).
pub const GROUPED_BY_MAX: usize = 7;
/// See [`GROUPED_BY_MAX`].
pub const GROUPED_TEXT_MAX: usize = 255;

/// Tables of figures that are counted in one run: each may take 150 MiB for each worker.
pub const TABLES_MAX: usize = 16;

/// Spans of time with something in them: an hour of seconds, or a day of half minutes. Where there would be more, the spans become
/// longer.
pub const SPANS_MAX: usize = 4096;

/// Addresses in IPv4 that a set of sources keeps, before it estimates: twice what the busiest root server sees on a quiet day.
/// 80 MiB; with billions of made-up sources the standard error is less than 0.04 %.
pub const SOURCES_V4_MAX: usize = 14_000_000;

/// The same in IPv6, and of /64 prefixes: the busiest root server sees a million and a half. 136 MiB, and 0.06 %.
pub const SOURCES_V6_MAX: usize = 7_000_000;
