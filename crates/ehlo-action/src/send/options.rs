use super::dkim::Signer;
use super::proxy::Proxy;
use ehlo_core::send::SendStop;
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_wire::sasl::Credentials;

/// Whether something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Where it is needed or useful, and offered.
    #[default]
    Auto,
    /// In any case.
    On,
    /// Never.
    Off,
}

/// When TLS is used on a connection that begins without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsWish {
    /// Where it is offered.
    #[default]
    Auto,
    /// Always: without it nothing is sent.
    Always,
    /// Never.
    Never,
}

/// What MAIL says about the size (RFC 1870 §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizeWish {
    /// The truth, where SIZE is offered.
    #[default]
    Auto,
    /// Nothing.
    Off,
    /// This, whatever the truth is.
    Value(u64),
}

/// What MAIL says about the body (RFC 6152 §3, RFC 3030 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// `8BITMIME` where it is needed and offered.
    #[default]
    Auto,
    /// Nothing.
    Off,
    /// `7BIT`
    SevenBit,
    /// `8BITMIME`
    EightBit,
    /// `BINARYMIME`
    Binary,
}

/// Parameters of MAIL and RCPT that are sent only if they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// SIZE
    pub size: SizeWish,
    /// BODY
    pub body: BodyKind,
    /// SMTPUTF8 (RFC 6531)
    pub utf8: Wish,
    /// RET: `FULL` or `HDRS` (RFC 3461 §4.3).
    pub ret: Option<String>,
    /// ENVID, not yet as xtext (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// NOTIFY: `NEVER`, or words of `SUCCESS,FAILURE,DELAY` (RFC 3461 §4.1).
    pub notify: Option<String>,
    /// ORCPT: type and address, not yet as xtext (RFC 3461 §4.2).
    pub original: Option<(String, String)>,
    /// REQUIRETLS (RFC 8689)
    pub require_tls: bool,
    /// BY: `seconds;mode` (RFC 2852 §4).
    pub deliver_by: Option<String>,
    /// MT-PRIORITY (RFC 6710)
    pub priority: Option<i8>,
    /// HOLDFOR, in seconds (RFC 4865 §4).
    pub hold_for: Option<u64>,
    /// HOLDUNTIL, a date (RFC 4865 §4).
    pub hold_until: Option<String>,
    /// PRDR: a reply for each recipient.
    pub reply_each: bool,
    /// More for MAIL, as they are.
    pub mail: Vec<String>,
    /// More for RCPT, as they are.
    pub rcpt: Vec<String>,
}

/// How messages are sent.
pub struct SendOptions {
    /// How connections are made.
    pub connection: ConnectionOptions,
    /// Who logs in, if anybody.
    pub credentials: Option<Credentials>,
    /// Under which conditions secrets may go out.
    pub login: LoginOptions,
    /// When TLS is used.
    pub tls: TlsWish,
    /// Send though the server is not who it should be. Passwords do not follow.
    pub insecure: bool,
    /// HELO instead of EHLO: SMTP without extensions.
    pub helo_only: bool,
    /// The sender of the envelope; empty for the null reverse-path.
    pub sender: String,
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// Parameters of MAIL and RCPT.
    pub parameters: Parameters,
    /// Whether commands are sent together (RFC 2920).
    pub pipelining: Wish,
    /// BDAT in chunks of so many octets (RFC 3030), in place of DATA.
    pub chunk: Option<u64>,
    /// Attributes of XCLIENT, the value not yet as xtext.
    pub xclient: Vec<(String, String)>,
    /// Attributes of XFORWARD.
    pub xforward: Vec<(String, String)>,
    /// The header of a proxy that stands in front.
    pub proxy: Option<Proxy>,
    /// So many messages.
    pub count: u64,
    /// At most so many messages a second.
    pub rate: Option<f64>,
    /// At most so many messages on one connection.
    pub per_connection: u64,
    /// Where to stop on purpose.
    pub stop: Option<SendStop>,
    /// Send what is not offered all the same.
    pub force: bool,
    /// Raw data: line ends and dots are left as they are.
    pub raw: bool,
    /// What ends raw data; CR LF . CR LF, or what is missing of it, if nothing is said.
    pub data_end: Option<Vec<u8>>,
    /// Signs messages.
    pub signer: Option<Signer>,
}

impl SendOptions {
    /// One message, without a login, in the way that the server's offers suggest.
    pub fn new(connection: ConnectionOptions, sender: String, recipients: Vec<String>) -> SendOptions {
        SendOptions {
            connection,
            credentials: None,
            login: LoginOptions::default(),
            tls: TlsWish::Auto,
            insecure: false,
            helo_only: false,
            sender,
            recipients,
            parameters: Parameters::default(),
            pipelining: Wish::Auto,
            chunk: None,
            xclient: Vec::new(),
            xforward: Vec::new(),
            proxy: None,
            count: 1,
            rate: None,
            per_connection: 1,
            stop: None,
            force: false,
            raw: false,
            data_end: None,
            signer: None,
        }
    }
}
