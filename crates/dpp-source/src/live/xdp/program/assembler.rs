//! Instructions of eBPF (RFC 9669), and labels for where they jump to.
//!
//! ```text
//!  bits  0      8     12    16              32                              64
//!        opcode  dst   src  offset (signed)  immediate (signed)
//! ```
//! An instruction with an immediate of 64 bits takes two places, the second of which has the upper half. Registers: r0 has
//! results, r1 to r5 are arguments and are lost in a call, r6 to r9 are kept.

/// An instruction, or the second half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub code: u8,
    pub dst: u8,
    pub src: u8,
    pub offset: i16,
    pub immediate: i32,
}

/// The opcodes that we use: class, with what is done and to what (RFC 9669 sections 4 and 5).
pub(crate) mod code {
    /// dst = *(u8 *)(src + offset)
    pub(crate) const LOAD_U8: u8 = 0x71;
    pub(crate) const LOAD_U16: u8 = 0x69;
    pub(crate) const LOAD_U32: u8 = 0x61;
    /// *(u64 *)(dst + offset) = src
    pub(crate) const STORE_U64: u8 = 0x7B;
    /// dst = immediate, of 64 bits
    pub(crate) const SET_U64: u8 = 0x18;
    /// dst = immediate
    pub(crate) const SET: u8 = 0xB7;
    /// dst = src
    pub(crate) const COPY: u8 = 0xBF;
    pub(crate) const ADD: u8 = 0x07;
    pub(crate) const AND: u8 = 0x57;
    /// dst is a big-endian number of as many bits as the immediate says, and becomes one of the machine's
    pub(crate) const FROM_BIG_ENDIAN: u8 = 0xDC;
    pub(crate) const GO: u8 = 0x05;
    pub(crate) const IF_EQUAL: u8 = 0x15;
    pub(crate) const IF_NOT_EQUAL: u8 = 0x55;
    /// Unsigned: dst > immediate
    pub(crate) const IF_ABOVE: u8 = 0x25;
    /// Unsigned: dst > src
    pub(crate) const IF_ABOVE_REGISTER: u8 = 0x2D;
    /// Unsigned: dst < immediate
    pub(crate) const IF_BELOW: u8 = 0xA5;
    pub(crate) const CALL: u8 = 0x85;
    pub(crate) const EXIT: u8 = 0x95;
}

/// The source that makes the immediate of [`code::SET_U64`] the descriptor of a map (BPF_PSEUDO_MAP_FD).
pub(crate) const MAP: u8 = 1;

/// A place in the program that is jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// Puts instructions behind each other.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    program: Vec<Instruction>,
    places: Vec<Option<usize>>,
    /// Which instruction jumps to which label.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    /// A label whose place is not known yet.
    pub(crate) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// The label is here.
    pub(crate) fn place(&mut self, label: Label) {
        let before = self.places[label.0].replace(self.program.len());
        assert_eq!(before, None, "a label has one place");
    }

    fn push(&mut self, code: u8, dst: u8, src: u8, offset: i16, immediate: i32) {
        self.program.push(Instruction { code, dst, src, offset, immediate });
    }

    /// dst = what is at src + offset
    pub(crate) fn load(&mut self, code: u8, dst: u8, src: u8, offset: i16) {
        self.push(code, dst, src, offset, 0);
    }

    /// *(dst + offset) = src
    pub(crate) fn store(&mut self, code: u8, dst: u8, offset: i16, src: u8) {
        self.push(code, dst, src, offset, 0);
    }

    /// Two bytes of a packet as the number they mean.
    pub(crate) fn load_be16(&mut self, dst: u8, src: u8, offset: i16) {
        self.load(code::LOAD_U16, dst, src, offset);
        self.with(code::FROM_BIG_ENDIAN, dst, 16);
    }

    /// Does something to a register with a number.
    pub(crate) fn with(&mut self, code: u8, dst: u8, immediate: i32) {
        self.push(code, dst, 0, 0, immediate);
    }

    /// Does something to a register with another.
    pub(crate) fn with_register(&mut self, code: u8, dst: u8, src: u8) {
        self.push(code, dst, src, 0, 0);
    }

    /// Sets a register to a number of 64 bits, or to a map.
    pub(crate) fn set_u64(&mut self, dst: u8, src: u8, number: u64) {
        self.push(code::SET_U64, dst, src, 0, number as u32 as i32);
        self.push(0, 0, 0, 0, (number >> 32) as u32 as i32);
    }

    /// Jumps.
    pub(crate) fn go(&mut self, to: Label) {
        self.go_if(code::GO, 0, 0, to);
    }

    /// Jumps if the register compares so with the number.
    pub(crate) fn go_if(&mut self, code: u8, dst: u8, immediate: i32, to: Label) {
        self.jumps.push((self.program.len(), to));
        self.push(code, dst, 0, 0, immediate);
    }

    /// Jumps if the register compares so with another.
    pub(crate) fn go_if_register(&mut self, code: u8, dst: u8, src: u8, to: Label) {
        self.jumps.push((self.program.len(), to));
        self.push(code, dst, src, 0, 0);
    }

    /// Calls a function of the kernel's.
    pub(crate) fn call(&mut self, function: i32) {
        self.push(code::CALL, 0, 0, 0, function);
    }

    /// Ends with r0.
    pub(crate) fn exit(&mut self) {
        self.push(code::EXIT, 0, 0, 0, 0);
    }

    /// The program, with all jumps.
    pub(crate) fn assemble(mut self) -> Vec<Instruction> {
        for (from, label) in self.jumps {
            let to = self.places[label.0].expect("each label that is jumped to has its place");
            let distance = to as i64 - from as i64 - 1;
            self.program[from].offset = i16::try_from(distance).expect("programs are short");
        }
        self.program
    }
}
