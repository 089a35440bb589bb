//! The example of the documentation.

#[path = "../../../docs/lab/example.rs"]
mod example;
