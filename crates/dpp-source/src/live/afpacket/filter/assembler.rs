//! A small assembler for the classic BPF that the kernel runs on each packet (its Documentation/networking/filter.rst).
//!
//! The machine has an accumulator A, an index X and 16 words of memory; it jumps only forward, and a load from behind the
//! packet's end drops the packet. A condition can jump over 255 instructions at most: where its aim lies farther away, the
//! assembler puts unconditional jumps in between, which reach everything.

/// One instruction, as the kernel has it (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if the condition holds.
    pub then: u8,
    /// And if not.
    pub otherwise: u8,
    /// The operand.
    pub k: u32,
}

/// Codes of instructions (linux/filter.h, linux/bpf_common.h).
pub(super) mod code {
    pub(in super::super) const LOAD_WORD: u16 = 0x20;
    pub(in super::super) const LOAD_HALF: u16 = 0x28;
    pub(in super::super) const LOAD_BYTE_AT_X: u16 = 0x50;
    pub(in super::super) const LOAD_HALF_AT_X: u16 = 0x48;
    pub(in super::super) const LOAD_MEMORY: u16 = 0x60;
    pub(in super::super) const STORE_MEMORY: u16 = 0x02;
    pub(in super::super) const SET_X: u16 = 0x01;
    pub(in super::super) const ADD: u16 = 0x04;
    pub(in super::super) const ADD_X: u16 = 0x0C;
    pub(in super::super) const AND: u16 = 0x54;
    pub(in super::super) const SHIFT_LEFT: u16 = 0x64;
    pub(in super::super) const A_TO_X: u16 = 0x07;
    pub(in super::super) const X_TO_A: u16 = 0x87;
    pub(in super::super) const JUMP: u16 = 0x05;
    pub(in super::super) const IF_EQUAL: u16 = 0x15;
    pub(in super::super) const IF_GREATER: u16 = 0x25;
    pub(in super::super) const IF_AT_LEAST: u16 = 0x35;
    pub(in super::super) const IF_ANY_BIT: u16 = 0x45;
    pub(in super::super) const RETURN: u16 = 0x06;
}

/// A place in the program that can be jumped to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

#[derive(Clone, Copy, Debug)]
enum Step {
    Plain { code: u16, k: u32 },
    Branch { code: u16, k: u32, then: Label, otherwise: Label },
    Go(Label),
}

/// A program while it is written.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    steps: Vec<Step>,
    /// Before which step each label stands.
    places: Vec<Option<usize>>,
}

impl Assembler {
    /// A label, still without a place.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// The label stands here.
    pub(super) fn place(&mut self, label: Label) {
        self.places[label.0] = Some(self.steps.len());
    }

    /// An instruction that jumps nowhere.
    pub(super) fn plain(&mut self, code: u16, k: u32) {
        self.steps.push(Step::Plain { code, k });
    }

    /// Goes on at the label.
    pub(super) fn go(&mut self, label: Label) {
        self.steps.push(Step::Go(label));
    }

    /// Goes to one label if the condition holds for A, to the other if not.
    pub(super) fn branch(&mut self, code: u16, k: u32, then: Label, otherwise: Label) {
        self.steps.push(Step::Branch { code, k, then, otherwise });
    }

    /// Goes to the label if the condition holds for A.
    pub(super) fn go_if(&mut self, code: u16, k: u32, then: Label) {
        let next = self.label();
        self.branch(code, k, then, next);
        self.place(next);
    }

    /// Goes to the label unless the condition holds for A.
    pub(super) fn go_unless(&mut self, code: u16, k: u32, otherwise: Label) {
        let next = self.label();
        self.branch(code, k, next, otherwise);
        self.place(next);
    }

    /// The program.
    pub(super) fn assemble(&self) -> Vec<Instruction> {
        let layout = self.layout();
        let mut program = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            // From the instruction behind `program`'s next to the label's.
            let distance = |from: usize, label: Label| {
                let to = layout[self.place_of(label)];
                (to - from - 1) as u32
            };
            let here = layout[index];
            let jump = |from: usize, label| Instruction {
                code: code::JUMP,
                then: 0,
                otherwise: 0,
                k: distance(from, label),
            };
            match *step {
                Step::Plain { code, k } => program.push(Instruction { code, then: 0, otherwise: 0, k }),
                Step::Go(label) => program.push(jump(here, label)),
                Step::Branch { code, k, then, otherwise } if layout[index + 1] - here == 1 => {
                    let (then, otherwise) = (distance(here, then) as u8, distance(here, otherwise) as u8);
                    program.push(Instruction { code, then, otherwise, k });
                }
                Step::Branch { code, k, then, otherwise } => program.extend([
                    Instruction { code, then: 0, otherwise: 1, k },
                    jump(here + 1, then),
                    jump(here + 2, otherwise),
                ]),
            }
        }
        program
    }

    /// Which instruction each step begins with, and where the last one ends. Branches are short at first; those whose aims
    /// are too far away become long, which moves others apart, until all reach.
    fn layout(&self) -> Vec<usize> {
        let mut is_long = vec![false; self.steps.len()];
        loop {
            let mut layout = vec![0];
            for long in &is_long {
                layout.push(layout[layout.len() - 1] + if *long { 3 } else { 1 });
            }
            let reaches = |index: usize, label: Label| {
                layout[self.place_of(label)] - layout[index] - 1 <= usize::from(u8::MAX)
            };
            let mut is_settled = true;
            for (index, step) in self.steps.iter().enumerate() {
                if let Step::Branch { then, otherwise, .. } = *step
                    && !is_long[index]
                    && !(reaches(index, then) && reaches(index, otherwise))
                {
                    is_long[index] = true;
                    is_settled = false;
                }
            }
            if is_settled {
                return layout;
            }
        }
    }

    fn place_of(&self, label: Label) -> usize {
        self.places[label.0].expect("each label that is jumped to has its place")
    }
}
