use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The language spoken behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 5321, with submission (RFC 6409).
    Smtp,
    /// RFC 2033.
    Lmtp,
    /// RFC 1939.
    Pop3,
    /// RFC 3501 and RFC 9051.
    Imap,
    /// ManageSieve, RFC 5804.
    Sieve,
}

impl Protocol {
    /// The id in lower case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Lmtp => "lmtp",
            Protocol::Pop3 => "pop3",
            Protocol::Imap => "imap",
            Protocol::Sieve => "sieve",
        }
    }
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// From the first byte (RFC 8314 §3).
    Implicit,
    /// After STARTTLS or STLS.
    StartTls,
}

/// What a service is for. Verdicts depend on it: an MX must take mail without TLS, a login port must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes mail from other servers (port 25).
    Mx,
    /// Takes mail from users who log in (ports 587 and 465).
    Submission,
    /// Takes mail from a server of the same house (RFC 2033).
    Lmtp,
    /// Lets users look into their mailboxes.
    Access,
}

impl Role {
    /// The id in lower case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Role::Mx => "mx",
            Role::Submission => "submission",
            Role::Lmtp => "lmtp",
            Role::Access => "access",
        }
    }

    /// Whether users send their passwords here.
    pub fn takes_logins(self) -> bool {
        matches!(self, Role::Submission | Role::Access)
    }
}

/// The schemes of target URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `smtp`, port 25.
    Smtp,
    /// `submissions` or `smtps`, port 465, TLS from the first byte.
    Submissions,
    /// `submission`, port 587.
    Submission,
    /// `lmtp`, port 24, or `lmtp+unix:` with a path.
    Lmtp,
    /// `pop3`, port 110.
    Pop3,
    /// `pop3s`, port 995, TLS from the first byte.
    Pop3s,
    /// `imap`, port 143.
    Imap,
    /// `imaps`, port 993, TLS from the first byte.
    Imaps,
    /// `sieve`, port 4190.
    Sieve,
}

impl Scheme {
    /// All schemes, in the order in which a bare host is reported.
    pub const ALL: &'static [Scheme] = &[
        Scheme::Smtp,
        Scheme::Submissions,
        Scheme::Submission,
        Scheme::Lmtp,
        Scheme::Pop3,
        Scheme::Pop3s,
        Scheme::Imap,
        Scheme::Imaps,
        Scheme::Sieve,
    ];

    /// The services that a bare host name means.
    pub const OF_A_HOST: &'static [Scheme] = &[
        Scheme::Smtp,
        Scheme::Submissions,
        Scheme::Submission,
        Scheme::Pop3,
        Scheme::Pop3s,
        Scheme::Imap,
        Scheme::Imaps,
        Scheme::Sieve,
    ];

    /// The name in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Smtp => "smtp",
            Scheme::Submissions => "submissions",
            Scheme::Submission => "submission",
            Scheme::Lmtp => "lmtp",
            Scheme::Pop3 => "pop3",
            Scheme::Pop3s => "pop3s",
            Scheme::Imap => "imap",
            Scheme::Imaps => "imaps",
            Scheme::Sieve => "sieve",
        }
    }

    /// The scheme of that name; `smtps` is an old name of `submissions`.
    pub fn from_name(name: &str) -> Option<Scheme> {
        let name = name.to_ascii_lowercase();
        if name == "smtps" {
            return Some(Scheme::Submissions);
        }
        Scheme::ALL.iter().copied().find(|s| s.name() == name)
    }

    /// The port where the service lives unless told otherwise.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Smtp => 25,
            Scheme::Submissions => 465,
            Scheme::Submission => 587,
            Scheme::Lmtp => 24,
            Scheme::Pop3 => 110,
            Scheme::Pop3s => 995,
            Scheme::Imap => 143,
            Scheme::Imaps => 993,
            Scheme::Sieve => 4190,
        }
    }

    /// The scheme whose standard port this is.
    pub fn from_port(port: u16) -> Option<Scheme> {
        Scheme::ALL.iter().copied().find(|s| s.port() == port)
    }

    /// The language spoken.
    pub fn protocol(self) -> Protocol {
        match self {
            Scheme::Smtp | Scheme::Submission | Scheme::Submissions => Protocol::Smtp,
            Scheme::Lmtp => Protocol::Lmtp,
            Scheme::Pop3 | Scheme::Pop3s => Protocol::Pop3,
            Scheme::Imap | Scheme::Imaps => Protocol::Imap,
            Scheme::Sieve => Protocol::Sieve,
        }
    }

    /// When TLS begins.
    pub fn tls_mode(self) -> TlsMode {
        match self {
            Scheme::Submissions | Scheme::Pop3s | Scheme::Imaps => TlsMode::Implicit,
            _ => TlsMode::StartTls,
        }
    }

    /// The role, unless `--role` says otherwise.
    pub fn role(self) -> Role {
        match self {
            Scheme::Smtp => Role::Mx,
            Scheme::Submission | Scheme::Submissions => Role::Submission,
            Scheme::Lmtp => Role::Lmtp,
            Scheme::Pop3 | Scheme::Pop3s | Scheme::Imap | Scheme::Imaps | Scheme::Sieve => Role::Access,
        }
    }

    /// The service with TLS from the first byte that stands beside this one.
    pub fn implicit_sibling(self) -> Option<Scheme> {
        match self {
            Scheme::Submission => Some(Scheme::Submissions),
            Scheme::Pop3 => Some(Scheme::Pop3s),
            Scheme::Imap => Some(Scheme::Imaps),
            _ => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which family an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// A Unix socket.
    Unix,
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// An address and a port.
    Ip(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

impl Address {
    /// Its family.
    pub fn family(&self) -> Family {
        match self {
            Address::Ip(SocketAddr::V4(_)) => Family::V4,
            Address::Ip(SocketAddr::V6(_)) => Family::V6,
            Address::Unix(_) => Family::Unix,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => write!(f, "{address}"),
            Address::Unix(path) => write!(f, "unix:{}", crate::escape(path.as_os_str().as_encoded_bytes())),
        }
    }
}

/// One service: what is spoken, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// What is spoken, and when TLS begins.
    pub scheme: Scheme,
    /// The name that was typed: certificates must bear it. Empty for a Unix socket.
    pub host: String,
    /// The port; 0 for a Unix socket.
    pub port: u16,
    /// The path of a Unix socket.
    pub path: Option<PathBuf>,
    /// What the service is for.
    pub role: Role,
    /// Whether the user named exactly this service (then it must be there), or a host that may have it.
    pub explicit: bool,
}

impl Endpoint {
    /// The service `scheme` at `host`, on `port` or its standard port.
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Endpoint {
        Endpoint {
            scheme,
            host: host.to_owned(),
            port: port.unwrap_or(scheme.port()),
            path: None,
            role: scheme.role(),
            explicit: true,
        }
    }
}

impl fmt::Display for Endpoint {
    /// The URL, with the port left out where it is the standard one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            return write!(f, "{}+unix:{}", self.scheme, crate::escape(path.as_os_str().as_encoded_bytes()));
        }
        let host = crate::escape(self.host.as_bytes());
        match self.host.parse::<Ipv6Addr>() {
            Ok(_) => write!(f, "{}://[{host}]", self.scheme)?,
            Err(_) => write!(f, "{}://{host}", self.scheme)?,
        }
        if self.port != self.scheme.port() { write!(f, ":{}", self.port) } else { Ok(()) }
    }
}

/// What a user names on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Exactly one service.
    Service(Endpoint),
    /// A host, with all standard mail ports.
    Host(String),
    /// A port whose protocol must be found out by its first bytes.
    HostPort(String, u16),
    /// The embedded server; one service of it, or all.
    Lab(Option<Scheme>),
    /// A mailbox, whose servers DNS names.
    Mailbox(String),
}

/// Why a target cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Nothing was given.
    Empty,
    /// A URL that holds a password: it would show in the process list.
    Password,
    /// The scheme is none of ours.
    UnknownScheme,
    /// `tcp` and `tls` are for `talk` and `run`.
    RawScheme,
    /// The port is no number from 1 to 65535.
    BadPort,
    /// The host is missing, or has characters that no host name has.
    BadHost,
    /// Only LMTP is spoken over Unix sockets.
    BadUnix,
    /// A path, query or fragment stands behind the host.
    Trailing,
}

impl TargetError {
    /// The id in kebab-case, as in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            TargetError::Empty => "empty",
            TargetError::Password => "password",
            TargetError::UnknownScheme => "unknown-scheme",
            TargetError::RawScheme => "raw-scheme",
            TargetError::BadPort => "bad-port",
            TargetError::BadHost => "bad-host",
            TargetError::BadUnix => "bad-unix",
            TargetError::Trailing => "trailing",
        }
    }
}

impl Target {
    /// Reads what a user typed.
    ///
    /// # Errors
    /// A [`TargetError`] that says which part is wrong.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text == "lab" {
            return Ok(Target::Lab(None));
        }
        if let Some((scheme, path)) = text.split_once("+unix:") {
            if !scheme.eq_ignore_ascii_case("lmtp") || path.is_empty() {
                return Err(TargetError::BadUnix);
            }
            let mut endpoint = Endpoint::new(Scheme::Lmtp, "", Some(0));
            // `lmtp+unix:///run/x` is the same as `lmtp+unix:/run/x`.
            endpoint.path = Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
            return Ok(Target::Service(endpoint));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let Some(scheme) = Scheme::from_name(scheme) else {
                let raw = matches!(scheme.to_ascii_lowercase().as_str(), "tcp" | "tls");
                return Err(if raw { TargetError::RawScheme } else { TargetError::UnknownScheme });
            };
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            if let Some((userinfo, _)) = rest.split_once('@') {
                return Err(if userinfo.contains(':') {
                    TargetError::Password
                } else {
                    TargetError::BadHost
                });
            }
            let (host, port) = host_and_port(rest)?;
            if host == "lab" && port.is_none() {
                return Ok(Target::Lab(Some(scheme)));
            }
            return Ok(Target::Service(Endpoint::new(scheme, &host, port)));
        }
        if let Some((user, _)) = text.split_once('@') {
            return if user.contains(':') {
                Err(TargetError::Password)
            } else {
                Ok(Target::Mailbox(text.to_owned()))
            };
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Target::Host(address.to_string()));
        }
        match host_and_port(text)? {
            (host, None) => Ok(Target::Host(host)),
            (host, Some(port)) => Ok(match Scheme::from_port(port) {
                Some(scheme) => Target::Service(Endpoint::new(scheme, &host, Some(port))),
                None => Target::HostPort(host, port),
            }),
        }
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), TargetError> {
    if text.contains(['/', '?', '#']) {
        return Err(TargetError::Trailing);
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(TargetError::BadHost)?;
        let address: IpAddr = address.parse().map_err(|_| TargetError::BadHost)?;
        match after.strip_prefix(':') {
            Some(port) => (address.to_string(), Some(port)),
            None if after.is_empty() => (address.to_string(), None),
            None => return Err(TargetError::BadHost),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        }
    };
    // Any letters and digits, for there are names in all scripts; of the ASCII signs only those that names have.
    let bad = |c: char| c.is_whitespace() || (c.is_ascii_punctuation() && !"-._".contains(c));
    let is_address = host.parse::<IpAddr>().is_ok();
    if host.is_empty() || host.len() > 255 || !crate::is_escaped(&host) || (host.contains(bad) && !is_address)
    {
        return Err(TargetError::BadHost);
    }
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(0) | Err(_) => return Err(TargetError::BadPort),
            Ok(port) => Some(port),
        },
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        match Target::parse(text) {
            Ok(Target::Service(endpoint)) => endpoint.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn urls_name_one_service() {
        for (text, shown) in [
            ("imaps://mail.example.org", "imaps://mail.example.org"),
            ("IMAPS://mail.example.org/", "imaps://mail.example.org"),
            ("smtp://mail.example.org:2525", "smtp://mail.example.org:2525"),
            ("smtps://mail.example.org", "submissions://mail.example.org"),
            ("smtp://[::1]:2525", "smtp://[::1]:2525"),
            ("lmtp+unix:/run/lmtp.sock", "lmtp+unix:/run/lmtp.sock"),
            ("lmtp+unix:///run/lmtp.sock", "lmtp+unix:/run/lmtp.sock"),
            ("mail.example.org:587", "submission://mail.example.org"),
            ("[::1]:143", "imap://[::1]"),
        ] {
            assert_eq!(url(text), shown, "{text}");
        }
    }

    #[test]
    fn shorter_forms() {
        assert_eq!(Target::parse("lab"), Ok(Target::Lab(None)));
        assert_eq!(Target::parse("pop3://lab"), Ok(Target::Lab(Some(Scheme::Pop3))));
        assert_eq!(Target::parse("mail.example.org"), Ok(Target::Host("mail.example.org".into())));
        assert_eq!(Target::parse("::1"), Ok(Target::Host("::1".into())));
        assert_eq!(Target::parse("[2001:db8::1]"), Ok(Target::Host("2001:db8::1".into())));
        assert_eq!(Target::parse("host:2525"), Ok(Target::HostPort("host".into(), 2525)));
        assert_eq!(Target::parse("user@example.org"), Ok(Target::Mailbox("user@example.org".into())));
    }

    #[test]
    fn wrong_targets_say_what_is_wrong() {
        for (text, error) in [
            ("", TargetError::Empty),
            ("imaps://user:pw@host", TargetError::Password),
            ("user:pw@host", TargetError::Password),
            ("imaps://user@host", TargetError::BadHost),
            ("http://host", TargetError::UnknownScheme),
            ("tcp://host:70", TargetError::RawScheme),
            ("host:99999", TargetError::BadPort),
            ("host:0", TargetError::BadPort),
            ("host:smtp", TargetError::BadPort),
            ("imap://", TargetError::BadHost),
            ("imap://[::1", TargetError::BadHost),
            ("imap://a b", TargetError::BadHost),
            ("imap://a%b", TargetError::BadHost),
            ("imap://a\u{202e}b", TargetError::BadHost),
            ("imap://host/INBOX", TargetError::Trailing),
            ("imap+unix:/x", TargetError::BadUnix),
            ("lmtp+unix:", TargetError::BadUnix),
        ] {
            assert_eq!(Target::parse(text), Err(error), "{text}");
        }
    }
}
