//! TLS that is weak on request. Nothing weak is ever computed: the lab answers a hello with a flight that was made by
//! hand, as a server would that takes such things, and stops. Whoever only asks learns all there is to learn from it;
//! whoever goes on is hung up on. Real sessions stay those of the TLS library.

use crate::CertificateKind;
use ehlo_wire::tls::{
    Alert, ClientHello, ClientHelloReader, Extension, ExtensionType, Extensions as _, Flight, Group,
    KeyExchange, Opening, Parameters, ServerHello, ServerKeyExchange, SignatureScheme, Ssl2Cipher,
    Ssl2ClientHello, Ssl2ServerHello, Suite, SuiteClass, Version, alert, write_flight,
};

/// The most that a hello may be that is looked at.
const LONGEST_HELLO: usize = 64 * 1024;

/// What a service takes in TLS beside what is good. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeakTls {
    /// The oldest version taken, below TLS 1.2.
    pub oldest: Option<Version>,
    /// Suites that are taken up to TLS 1.2.
    pub suites: Vec<Suite>,
    /// Whether TLS 1.2 is refused.
    pub no_tls12: bool,
    /// Whether TLS 1.3 is refused.
    pub no_tls13: bool,
    /// Whether the recommended suites are refused, and TLS 1.3 with them.
    pub nothing_good: bool,
    /// The size of the prime of Diffie-Hellman, in bits; none for 3072.
    pub dh_bits: Option<usize>,
    /// Whether TLS compresses.
    pub compression: bool,
    /// Whether secure renegotiation is unknown.
    pub no_renegotiation_info: bool,
    /// Whether the extended master secret is unknown.
    pub no_extended_master_secret: bool,
    /// Whether the MAC stands inside of CBC, as it did before RFC 7366.
    pub mac_outside: bool,
    /// Whether a needless fallback is overlooked.
    pub fallback_ignored: bool,
    /// Whether handshakes are signed with SHA-1 for who wants that.
    pub sha1: bool,
    /// Whether it prefers Diffie-Hellman in a finite field and has no parameters for it.
    pub dh_fails: bool,
    /// Whether it prefers suites with a signature below TLS 1.2 and cannot sign there.
    pub old_fails: bool,
    /// Groups that are taken beside the usual ones, and preferred to them in TLS 1.3.
    pub groups: Vec<Group>,
    /// Whether the client's order of suites counts.
    pub client_order: bool,
    /// Whether SSL 2.0 is spoken.
    pub ssl2: bool,
    /// A second certificate, for an RSA key: shown to who takes no suite for the first one.
    pub second: Option<CertificateKind>,
    /// The only server names that are known; who asks for another, or for none, is refused. Empty: all are.
    pub only_names: Vec<String>,
    /// Whether the first application protocol that a client asks for is selected, whatever it is.
    pub alpn_echoed: bool,
    /// Whether clients are refused that ask for an application protocol of which none is for mail (RFC 7301 §3.2).
    pub alpn_refused: bool,
    /// Whether heartbeats are taken part in (RFC 6520).
    pub heartbeat: bool,
    /// Clients are hung up on whose hello is unusual in this way, though it is right: an id of [`ODDITIES`].
    pub intolerant: Option<&'static str>,
    /// Whether clients are hung up on where an alert would have to say why.
    pub no_alerts: bool,
}

impl WeakTls {
    /// Whether hellos have to be looked at before the TLS library sees them.
    pub(crate) fn looks_at_hellos(&self) -> bool {
        *self != WeakTls::default()
    }
}

/// What old servers stumble over, and whether a hello in these records has it.
type Oddity = (&'static str, fn(&ClientHello, &[u8]) -> bool);

/// A value that is reserved to be passed over (RFC 8701 §2).
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// All oddities.
pub(crate) const ODDITIES: &[Oddity] = &[
    ("grease-suites", |hello, _| hello.suites.iter().any(|s| is_grease(s.0))),
    ("grease-groups", |hello, _| {
        let groups = hello.extension(ExtensionType::SUPPORTED_GROUPS).map(|e| &e.content[..]);
        groups.is_some_and(|g| g.chunks_exact(2).skip(1).any(|g| is_grease(u16::from_be_bytes([g[0], g[1]]))))
    }),
    ("grease-extensions", |hello, _| hello.extensions.iter().any(|e| is_grease(e.kind.0))),
    ("grease-versions", |hello, _| hello.versions().iter().any(|v| is_grease(v.0))),
    ("empty-last", |hello, _| hello.extensions.last().is_some_and(|e| e.content.is_empty())),
    ("many-suites", |hello, _| hello.suites.len() > 128),
    ("two-records", |_, bytes| {
        bytes.get(3..5).is_some_and(|l| usize::from(u16::from_be_bytes([l[0], l[1]])) + 5 < bytes.len())
    }),
    ("newer-version", |hello, _| hello.version > Version::TLS13),
];

/// A client that has begun, as long as it is not clear who answers.
pub(crate) struct Sniffed {
    reader: ClientHelloReader,
    bytes: Vec<u8>,
}

/// The certificates that a service shows, DER.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The usual ones.
    pub(crate) chain: &'a [Vec<u8>],
    /// Those for an RSA key, if there are any beside.
    pub(crate) second: Option<&'a [Vec<u8>]>,
}

/// What becomes of a client.
pub(crate) enum Verdict {
    /// More of its hello is needed.
    Wait,
    /// The TLS library does the handshake, beginning with these bytes.
    Real(Vec<u8>),
    /// A flight made by hand; nothing follows.
    Replayed(Vec<u8>),
    /// An alert, and the end.
    Refused(Vec<u8>),
}

impl Sniffed {
    pub(crate) fn new() -> Sniffed {
        Sniffed { reader: ClientHelloReader::new(), bytes: Vec::new() }
    }

    /// Takes bytes of a client of a service that shows these certificates.
    pub(crate) fn take(&mut self, bytes: &[u8], weak: &WeakTls, shown: Shown<'_>) -> Verdict {
        self.bytes.extend_from_slice(bytes);
        match self.reader.feed(bytes) {
            Opening::Incomplete if self.bytes.len() < LONGEST_HELLO => Verdict::Wait,
            Opening::Hello(hello, _) if minds(&hello, &self.bytes, weak) => Verdict::Refused(Vec::new()),
            Opening::Hello(hello, _) => match answer(&hello, weak, shown) {
                Some(verdict) => verdict,
                None => Verdict::Real(std::mem::take(&mut self.bytes)),
            },
            Opening::Ssl2(hello) => answer_ssl2(&hello, weak, shown.chain),
            Opening::Incomplete | Opening::Other => Verdict::Real(std::mem::take(&mut self.bytes)),
        }
    }
}

/// Whether a hello is unusual in the way that the server cannot bear.
fn minds(hello: &ClientHello, bytes: &[u8], weak: &WeakTls) -> bool {
    let of = |wanted: &&str| ODDITIES.iter().find(|(id, _)| id == wanted);
    weak.intolerant.as_ref().and_then(of).is_some_and(|(_, has)| has(hello, bytes))
}

fn refused(reason: Alert) -> Verdict {
    Verdict::Refused(alert(Version::TLS12, true, reason))
}

fn answer_ssl2(hello: &Ssl2ClientHello, weak: &WeakTls, chain: &[Vec<u8>]) -> Verdict {
    if !weak.ssl2 || hello.version != Version::SSL2 {
        return refused(Alert::PROTOCOL_VERSION);
    }
    let answer = Ssl2ServerHello {
        version: Version::SSL2,
        certificate: chain.first().cloned().unwrap_or_default(),
        ciphers: Ssl2Cipher::all().filter(|c| hello.ciphers.contains(c)).take(2).collect(),
        connection_id: vec![7; 16],
    };
    Verdict::Replayed(write_flight(&Flight { ssl2: Some(answer), done: true, ..Flight::default() }))
}

/// Suites of TLS 1.2 that the TLS library has, too.
const GOOD: [Suite; 3] = [Suite(0xc02c), Suite(0xc02b), Suite(0xcca9)];
/// The same suites for a certificate with an RSA key.
const RSA: [Suite; 3] = [Suite(0xc030), Suite(0xc02f), Suite(0xcca8)];
/// What servers have that know nothing newer than TLS 1.1.
const OLD: Suite = Suite(0xc009);

/// Application protocols of mail: registry "TLS Application-Layer Protocol Negotiation (ALPN) Protocol IDs".
const MAIL: [&[u8]; 5] = [b"smtp", b"esmtp", b"imap", b"pop3", b"managesieve"];

/// What a server that is weak in this way answers; none if the TLS library can do it for real.
fn answer(hello: &ClientHello, weak: &WeakTls, shown: Shown<'_>) -> Option<Verdict> {
    let known = |asked: &[u8]| weak.only_names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(asked));
    if !weak.only_names.is_empty() && !hello.server_name().is_some_and(|asked| known(&asked)) {
        return Some(refused(Alert::UNRECOGNIZED_NAME));
    }
    let protocols = hello.alpn();
    if weak.alpn_refused && !protocols.is_empty() && !protocols.iter().any(|p| MAIL.contains(&&p[..])) {
        return Some(refused(Alert::NO_APPLICATION_PROTOCOL));
    }
    let wants_newest = hello.versions().contains(&Version::TLS13);
    if wants_newest && !weak.no_tls13 && !weak.nothing_good {
        return retry(hello, weak);
    }
    let highest = match wants_newest {
        true => hello.versions().into_iter().filter(|v| *v < Version::TLS13).max(),
        false => Some(hello.version),
    };
    let Some(highest) = highest.map(|v| v.min(Version::TLS12)) else {
        return Some(refused(Alert::PROTOCOL_VERSION));
    };
    let version = if weak.no_tls12 { highest.min(Version::TLS11) } else { highest };
    let is_signed = |s: &Suite| matches!(s.key_exchange(), KeyExchange::Ecdhe | KeyExchange::Dhe);
    if weak.old_fails && version < Version::TLS12 && hello.suites.iter().any(is_signed) {
        return Some(refused(Alert::INTERNAL_ERROR));
    }
    if version < Version::TLS12 && weak.oldest.is_none_or(|oldest| version < oldest) {
        return Some(refused(Alert::PROTOCOL_VERSION));
    }
    let fell_back = hello.suites.contains(&Suite::FALLBACK_SCSV) && version < Version::TLS12;
    if fell_back && !weak.fallback_ignored {
        return Some(refused(Alert::INAPPROPRIATE_FALLBACK));
    }
    let good = |s: &Suite| GOOD.contains(s) && version == Version::TLS12 && !weak.nothing_good;
    if weak.dh_fails && hello.suites.iter().any(|s| s.is_finite_field()) && !hello.suites.iter().any(good) {
        return Some(refused(Alert::INTERNAL_ERROR));
    }
    let Some(suite) = choose(hello, weak, version) else { return Some(refused(Alert::HANDSHAKE_FAILURE)) };
    let signed = is_signed(&suite);
    let curve = curve_beside(hello, weak);
    let schemes = hello.signature_schemes();
    let only_dated = version == Version::TLS12 && !schemes.is_empty() && schemes.iter().all(|s| s.is_dated());
    if signed && only_dated && !weak.sha1 {
        return Some(refused(Alert::HANDSHAKE_FAILURE));
    }
    let differs = weak.compression
        || weak.no_renegotiation_info
        || weak.no_extended_master_secret
        || only_dated
        || weak.client_order
        || curve.is_some()
        || (weak.alpn_echoed && hello.has(ExtensionType::ALPN))
        || (weak.heartbeat && hello.has(ExtensionType::HEARTBEAT));
    let second = shown.second.filter(|_| suite.to_string().contains("RSA_WITH_"));
    if version == Version::TLS12 && suite.is_recommended() && second.is_none() && !differs {
        return None;
    }
    let scheme = match (only_dated, second) {
        (true, None) => SignatureScheme::ECDSA_SHA1,
        (true, Some(_)) => SignatureScheme::RSA_PKCS1_SHA1,
        (false, None) => SignatureScheme::ECDSA_SECP256R1_SHA256,
        (false, Some(_)) => SignatureScheme::RSA_PKCS1_SHA256,
    };
    let chain = second.unwrap_or(shown.chain);
    let flight = Flight {
        hello: Some(server_hello(hello, weak, version, suite)),
        certificates: if suite.is(SuiteClass::Anonymous) { Vec::new() } else { chain.to_vec() },
        key_exchange: key_exchange(suite, weak, curve.unwrap_or(Group::SECP256R1), scheme),
        done: true,
        ..Flight::default()
    };
    Some(Verdict::Replayed(write_flight(&flight)))
}

/// Groups of the TLS library.
const GOOD_GROUPS: [Group; 3] = [Group::X25519, Group::SECP256R1, Group::SECP384R1];

/// Asks for a group beside those of the TLS library, as long as the client brings no key: who wants a session gets a real one.
fn retry(hello: &ClientHello, weak: &WeakTls) -> Option<Verdict> {
    let offered = hello.groups();
    let group = weak.groups.iter().copied().find(|g| g.is_for_tls13() && offered.contains(g))?;
    let no_key = hello.extension(ExtensionType::KEY_SHARE).is_some_and(|e| e.content == [0, 0]);
    let suite =
        [Suite(0x1302), Suite(0x1301), Suite(0x1303)].into_iter().find(|s| hello.suites.contains(s))?;
    let mut answer = ServerHello::retry(suite, group);
    answer.session_id.clone_from(&hello.session_id);
    no_key.then(|| Verdict::Replayed(write_flight(&Flight { hello: Some(answer), ..Flight::default() })))
}

/// The curve beside those of the TLS library that is taken up to TLS 1.2 where the client offers no other.
fn curve_beside(hello: &ClientHello, weak: &WeakTls) -> Option<Group> {
    let offered = hello.groups();
    let others = weak.groups.iter().copied().find(|g| offered.contains(g) && !g.is_post_quantum());
    others.filter(|_| GOOD_GROUPS.iter().all(|g| !offered.contains(g)))
}

/// The first of ours that the client offers: what is good stands in front, unless the client's order counts.
fn choose(hello: &ClientHello, weak: &WeakTls, version: Version) -> Option<Suite> {
    let good = GOOD.iter().copied().filter(|_| version == Version::TLS12 && !weak.nothing_good);
    let for_rsa = RSA.iter().copied().filter(|_| version == Version::TLS12 && weak.second.is_some());
    let own = weak.suites.iter().copied();
    let old = std::iter::once(OLD).filter(|_| version < Version::TLS12);
    let mut shared = good
        .chain(for_rsa)
        .chain(own)
        .chain(old)
        .filter(|s| hello.suites.contains(s) && (version == Version::TLS12 || !s.needs_tls12()));
    match weak.client_order {
        true => shared.min_by_key(|s| hello.suites.iter().position(|offered| offered == s)),
        false => shared.next(),
    }
}

fn server_hello(hello: &ClientHello, weak: &WeakTls, version: Version, suite: Suite) -> ServerHello {
    let mut answer = ServerHello::new(version, [0x42; 32], suite);
    answer.session_id = vec![0x17; 32];
    answer.compression = u8::from(weak.compression && hello.compressions.contains(&1));
    let asks_for_renegotiation =
        hello.has(ExtensionType::RENEGOTIATION_INFO) || hello.suites.contains(&Suite::RENEGOTIATION_SCSV);
    if asks_for_renegotiation && !weak.no_renegotiation_info {
        answer.extensions.push(Extension::renegotiation_info());
    }
    if hello.has(ExtensionType::EXTENDED_MASTER_SECRET) && !weak.no_extended_master_secret {
        answer.extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
    }
    if hello.has(ExtensionType::ENCRYPT_THEN_MAC) && suite.is(SuiteClass::Cbc) && !weak.mac_outside {
        answer.extensions.push(Extension::empty(ExtensionType::ENCRYPT_THEN_MAC));
    }
    let wanted = hello.alpn();
    if let Some(first) = wanted.first().and_then(|name| std::str::from_utf8(name).ok())
        && weak.alpn_echoed
    {
        answer.extensions.push(Extension::alpn(&[first]));
    }
    if hello.has(ExtensionType::HEARTBEAT) && weak.heartbeat {
        answer.extensions.push(Extension::heartbeat());
    }
    answer
}

fn key_exchange(
    suite: Suite,
    weak: &WeakTls,
    curve: Group,
    scheme: SignatureScheme,
) -> Option<ServerKeyExchange> {
    let bytes = weak.dh_bits.unwrap_or(3072).div_ceil(8);
    let parameters = match suite.key_exchange() {
        KeyExchange::Dhe | KeyExchange::DhAnon => Parameters::Dh {
            // The top bit says how large it is; that it is no prime nobody notices who does not compute.
            prime: vec![0xff; bytes],
            generator: vec![2],
            share: vec![0x33; bytes],
        },
        KeyExchange::Ecdhe | KeyExchange::EcdhAnon => Parameters::Curve { group: curve, point: vec![4; 65] },
        KeyExchange::RsaExport => Parameters::Rsa { modulus: vec![0xff; 64] },
        _ => return None,
    };
    Some(ServerKeyExchange { parameters, signature: Some(scheme) })
}
