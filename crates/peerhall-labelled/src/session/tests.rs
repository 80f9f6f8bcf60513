//! The numbered ones are those of the contract (labelled-peer, section 8), as far as they concern the core.

mod detour;
mod hostile;
mod labels;
mod resume;
mod transfers;
mod wire;
