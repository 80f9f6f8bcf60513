//! One or several hubs on a pretend clock, with clients that write down what they hear.
//!
//! Also built with the feature `model`, for whoever wants to make up the lives of [`model`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]
#![cfg_attr(not(test), allow(dead_code, unused_imports, reason = "the model uses a part of the lab"))]

#[cfg(test)]
mod admin;
#[cfg(test)]
mod doubt;
#[cfg(test)]
mod ghosts;
#[cfg(test)]
mod held;
mod lab;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod members;
#[cfg(test)]
mod messages;
pub(crate) mod model;
#[cfg(test)]
mod patterns;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod shards;
#[cfg(test)]
mod shrink;
#[cfg(test)]
mod survey;
#[cfg(test)]
mod threats;
