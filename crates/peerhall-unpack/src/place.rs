//! Where in a module of WebAssembly one is (WebAssembly core specification 2.0, section 5).

use std::ops::Range;

/// Instructions that are looked at (section 5.4).
const BLOCK: usize = 0x02;
const IF: usize = 0x04;
const END: usize = 0x0b;
const BRANCH: usize = 0x0c;
const BRANCH_TABLE: usize = 0x0e;
const CALL_INDIRECT: usize = 0x11;
const DOUBLE: usize = 0x44;
const MEMORY: usize = 0xfc;

/// Stand where a function begins and where its variables are declared; no instruction has these numbers.
const FUNCTION: usize = 0x06;
const VARIABLES: usize = 0x07;

/// Places in front of an instruction come first, then those in front of each byte of its numbers.
const NUMBERS: usize = 256;

/// Places outside of functions, one for the highest three bits of the byte before.
pub(crate) const OUTSIDE: usize = 1280;

/// How many places there are.
pub(crate) const PLACES: usize = 1288;

/// How many numbers stand behind an instruction; a [`DOUBLE`] has eight bytes.
fn numbers(instruction: usize) -> usize {
    match instruction {
        0x28..=0x3e | CALL_INDIRECT => 2,
        BLOCK..=IF | BRANCH..=BRANCH_TABLE | 0x10 | 0x20..=0x24 | 0x3f..=0x42 | MEMORY => 1,
        DOUBLE => 8,
        _ => 0,
    }
}

/// Goes through a module byte by byte and says at which place it is then.
#[derive(Debug)]
pub(crate) struct Follower {
    from: usize,
    to: usize,
    instruction: usize,
    /// Numbers of the instruction that are still to come.
    left: usize,
    depth: isize,
}

impl Follower {
    /// Functions are in these bytes.
    pub(crate) fn new(functions: Range<usize>) -> Self {
        Self { from: functions.start, to: functions.end, instruction: FUNCTION, left: 2, depth: 0 }
    }

    /// The place behind `byte`, where `at` bytes were before.
    pub(crate) fn follow(&mut self, byte: u8, at: usize) -> usize {
        let byte = usize::from(byte);
        if at == self.from {
            return NUMBERS + 4 * FUNCTION;
        }
        if at < self.from || at > self.to {
            return OUTSIDE + (byte >> 5);
        }
        // The last byte of a number is below 128; a DOUBLE has eight bytes, whatever they are.
        let within = self.left > 0 && byte > 127 && self.instruction != DOUBLE;
        if self.left == 0 {
            self.begin(byte, numbers(byte));
            self.depth += match byte {
                BLOCK..=IF => 1,
                END => -1,
                _ => 0,
            };
        } else if !within {
            self.left -= 1;
            if self.left == 0 {
                self.end_numbers(byte);
            }
        }
        if self.depth < 0 {
            self.depth = 0;
            self.begin(FUNCTION, 2);
        }
        if self.left == 0 {
            return self.instruction;
        }
        NUMBERS + 4 * self.instruction + 2 * usize::from(self.left > 1) + usize::from(within)
    }

    fn begin(&mut self, instruction: usize, left: usize) {
        self.instruction = instruction;
        self.left = left;
    }

    /// The last number says of some how many more there are.
    fn end_numbers(&mut self, number: usize) {
        match self.instruction {
            FUNCTION => self.begin(VARIABLES, 2 * number),
            BRANCH_TABLE => self.begin(BRANCH, number + 1),
            MEMORY => self.begin(CALL_INDIRECT, if number == 10 { 2 } else { usize::from(number == 11) }),
            _ => {}
        }
    }
}
