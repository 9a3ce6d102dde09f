//! A small Lambda: real function binaries behind the Runtime API, and the Invoke API in front of them.
//!
//! An [`Environment`] is one process of a function with a Runtime API server of its own.
//! A [`Service`] has several environments for each function, starts them when they are needed,
//! and answers the Invoke API as Lambda does: a process that dies in an invocation is a function error.

mod environment;
mod http;
mod service;

pub use environment::{Answer, Deadline, Environment, FunctionConfig};
pub use service::Service;
