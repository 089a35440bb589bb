//! Which hellos are made, and what they offer.

use super::odd;
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::{
    ClientHello, Extension, ExtensionType, Group, KeyExchange, SignatureScheme, Ssl2ClientHello, Suite,
    SuiteClass, Version,
};

/// The most suites that one hello offers: some servers overlook those behind the 64th, others stumble over more.
pub(super) const MOST_SUITES: usize = 64;

/// Classes of suites that nobody may use any more (RFC 9325 §4.1).
pub(super) const BROKEN: &[SuiteClass] =
    &[SuiteClass::Null, SuiteClass::Export, SuiteClass::Anonymous, SuiteClass::Rc4, SuiteClass::SmallBlock];

/// Classes of suites that should not be used any more (RFC 9325 §4.1, RFC 10015).
pub(super) const DATED: &[SuiteClass] = &[SuiteClass::StaticRsa, SuiteClass::Ffdhe, SuiteClass::Cbc];

/// A question to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) question: HelloQuestion,
    /// The highest version that is offered.
    pub(super) version: Version,
    pub(super) suites: Vec<Suite>,
    pub(super) groups: Vec<Group>,
    /// The application protocol that is offered, which no mail server speaks.
    pub(super) alpn: Option<&'static str>,
}

impl Ask {
    pub(super) fn new(question: HelloQuestion, version: Version, suites: Vec<Suite>) -> Ask {
        Ask { question, version, suites, groups: groups(), alpn: None }
    }

    /// The bytes, and the numbers of the extensions in them. `name` is the server name to ask for.
    pub(super) fn encode(&self, name: Option<&str>, random: [u8; 32]) -> (Vec<u8>, Vec<ExtensionType>) {
        if self.version == Version::SSL2 {
            let mut challenge = [0; 16];
            challenge.copy_from_slice(&random[..16]);
            return (Ssl2ClientHello::new(challenge).encode(), Vec::new());
        }
        let mut hello = ClientHello::new(self.version, random, self.suites.clone());
        if self.question == HelloQuestion::Fallback {
            hello.suites.push(Suite::FALLBACK_SCSV);
        }
        if self.version == Version::SSL3 {
            // Servers that know nothing newer know no extensions either (RFC 6101 §5.6.1.2).
            hello.record_version = Version::SSL3;
            hello.suites.push(Suite::RENEGOTIATION_SCSV);
            hello.compressions = vec![1, 0];
            return (hello.encode(), Vec::new());
        }
        if let Some(name) = name {
            hello.extensions.push(Extension::server_name(name));
        }
        hello = hello
            .with(Extension::supported_groups(&self.groups))
            .with(Extension::uncompressed_points())
            .with(Extension::signature_algorithms(&self.schemes()));
        if self.version >= Version::TLS13 {
            // Middleboxes know a session id (RFC 8446 appendix D.4).
            hello.session_id = random.iter().rev().copied().collect();
            hello =
                hello.with(Extension::supported_versions(&[Version::TLS13])).with(Extension::no_key_share());
        } else {
            hello.compressions = vec![1, 0];
            hello = hello
                .with(Extension::renegotiation_info())
                .with(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET))
                .with(Extension::empty(ExtensionType::ENCRYPT_THEN_MAC))
                .with(Extension::empty(ExtensionType::SESSION_TICKET))
                .with(Extension::status_request())
                .with(Extension::heartbeat());
        }
        hello.extensions.extend(self.alpn.map(|name| Extension::alpn(&[name])));
        odd::distort(self.question, &mut hello);
        let kinds = hello.extensions.iter().map(|e| e.kind).collect();
        let bytes = hello.encode();
        match self.question {
            HelloQuestion::TwoRecords => (odd::in_two_records(&bytes), kinds),
            _ => (bytes, kinds),
        }
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        let dated = SignatureScheme::ALL.iter().copied().filter(|s| s.is_dated());
        match self.question {
            HelloQuestion::Sha1 => dated.collect(),
            // With SHA-1 at the end, so that no suite hides for want of a signature.
            _ => SignatureScheme::ALL.iter().copied().filter(|s| !s.is_dated()).chain(dated).collect(),
        }
    }
}

/// All groups, the usual ones first.
pub(super) fn groups() -> Vec<Group> {
    let usual = [Group::X25519, Group::SECP256R1, Group::SECP384R1, Group::SECP521R1];
    let rest = Group::ALL.iter().copied().filter(|g| !usual.contains(g));
    usual.into_iter().chain(rest).collect()
}

/// The question by which `class` members among the usual suites are looked for.
pub(super) fn of_classes(question: HelloQuestion, classes: &[SuiteClass]) -> Ask {
    Ask::new(question, Version::TLS12, suites_of(classes))
}

/// The usual suites that belong to one of `classes`: of the dated ones those that are not broken as well.
pub(crate) fn suites_of(classes: &[SuiteClass]) -> Vec<Suite> {
    let broken = classes.iter().any(|c| BROKEN.contains(c));
    let fits = |s: &Suite| {
        !s.is_exotic() && classes.iter().any(|c| s.is(*c)) && (broken || BROKEN.iter().all(|c| !s.is(*c)))
    };
    let mut suites: Vec<Suite> = Suite::askable().filter(fits).collect();
    // Servers that choose by the order of the client stumble over those last.
    suites.sort_by_key(|s| s.is_finite_field());
    suites
}

/// The suites that RFC 9325 §4.2 recommends for TLS 1.2.
pub(super) fn recommended() -> Vec<Suite> {
    Suite::askable().filter(|s| s.is_recommended() && !s.is_exotic()).collect()
}

/// What servers that know nothing newer than TLS 1.1 can have.
pub(super) fn of_old_versions(question: HelloQuestion, version: Version) -> Ask {
    let strength = |s: &Suite| BROKEN.iter().filter(|c| s.is(**c)).count();
    let mut suites: Vec<Suite> = Suite::askable().filter(|s| !s.is_exotic() && !s.needs_tls12()).collect();
    // Those that a server is likeliest to have stand in front, in case it overlooks the rest.
    suites.sort_by_key(|s| (strength(s), s.is_finite_field()));
    suites.truncate(MOST_SUITES);
    Ask::new(question, version, suites)
}

/// The same in TLS 1.1, each kind of key exchange in a hello of its own; suites without a certificate if `anonymous`.
pub(super) fn old_kinds(anonymous: bool) -> Vec<Ask> {
    use KeyExchange::{DhAnon, Dhe, EcdhAnon, Ecdhe, Rsa, RsaExport};
    let kinds: [&[KeyExchange]; 4] = [&[Ecdhe], &[Dhe], &[Rsa, RsaExport], &[EcdhAnon, DhAnon]];
    let number = if anonymous { 4 } else { 3 };
    let of = |kind: &&[KeyExchange]| {
        let mut ask = of_old_versions(HelloQuestion::OldKind, Version::TLS11);
        ask.suites.retain(|s| kind.contains(&s.key_exchange()));
        ask
    };
    kinds.iter().take(number).map(of).collect()
}

/// Suites with a fresh key on a curve, nothing else being wrong with them: to ask for curves.
pub(super) fn on_curves() -> Ask {
    let mut suites: Vec<Suite> = Suite::askable()
        .filter(|s| s.key_exchange() == KeyExchange::Ecdhe && !s.is_exotic())
        .filter(|s| BROKEN.iter().all(|c| !s.is(*c)))
        .collect();
    suites.sort_by_key(|s| !s.is_recommended());
    Ask::new(HelloQuestion::WeakGroups, Version::TLS12, suites)
}

/// How much is wrong with a suite, for an order from the best to the worst.
pub(super) fn flaws(suite: Suite) -> usize {
    let of = |classes: &[SuiteClass]| classes.iter().filter(|c| suite.is(**c)).count();
    10 * of(BROKEN) + of(DATED)
}

/// Suites with a signature in the handshake, to see which hash it stands on.
pub(super) fn signed() -> Ask {
    let signed = |s: &Suite| {
        matches!(s.key_exchange(), KeyExchange::Ecdhe | KeyExchange::Dhe)
            && !s.is_exotic()
            && BROKEN.iter().all(|c| !s.is(*c))
    };
    let mut suites: Vec<Suite> = Suite::askable().filter(signed).collect();
    suites.sort_by_key(|s| (!s.is_recommended(), s.is_finite_field()));
    suites.truncate(MOST_SUITES);
    Ask::new(HelloQuestion::Sha1, Version::TLS12, suites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hello_offers_too_much() {
        for classes in [BROKEN, DATED] {
            assert!(suites_of(classes).len() <= MOST_SUITES, "{}", suites_of(classes).len());
        }
        let all = suites_of(&[BROKEN, DATED].concat()).into_iter();
        let (apart, others): (Vec<Suite>, Vec<Suite>) =
            all.partition(|s| s.is_finite_field() || s.is(SuiteClass::Anonymous));
        for hello in [apart, others] {
            assert!((40..=MOST_SUITES).contains(&hello.len()), "{hello:?}");
        }
        for ask in [of_old_versions(HelloQuestion::OldVersion, Version::TLS11), signed(), on_curves()] {
            assert!(ask.suites.len() <= MOST_SUITES);
        }
        assert!((10..=MOST_SUITES).contains(&recommended().len()));
    }

    #[test]
    fn the_best_suites_stand_in_front() {
        let mut suites: Vec<Suite> = [0x0005, 0x0033, 0xc02f, 0x002f].map(Suite).to_vec();
        suites.sort_by_key(|s| flaws(*s));
        assert_eq!((suites[0], suites[3]), (Suite(0xc02f), Suite(0x0005)));
        assert!((18..=MOST_SUITES).contains(&on_curves().suites.len()));
    }

    #[test]
    fn the_old_hello_holds_what_old_servers_have() {
        let suites = of_old_versions(HelloQuestion::OldVersion, Version::TLS11).suites;
        for wanted in [0x000a, 0x002f, 0x0033, 0xc013, 0x0005, 0x0034, 0x0003] {
            assert!(suites.contains(&Suite(wanted)), "{}", Suite(wanted));
        }
        // Each of them stands in the hello of one kind.
        let kinds: Vec<Suite> = old_kinds(true).into_iter().flat_map(|ask| ask.suites).collect();
        assert_eq!(kinds.len(), suites.len());
        assert!(suites.iter().all(|s| kinds.contains(s)));
    }
}
