//! What a little-endian processor would do with the program: plain, and strict about what the kernel's verifier is strict
//! about.

use super::*;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passed,
    /// Given to the socket of this queue, with this time before it.
    Taken(u32, Option<u64>),
}

const CONTEXT_AT: u64 = 0x1_0000;
const PACKET_AT: u64 = 0x10_0000;
pub(super) const MAP_DESCRIPTOR: i32 = 77;
pub(super) const QUEUE_NUMBER: u32 = 5;
pub(super) const NOW: u64 = 0x0123_4567_89AB_CDEF;

/// A packet on its way through the program.
pub(super) struct Machine<'a> {
    pub packet: &'a [u8],
    /// Whether the driver has room before packets.
    pub has_metadata: bool,
    /// What was put there; `None` before room was asked for.
    pub metadata: Option<[u8; METADATA_BYTES]>,
    registers: [Option<u64>; 10],
}

impl<'a> Machine<'a> {
    pub(super) fn new(packet: &'a [u8], has_metadata: bool) -> Machine<'a> {
        let mut registers = [None; 10];
        registers[1] = Some(CONTEXT_AT);
        Machine { packet, has_metadata, metadata: None, registers }
    }

    /// Runs the program. What the verifier forbids panics: registers that nobody set, bytes outside of the packet, jumps
    /// backwards, falling off the end.
    pub(super) fn run(mut self, program: &[Instruction]) -> Fate {
        let mut at = 0;
        let mut taken = None;
        loop {
            let Instruction { code, dst, src, offset, immediate } = program[at];
            at += 1;
            let number = immediate as i64 as u64;
            let to = (dst as usize, at as i64 + i64::from(offset));
            let mut go = |is: bool| {
                if is {
                    assert!(offset >= 0, "loops are not wanted");
                    at = to.1 as usize;
                }
            };
            match code {
                code::LOAD_U8 => self.set(dst, self.load(self.get(src), offset, 1)),
                code::LOAD_U16 => self.set(dst, self.load(self.get(src), offset, 2)),
                code::LOAD_U32 => self.set(dst, self.load(self.get(src), offset, 4)),
                code::STORE_U64 => self.store(self.get(dst), offset, self.get(src)),
                code::SET_U64 => {
                    assert_eq!((program[at].code, program[at].src), (0, 0));
                    let upper = program[at].immediate as u32 as u64;
                    self.set(dst, upper << 32 | immediate as u32 as u64);
                    at += 1;
                }
                code::SET => self.set(dst, number),
                code::COPY => self.set(dst, self.get(src)),
                code::ADD => self.set(dst, self.get(dst).wrapping_add(number)),
                code::AND => self.set(dst, self.get(dst) & number),
                code::FROM_BIG_ENDIAN => self.set(dst, u64::from((self.get(dst) as u16).swap_bytes())),
                code::GO => go(true),
                code::IF_EQUAL => go(self.get(dst) == number),
                code::IF_NOT_EQUAL => go(self.get(dst) != number),
                code::IF_ABOVE => go(self.get(dst) > number),
                code::IF_ABOVE_REGISTER => go(self.get(dst) > self.get(src)),
                code::IF_BELOW => go(self.get(dst) < number),
                code::CALL => taken = self.call(immediate).or(taken),
                code::EXIT => {
                    return match (self.get(0), taken) {
                        (2, None) => Fate::Passed,
                        (4, Some(queue)) => Fate::Taken(queue, self.time()),
                        answer => panic!("no answer: {answer:?}"),
                    };
                }
                other => panic!("no opcode: {other:#x}"),
            }
        }
    }

    fn get(&self, register: u8) -> u64 {
        self.registers[register as usize].unwrap_or_else(|| panic!("r{register} was not set"))
    }

    fn set(&mut self, register: u8, value: u64) {
        self.registers[register as usize] = Some(value);
    }

    fn load(&self, base: u64, offset: i16, bytes: usize) -> u64 {
        let at = base.wrapping_add_signed(i64::from(offset));
        if base == CONTEXT_AT {
            assert_eq!(bytes, 4);
            let metadata = if self.metadata.is_some() { METADATA_BYTES as u64 } else { 0 };
            return match offset {
                DATA => PACKET_AT,
                DATA_END => PACKET_AT + self.packet.len() as u64,
                DATA_META => PACKET_AT - metadata,
                QUEUE => u64::from(QUEUE_NUMBER),
                other => panic!("nothing at {other} of the context"),
            };
        }
        let start = (at - PACKET_AT) as usize;
        let read = &self.packet[start..start + bytes];
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(read);
        u64::from_le_bytes(number)
    }

    fn store(&mut self, base: u64, offset: i16, value: u64) {
        let metadata = self.metadata.as_mut().expect("room was asked for");
        let at = (base + METADATA_BYTES as u64 - PACKET_AT) as usize + offset as usize;
        metadata[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Gives the queue, if the packet was given to its socket.
    fn call(&mut self, function: i32) -> Option<u32> {
        let mut queue = None;
        let result = match function {
            KTIME_GET_NS => NOW,
            ADJUST_META => {
                assert_eq!((self.get(1), self.get(2) as i32), (CONTEXT_AT, -(METADATA_BYTES as i32)));
                if self.has_metadata {
                    self.metadata = Some([0xEE; METADATA_BYTES]);
                }
                if self.has_metadata { 0 } else { (-13_i64) as u64 }
            }
            REDIRECT_MAP => {
                assert_eq!((self.get(1), self.get(3)), (MAP_DESCRIPTOR as u64, PASS as u64));
                queue = Some(self.get(2) as u32);
                4
            }
            other => panic!("no function: {other}"),
        };
        self.registers[..6].fill(None);
        self.set(0, result);
        queue
    }

    fn time(&self) -> Option<u64> {
        let metadata = self.metadata?;
        let (time, mark) = metadata.split_at(8);
        assert_eq!(u64::from_le_bytes(mark.try_into().unwrap()), MARK);
        Some(u64::from_le_bytes(time.try_into().unwrap()))
    }
}
