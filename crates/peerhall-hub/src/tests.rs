//! One or several hubs on a pretend clock, with clients that write down what they hear.

mod admin;
mod ghosts;
mod held;
mod lab;
mod limits;
mod members;
mod messages;
mod model;
mod patterns;
mod presence;
mod recovery;
mod shards;
