//! The part of TLS that is in clear, made by hand: hellos that no library sends any more, and what servers answer.
//!
//! A library of TLS offers what is good, and refuses the rest before anybody could see it. Whoever wants to know whether
//! a server still takes SSL 3.0, RC4 or a Diffie-Hellman group of 1024 bits has to ask for exactly that, look at what
//! the server chooses, and hang up. No key is ever computed here, and no handshake is completed.

mod bytes;
mod client_hello;
mod extension;
mod flight;
mod key_exchange;
mod record;
mod registry;
mod server_hello;
mod ssl2;
mod suite;
mod suites;

pub use client_hello::{ClientHello, ClientHelloReader, Opening};
pub use extension::{Extension, Extensions};
pub use flight::{Flight, FlightReader, Progress, write_flight};
pub use key_exchange::{CertificateRequest, Parameters, ServerKeyExchange, bits};
pub use record::alert;
pub use registry::{Alert, ExtensionType, Group, SignatureScheme, Version};
pub use server_hello::ServerHello;
pub use ssl2::{Ssl2Cipher, Ssl2ClientHello, Ssl2ServerHello};
pub use suite::{KeyExchange, Suite, SuiteClass};
