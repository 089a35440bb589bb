//! Numbers of the IANA registries with their names: versions, groups, signature schemes, alerts, extensions.

use std::fmt;

macro_rules! registry {
    ($(#[$doc:meta])* $name:ident($number:ty) $table:ident: $(
        $(#[$item_doc:meta])* $item:ident = $value:literal, $text:literal;
    )*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The number on the wire.
            pub $number,
        );

        impl $name {
            $($(#[$item_doc])* pub const $item: $name = $name($value);)*

            /// All that have a name here.
            pub const ALL: &'static [$name] = &[$($name($value),)*];

            /// Its name in the registry.
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($text),)* _ => None }
            }

            /// The one of this name.
            pub fn named(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|n| n.name() == Some(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "0x{:0width$x}", self.0, width = 2 * size_of::<$number>()),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

registry! {
    /// A version of the protocol.
    Version(u16) VERSIONS:
    /// SSL 2.0; it has a format of its own.
    SSL2 = 0x0002, "SSLv2";
    /// SSL 3.0 (RFC 6101).
    SSL3 = 0x0300, "SSLv3";
    /// TLS 1.0 (RFC 2246).
    TLS10 = 0x0301, "TLSv1.0";
    /// TLS 1.1 (RFC 4346).
    TLS11 = 0x0302, "TLSv1.1";
    /// TLS 1.2 (RFC 5246).
    TLS12 = 0x0303, "TLSv1.2";
    /// TLS 1.3 (RFC 8446).
    TLS13 = 0x0304, "TLSv1.3";
}

registry! {
    /// A key exchange group: registry "TLS Supported Groups".
    Group(u16) GROUPS:
    /// A curve of 163 bits.
    SECT163K1 = 0x0001, "sect163k1";
    /// A curve of 163 bits.
    SECT163R1 = 0x0002, "sect163r1";
    /// A curve of 163 bits.
    SECT163R2 = 0x0003, "sect163r2";
    /// A curve of 193 bits.
    SECT193R1 = 0x0004, "sect193r1";
    /// A curve of 193 bits.
    SECT193R2 = 0x0005, "sect193r2";
    /// A curve of 233 bits.
    SECT233K1 = 0x0006, "sect233k1";
    /// A curve of 233 bits.
    SECT233R1 = 0x0007, "sect233r1";
    /// A curve of 239 bits.
    SECT239K1 = 0x0008, "sect239k1";
    /// A curve of 283 bits.
    SECT283K1 = 0x0009, "sect283k1";
    /// A curve of 283 bits.
    SECT283R1 = 0x000a, "sect283r1";
    /// A curve of 409 bits.
    SECT409K1 = 0x000b, "sect409k1";
    /// A curve of 409 bits.
    SECT409R1 = 0x000c, "sect409r1";
    /// A curve of 571 bits.
    SECT571K1 = 0x000d, "sect571k1";
    /// A curve of 571 bits.
    SECT571R1 = 0x000e, "sect571r1";
    /// A curve of 160 bits.
    SECP160K1 = 0x000f, "secp160k1";
    /// A curve of 160 bits.
    SECP160R1 = 0x0010, "secp160r1";
    /// A curve of 160 bits.
    SECP160R2 = 0x0011, "secp160r2";
    /// A curve of 192 bits.
    SECP192K1 = 0x0012, "secp192k1";
    /// A curve of 192 bits.
    SECP192R1 = 0x0013, "secp192r1";
    /// A curve of 224 bits.
    SECP224K1 = 0x0014, "secp224k1";
    /// A curve of 224 bits.
    SECP224R1 = 0x0015, "secp224r1";
    /// A curve of 256 bits.
    SECP256K1 = 0x0016, "secp256k1";
    /// NIST P-256.
    SECP256R1 = 0x0017, "secp256r1";
    /// NIST P-384.
    SECP384R1 = 0x0018, "secp384r1";
    /// NIST P-521.
    SECP521R1 = 0x0019, "secp521r1";
    /// Brainpool (RFC 7027).
    BRAINPOOLP256R1 = 0x001a, "brainpoolP256r1";
    /// Brainpool (RFC 7027).
    BRAINPOOLP384R1 = 0x001b, "brainpoolP384r1";
    /// Brainpool (RFC 7027).
    BRAINPOOLP512R1 = 0x001c, "brainpoolP512r1";
    /// RFC 7748.
    X25519 = 0x001d, "x25519";
    /// RFC 7748.
    X448 = 0x001e, "x448";
    /// Brainpool in TLS 1.3 (RFC 8734).
    BRAINPOOLP256R1TLS13 = 0x001f, "brainpoolP256r1tls13";
    /// Brainpool in TLS 1.3 (RFC 8734).
    BRAINPOOLP384R1TLS13 = 0x0020, "brainpoolP384r1tls13";
    /// Brainpool in TLS 1.3 (RFC 8734).
    BRAINPOOLP512R1TLS13 = 0x0021, "brainpoolP512r1tls13";
    /// RFC 7919.
    FFDHE2048 = 0x0100, "ffdhe2048";
    /// RFC 7919.
    FFDHE3072 = 0x0101, "ffdhe3072";
    /// RFC 7919.
    FFDHE4096 = 0x0102, "ffdhe4096";
    /// RFC 7919.
    FFDHE6144 = 0x0103, "ffdhe6144";
    /// RFC 7919.
    FFDHE8192 = 0x0104, "ffdhe8192";
    /// Post-quantum alone.
    MLKEM512 = 0x0200, "MLKEM512";
    /// Post-quantum alone.
    MLKEM768 = 0x0201, "MLKEM768";
    /// Post-quantum alone.
    MLKEM1024 = 0x0202, "MLKEM1024";
    /// Post-quantum and P-256.
    SECP256R1MLKEM768 = 0x11eb, "SecP256r1MLKEM768";
    /// Post-quantum and X25519.
    X25519MLKEM768 = 0x11ec, "X25519MLKEM768";
    /// Post-quantum and P-384.
    SECP384R1MLKEM1024 = 0x11ed, "SecP384r1MLKEM1024";
}

registry! {
    /// A signature scheme: registry "TLS SignatureScheme", with the pairs of hash and signature of TLS 1.2.
    SignatureScheme(u16) SCHEMES:
    /// MD5, as TLS 1.2 allowed it.
    RSA_PKCS1_MD5 = 0x0101, "rsa_pkcs1_md5";
    /// SHA-1.
    RSA_PKCS1_SHA1 = 0x0201, "rsa_pkcs1_sha1";
    /// SHA-1.
    DSA_SHA1 = 0x0202, "dsa_sha1";
    /// SHA-1.
    ECDSA_SHA1 = 0x0203, "ecdsa_sha1";
    /// SHA-224.
    RSA_PKCS1_SHA224 = 0x0301, "rsa_pkcs1_sha224";
    /// SHA-224.
    ECDSA_SHA224 = 0x0303, "ecdsa_sha224";
    /// SHA-256.
    RSA_PKCS1_SHA256 = 0x0401, "rsa_pkcs1_sha256";
    /// SHA-256.
    DSA_SHA256 = 0x0402, "dsa_sha256";
    /// SHA-256.
    ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
    /// SHA-384.
    RSA_PKCS1_SHA384 = 0x0501, "rsa_pkcs1_sha384";
    /// SHA-384.
    ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
    /// SHA-512.
    RSA_PKCS1_SHA512 = 0x0601, "rsa_pkcs1_sha512";
    /// SHA-512.
    ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
    /// PSS with the usual kind of RSA key.
    RSA_PSS_RSAE_SHA256 = 0x0804, "rsa_pss_rsae_sha256";
    /// PSS with the usual kind of RSA key.
    RSA_PSS_RSAE_SHA384 = 0x0805, "rsa_pss_rsae_sha384";
    /// PSS with the usual kind of RSA key.
    RSA_PSS_RSAE_SHA512 = 0x0806, "rsa_pss_rsae_sha512";
    /// RFC 8032.
    ED25519 = 0x0807, "ed25519";
    /// RFC 8032.
    ED448 = 0x0808, "ed448";
    /// PSS with a key that is for PSS only.
    RSA_PSS_PSS_SHA256 = 0x0809, "rsa_pss_pss_sha256";
    /// PSS with a key that is for PSS only.
    RSA_PSS_PSS_SHA384 = 0x080a, "rsa_pss_pss_sha384";
    /// PSS with a key that is for PSS only.
    RSA_PSS_PSS_SHA512 = 0x080b, "rsa_pss_pss_sha512";
    /// Post-quantum.
    MLDSA44 = 0x0904, "mldsa44";
    /// Post-quantum.
    MLDSA65 = 0x0905, "mldsa65";
    /// Post-quantum.
    MLDSA87 = 0x0906, "mldsa87";
}

registry! {
    /// An alert: registry "TLS Alerts" (RFC 8446 §6).
    Alert(u8) ALERTS:
    /// The peer sends no more.
    CLOSE_NOTIFY = 0, "close_notify";
    /// A message at the wrong time.
    UNEXPECTED_MESSAGE = 10, "unexpected_message";
    /// A record that does not decrypt.
    BAD_RECORD_MAC = 20, "bad_record_mac";
    /// TLS 1.0 only.
    DECRYPTION_FAILED = 21, "decryption_failed";
    /// A record that is too long.
    RECORD_OVERFLOW = 22, "record_overflow";
    /// TLS 1.2 and before.
    DECOMPRESSION_FAILURE = 30, "decompression_failure";
    /// Nothing in common.
    HANDSHAKE_FAILURE = 40, "handshake_failure";
    /// SSL 3.0 only.
    NO_CERTIFICATE = 41, "no_certificate";
    /// The certificate is broken.
    BAD_CERTIFICATE = 42, "bad_certificate";
    /// The certificate is of a kind that is not understood.
    UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate";
    /// The certificate was revoked.
    CERTIFICATE_REVOKED = 44, "certificate_revoked";
    /// The certificate has expired.
    CERTIFICATE_EXPIRED = 45, "certificate_expired";
    /// Something else about the certificate.
    CERTIFICATE_UNKNOWN = 46, "certificate_unknown";
    /// A value that does not fit the others.
    ILLEGAL_PARAMETER = 47, "illegal_parameter";
    /// The issuer is not known.
    UNKNOWN_CA = 48, "unknown_ca";
    /// Access denied.
    ACCESS_DENIED = 49, "access_denied";
    /// A message that cannot be read.
    DECODE_ERROR = 50, "decode_error";
    /// A signature that does not verify.
    DECRYPT_ERROR = 51, "decrypt_error";
    /// TLS 1.0 only.
    EXPORT_RESTRICTION = 60, "export_restriction";
    /// The version is known, but not wanted.
    PROTOCOL_VERSION = 70, "protocol_version";
    /// The server wants better suites.
    INSUFFICIENT_SECURITY = 71, "insufficient_security";
    /// The peer's own trouble.
    INTERNAL_ERROR = 80, "internal_error";
    /// RFC 7507: the client fell back without need.
    INAPPROPRIATE_FALLBACK = 86, "inappropriate_fallback";
    /// The user does not want to go on.
    USER_CANCELED = 90, "user_canceled";
    /// TLS 1.2 and before.
    NO_RENEGOTIATION = 100, "no_renegotiation";
    /// An extension lacks.
    MISSING_EXTENSION = 109, "missing_extension";
    /// An extension that must not stand there.
    UNSUPPORTED_EXTENSION = 110, "unsupported_extension";
    /// No such server name.
    UNRECOGNIZED_NAME = 112, "unrecognized_name";
    /// The stapled status is no good.
    BAD_CERTIFICATE_STATUS_RESPONSE = 113, "bad_certificate_status_response";
    /// No such key.
    UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity";
    /// A certificate of the client is wanted.
    CERTIFICATE_REQUIRED = 116, "certificate_required";
    /// RFC 7301: no application protocol in common.
    NO_APPLICATION_PROTOCOL = 120, "no_application_protocol";
}

registry! {
    /// An extension: registry "TLS ExtensionType Values".
    ExtensionType(u16) EXTENSIONS:
    /// RFC 6066 §3.
    SERVER_NAME = 0, "server_name";
    /// RFC 6066 §8.
    STATUS_REQUEST = 5, "status_request";
    /// RFC 7919, once `elliptic_curves`.
    SUPPORTED_GROUPS = 10, "supported_groups";
    /// RFC 8422.
    EC_POINT_FORMATS = 11, "ec_point_formats";
    /// RFC 8446 §4.2.3.
    SIGNATURE_ALGORITHMS = 13, "signature_algorithms";
    /// RFC 6520.
    HEARTBEAT = 15, "heartbeat";
    /// RFC 7301.
    ALPN = 16, "application_layer_protocol_negotiation";
    /// RFC 7685.
    PADDING = 21, "padding";
    /// RFC 7366.
    ENCRYPT_THEN_MAC = 22, "encrypt_then_mac";
    /// RFC 7627.
    EXTENDED_MASTER_SECRET = 23, "extended_master_secret";
    /// RFC 5077.
    SESSION_TICKET = 35, "session_ticket";
    /// RFC 8446 §4.2.1.
    SUPPORTED_VERSIONS = 43, "supported_versions";
    /// RFC 8446 §4.2.2.
    COOKIE = 44, "cookie";
    /// RFC 8446 §4.2.9.
    PSK_KEY_EXCHANGE_MODES = 45, "psk_key_exchange_modes";
    /// RFC 8446 §4.2.8.
    KEY_SHARE = 51, "key_share";
    /// RFC 5746.
    RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
}

impl Group {
    /// Whether it is a curve that nobody should use any more: below 224 bits, or over a binary field (RFC 8422 §5.1.1
    /// has deprecated all of them).
    pub fn is_weak_curve(self) -> bool {
        (0x0001..=0x0013).contains(&self.0)
    }

    /// Whether it withstands a quantum computer: ML-KEM, alone or beside a curve.
    pub fn is_post_quantum(self) -> bool {
        matches!(self.0, 0x0200..=0x0202 | 0x11eb..=0x11ed)
    }

    /// Whether it can be negotiated in TLS 1.3 (RFC 8446 §4.2.7, RFC 8734).
    pub fn is_for_tls13(self) -> bool {
        matches!(self.0, 0x0017..=0x0019 | 0x001d..=0x0021 | 0x0100..=0x0104) || self.is_post_quantum()
    }
}

impl SignatureScheme {
    /// Whether it stands on SHA-1 or MD5 (RFC 9155).
    pub fn is_dated(self) -> bool {
        matches!(self.0 >> 8, 0x01 | 0x02)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(Version::TLS12.to_string(), "TLSv1.2");
        assert_eq!(Group(0x1234).to_string(), "0x1234");
        assert_eq!(Alert(99).to_string(), "0x63");
        assert_eq!(Group::named("x25519"), Some(Group::X25519));
        let weak = [Group::SECT571R1, Group::SECP192R1];
        assert!(weak.iter().all(|g| g.is_weak_curve() && !g.is_for_tls13()));
        assert!(!Group::SECP224K1.is_weak_curve() && !Group::SECP256R1.is_weak_curve());
        assert!(Group::X25519MLKEM768.is_post_quantum() && Group::X25519MLKEM768.is_for_tls13());
        assert!(!Group::X25519.is_post_quantum() && !Group::BRAINPOOLP256R1.is_for_tls13());
        assert!(Version::SSL3 < Version::TLS10);
        assert!(SignatureScheme::ECDSA_SHA1.is_dated() && !SignatureScheme::ED25519.is_dated());
    }
}
