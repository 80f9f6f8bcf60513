//! Sources and recorders for programs without camera or codec.

mod ivf;
mod tone;

pub use ivf::{IvfError, IvfReader, IvfWriter};
pub use tone::Tone;
