//! Cipher suites, and what their names say of them.

use super::suites::SUITES;
use std::fmt;

/// A cipher suite: registry "TLS Cipher Suites".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Suite(
    /// The number on the wire.
    pub u16,
);

/// What suites can have in common. A suite may belong to several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuiteClass {
    /// No encryption.
    Null,
    /// Keys of 40 or 56 bits, or key exchange with 512 bits, for export from the USA.
    Export,
    /// Nobody proves who he is.
    Anonymous,
    /// The stream cipher RC4 (RFC 7465).
    Rc4,
    /// Blocks of 64 bits: DES, 3DES, IDEA, RC2 (CVE-2016-2183).
    SmallBlock,
    /// The session key travels under the server's RSA key: no forward secrecy.
    StaticRsa,
    /// Diffie-Hellman in a finite field, with a fresh key.
    Ffdhe,
    /// Block ciphers in CBC mode with a MAC beside it.
    Cbc,
}

impl SuiteClass {
    /// All classes.
    pub const ALL: &'static [SuiteClass] = &[
        SuiteClass::Null,
        SuiteClass::Export,
        SuiteClass::Anonymous,
        SuiteClass::Rc4,
        SuiteClass::SmallBlock,
        SuiteClass::StaticRsa,
        SuiteClass::Ffdhe,
        SuiteClass::Cbc,
    ];
}

/// How the keys of a suite come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// Under the server's RSA key.
    Rsa,
    /// Under an RSA key of 512 bits, made for export.
    RsaExport,
    /// A fresh Diffie-Hellman key in a finite field.
    Dhe,
    /// The same, and nobody proves who he is.
    DhAnon,
    /// The Diffie-Hellman key of a certificate.
    Dh,
    /// A fresh Diffie-Hellman key on a curve.
    Ecdhe,
    /// The same, and nobody proves who he is.
    EcdhAnon,
    /// The key of a certificate, on a curve.
    Ecdh,
    /// TLS 1.3: the suite does not say.
    Any,
    /// A shared key, a password, Kerberos: not what a mail server can be asked without an account.
    Other,
}

impl Suite {
    /// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3).
    pub const RENEGOTIATION_SCSV: Suite = Suite(0x00ff);
    /// TLS_FALLBACK_SCSV (RFC 7507).
    pub const FALLBACK_SCSV: Suite = Suite(0x5600);

    /// Every suite that has a name.
    pub fn all() -> impl Iterator<Item = Suite> {
        SUITES.iter().map(|(number, _)| Suite(*number))
    }

    /// Its name in the registry.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Suite::RENEGOTIATION_SCSV => Some("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
            Suite::FALLBACK_SCSV => Some("TLS_FALLBACK_SCSV"),
            Suite(number) => {
                let at = SUITES.binary_search_by_key(&number, |(n, _)| *n).ok()?;
                Some(SUITES[at].1)
            }
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Suite> {
        SUITES.iter().find(|(_, n)| *n == name).map(|(number, _)| Suite(*number))
    }

    /// How its keys come about, as its name says.
    pub fn key_exchange(self) -> KeyExchange {
        let Some((exchange, _)) = self.parts() else {
            return if self.is_tls13() { KeyExchange::Any } else { KeyExchange::Other };
        };
        match exchange {
            "RSA" => KeyExchange::Rsa,
            "RSA_EXPORT" | "RSA_EXPORT1024" => KeyExchange::RsaExport,
            "DH_anon" | "DH_anon_EXPORT" => KeyExchange::DhAnon,
            "ECDHE_RSA" | "ECDHE_ECDSA" => KeyExchange::Ecdhe,
            "ECDH_anon" => KeyExchange::EcdhAnon,
            "ECDH_RSA" | "ECDH_ECDSA" => KeyExchange::Ecdh,
            other if other.contains("PSK") => KeyExchange::Other,
            other if other.starts_with("DHE_RSA") || other.starts_with("DHE_DSS") => KeyExchange::Dhe,
            other if other.starts_with("DH_RSA") || other.starts_with("DH_DSS") => KeyExchange::Dh,
            _ => KeyExchange::Other,
        }
    }

    /// Whether it is one of TLS 1.3, which names no key exchange.
    pub fn is_tls13(self) -> bool {
        self.0 >> 8 == 0x13
    }

    /// Whether integrity is part of the cipher (AEAD).
    pub fn is_aead(self) -> bool {
        let aead = |name: &str| ["_GCM_", "_CCM", "CHACHA20_POLY1305"].iter().any(|mode| name.contains(mode));
        self.name().is_some_and(aead)
    }

    /// Whether it is what RFC 9325 §4.2 recommends for TLS 1.2: a fresh key on a curve, and AEAD.
    pub fn is_recommended(self) -> bool {
        self.key_exchange() == KeyExchange::Ecdhe && self.is_aead()
    }

    /// Whether it belongs to a class.
    pub fn is(self, class: SuiteClass) -> bool {
        let Some((exchange, cipher)) = self.parts() else { return false };
        match class {
            SuiteClass::Null => cipher.starts_with("NULL"),
            SuiteClass::Export => exchange.contains("EXPORT") || cipher.contains("_40_"),
            SuiteClass::Anonymous => exchange.contains("anon"),
            SuiteClass::Rc4 => cipher.starts_with("RC4"),
            SuiteClass::SmallBlock => {
                ["DES", "3DES", "IDEA", "RC2"].iter().any(|name| cipher.starts_with(name))
            }
            SuiteClass::StaticRsa => matches!(self.key_exchange(), KeyExchange::Rsa | KeyExchange::RsaExport),
            SuiteClass::Ffdhe => matches!(self.key_exchange(), KeyExchange::Dhe),
            SuiteClass::Cbc => cipher.contains("_CBC_"),
        }
    }

    /// Whether hardly any server has it: it takes a certificate that nobody issues (with a key for Diffie-Hellman or for
    /// DSA), or is one of those with ARIA that OpenSSL does not know.
    pub fn is_exotic(self) -> bool {
        let strange = |name: &str| {
            let aria = name.contains("_ARIA_") && (!name.contains("_GCM_") || name.contains("_anon_"));
            aria || name.contains("_DSS_")
        };
        matches!(self.key_exchange(), KeyExchange::Dh | KeyExchange::Ecdh) || self.name().is_some_and(strange)
    }

    /// Whether it takes Diffie-Hellman in a finite field with a fresh key.
    pub fn is_finite_field(self) -> bool {
        matches!(self.key_exchange(), KeyExchange::Dhe | KeyExchange::DhAnon)
    }

    /// Whether it exists from TLS 1.2 on only: AEAD, or a MAC with SHA-256 or SHA-384 (RFC 5246 §1.2).
    pub fn needs_tls12(self) -> bool {
        self.is_aead() || self.name().is_some_and(|n| n.ends_with("_SHA256") || n.ends_with("_SHA384"))
    }

    /// Every suite that a mail server can be asked for without an account.
    pub fn askable() -> impl Iterator<Item = Suite> {
        Suite::all().filter(|s| s.0 != 0 && s.key_exchange() != KeyExchange::Other)
    }

    /// What stands before and behind `_WITH_` in its name.
    fn parts(self) -> Option<(&'static str, &'static str)> {
        self.name()?.strip_prefix("TLS_")?.split_once("_WITH_")
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(SUITES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SUITES.iter().all(|(_, name)| name.starts_with("TLS_")));
    }

    #[test]
    fn names_say_what_a_suite_is() {
        use SuiteClass::{Anonymous, Cbc, Export, Ffdhe, Null, Rc4, SmallBlock, StaticRsa};
        for (number, classes) in [
            (0x0002, &[Null, StaticRsa][..]),
            (0x0003, &[Export, Rc4, StaticRsa]),
            (0x0006, &[Export, SmallBlock, StaticRsa, Cbc]),
            (0x000a, &[SmallBlock, StaticRsa, Cbc]),
            (0x0034, &[Anonymous, Cbc]),
            (0x0064, &[Export, Rc4, StaticRsa]),
            (0x0067, &[Ffdhe, Cbc]),
            (0x009c, &[StaticRsa]),
            (0x009e, &[Ffdhe]),
            (0xc011, &[Rc4]),
            (0xc013, &[Cbc]),
            (0xc018, &[Anonymous, Cbc]),
            (0xc02f, &[]),
            (0x1301, &[]),
            (0x1234, &[]),
        ] {
            let suite = Suite(number);
            let mut of: Vec<SuiteClass> = SuiteClass::ALL.iter().copied().filter(|c| suite.is(*c)).collect();
            let mut wanted = classes.to_vec();
            of.sort();
            wanted.sort();
            assert_eq!(of, wanted, "{suite}");
        }
        assert!(Suite(0xc02f).is_recommended() && Suite(0xcca9).is_recommended());
        assert!(!Suite(0x009e).is_recommended() && !Suite(0xc013).is_recommended());
        assert_eq!(Suite(0x1301).key_exchange(), KeyExchange::Any);
        assert_eq!(Suite(0x008c).key_exchange(), KeyExchange::Other);
        assert_eq!(Suite(0x1234).to_string(), "0x1234");
        assert_eq!(Suite::named("TLS_RSA_WITH_RC4_128_SHA"), Some(Suite(5)));
    }
}
