use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// The data of the channel binding `tls-server-end-point` (RFC 5929 §4.1): a digest of the server's certificate, made
/// with the hash of the signature on it, and with SHA-256 where that is MD5 or SHA-1.
///
/// `certificate` is DER. `signature` is the OID of its signature algorithm in dots; `pss_hash` is the OID of the hash that
/// the parameters of RSASSA-PSS name. None where no hash, or more than one, belongs to the signature (Ed25519, ML-DSA): the
/// binding is not defined then.
pub fn server_end_point(certificate: &[u8], signature: &str, pss_hash: Option<&str>) -> Option<Vec<u8>> {
    let hash = if signature == RSASSA_PSS {
        // RFC 4055 §3.1: parameters that name no hash mean SHA-1.
        HASHES.iter().find(|(oid, _)| *oid == pss_hash.unwrap_or(SHA_1))?.1
    } else {
        SIGNATURES.iter().find(|(oid, _)| *oid == signature)?.1
    };
    Some(match hash {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const SHA_1: &str = "1.3.14.3.2.26";

/// Signature algorithms (RFC 3279, RFC 4055, RFC 5758) and the hash for the digest.
const SIGNATURES: &[(&str, Hash)] = &[
    // RSA with MD5 and SHA-1, DSA and ECDSA with SHA-1
    ("1.2.840.113549.1.1.4", Hash::Sha256),
    ("1.2.840.113549.1.1.5", Hash::Sha256),
    ("1.2.840.10040.4.3", Hash::Sha256),
    ("1.2.840.10045.4.1", Hash::Sha256),
    // RSA
    ("1.2.840.113549.1.1.14", Hash::Sha224),
    ("1.2.840.113549.1.1.11", Hash::Sha256),
    ("1.2.840.113549.1.1.12", Hash::Sha384),
    ("1.2.840.113549.1.1.13", Hash::Sha512),
    // ECDSA
    ("1.2.840.10045.4.3.1", Hash::Sha224),
    ("1.2.840.10045.4.3.2", Hash::Sha256),
    ("1.2.840.10045.4.3.3", Hash::Sha384),
    ("1.2.840.10045.4.3.4", Hash::Sha512),
    // DSA
    ("2.16.840.1.101.3.4.3.1", Hash::Sha224),
    ("2.16.840.1.101.3.4.3.2", Hash::Sha256),
];

/// Hashes that the parameters of RSASSA-PSS name.
const HASHES: &[(&str, Hash)] = &[
    ("1.2.840.113549.2.5", Hash::Sha256),
    (SHA_1, Hash::Sha256),
    ("2.16.840.1.101.3.4.2.4", Hash::Sha224),
    ("2.16.840.1.101.3.4.2.1", Hash::Sha256),
    ("2.16.840.1.101.3.4.2.2", Hash::Sha384),
    ("2.16.840.1.101.3.4.2.3", Hash::Sha512),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_chooses_the_hash() {
        let sha256 = Sha256::digest(b"certificate").to_vec();
        let end_point = |signature, pss| server_end_point(b"certificate", signature, pss);
        for old in ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"] {
            assert_eq!(end_point(old, None), Some(sha256.clone()), "{old}");
        }
        assert_eq!(end_point("1.2.840.10045.4.3.2", None), Some(sha256.clone()));
        assert_eq!(end_point("1.2.840.10045.4.3.3", None), Some(Sha384::digest(b"certificate").to_vec()));
        assert_eq!(end_point("1.2.840.113549.1.1.13", None), Some(Sha512::digest(b"certificate").to_vec()));
        assert_eq!(end_point(RSASSA_PSS, None), Some(sha256));
        let pss = end_point(RSASSA_PSS, Some("2.16.840.1.101.3.4.2.2"));
        assert_eq!(pss, Some(Sha384::digest(b"certificate").to_vec()));
        assert_eq!(end_point(RSASSA_PSS, Some("1.2.3")), None);
        // Ed25519
        assert_eq!(end_point("1.3.101.112", None), None);
    }
}
