//! Unpacks the WebAssembly module of the npm package, which travels packed: a fifth smaller than what a web server's
//! gzip makes of it. Browsers unpack nothing of that kind, and what they do unpack they do in the background, for
//! which constructors cannot wait.
//!
//! What is packed is a list of decisions, those of LZMA ([`decisions`]). Each is expected to be what it mostly was
//! before at the same place, and only surprises take room ([`coder`]). Unlike LZMA, which does not know what it packs,
//! a place here is one in WebAssembly's instructions ([`place`]).
//!
//! This is WebAssembly itself, because a browser runs that at full speed from the first byte on, where it takes a
//! tenth of a second of JavaScript to find out that it is worth compiling.

use std::ops::Range;

use coder::Reader;
use decisions::{EXPECTATIONS, Expectation, Maker};
use place::Follower;

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "memory is shared with JavaScript, which knows nothing of slices")]
mod border;
mod coder;
mod decisions;
mod place;

/// What is expected of the decisions: room of 8 MB for [`unpack`] to work in, used once.
#[derive(Debug)]
pub struct Expectations([Expectation; EXPECTATIONS]);

impl Expectations {
    /// Nothing is expected.
    pub const NONE: Self = Self([Expectation::NONE; EXPECTATIONS]);
}

/// Unpacks a text of printable ASCII without `"`, `<` and `\`, in which 36 characters are for six bits and 56 for
/// seven. `functions` says where in `output` those of WebAssembly are. A text that nobody packed gives bytes that mean
/// nothing.
pub fn unpack(text: &[u8], output: &mut [u8], functions: Range<usize>, room: &mut Expectations) {
    let follower = Follower::new(functions);
    Maker::new(Reader::new(text), output, follower, &mut room.0).make();
}

/// The other way: gives `write` the bytes for `decisions`, each 0 or 1, and makes of them what they stand for.
#[cfg(any(feature = "pack", test))]
pub fn pack(
    decisions: &[u8],
    output: &mut [u8],
    functions: Range<usize>,
    room: &mut Expectations,
    write: impl FnMut(u8),
) {
    let follower = Follower::new(functions);
    let decide = coder::Writer::new(decisions, write);
    let mut maker = Maker::new(decide, output, follower, &mut room.0);
    maker.make();
    maker.decide.end();
}

#[cfg(test)]
mod tests;
