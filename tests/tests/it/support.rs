//! What tests share that run the command.

mod deployment;

pub(crate) use deployment::{Deployment, Status, fresh_directory, kill};
