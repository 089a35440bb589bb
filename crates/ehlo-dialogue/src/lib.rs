//! Leads dialogues with mail servers: the only place on the client's side where bytes move.
//!
//! A [`Dialogue`] records first, then reads: every byte is in the transcript before anybody interprets it. Every wait
//! has a deadline, TLS can begin in the middle of a session, and secrets go only where the policy lets them.

mod capabilities;
mod clock;
mod connect;
mod dialogue;
mod greeting;
mod login;
mod login_by_sasl;
mod options;
mod tls;
mod turn;

pub use capabilities::{Listed, unasked_capabilities};
pub use clock::Clock;
pub use connect::{Connector, Dialer, Transport, resolve, vantage};
pub use dialogue::{AnsweredHello, Arrival, Arrived, Dialogue, DialogueOptions, RawArrival};
pub use greeting::{ReadGreeting, read_greeting};
pub use login::{
    APOP, BindingChoice, LOGIN_COMMAND, Login, LoginOptions, Offered, SaslDetails, USER, choose_mechanism,
};
pub use options::ConnectionOptions;
pub use tls::{ClientIdentity, TlsSettings, Trust, TrustError, describe_certificate, describe_chain};
pub use turn::Turn;
