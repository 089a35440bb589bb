use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::escape;
use ehlo_core::facts::CertificateFacts;
use ehlo_wire::sasl::server_end_point;
use std::net::IpAddr;
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// Takes a certificate apart. One that cannot be read is described by its digest and by what is wrong with it.
pub fn describe(der: &[u8]) -> CertificateFacts {
    let sha256 = hex(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
    let mut facts = CertificateFacts {
        sha256,
        subject: String::new(),
        issuer: String::new(),
        common_name: None,
        names: Vec::new(),
        serial: String::new(),
        not_before: 0,
        not_after: 0,
        key: String::new(),
        key_bits: 0,
        signature: String::new(),
        is_ca: false,
        self_signed: false,
        subject_key_id: None,
        authority_key_id: None,
        issuer_urls: Vec::new(),
        unreadable: None,
        der: STANDARD.encode(der),
    };
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => fill(&mut facts, &certificate),
        Err(error) => facts.unreadable = Some(escape(error.to_string().as_bytes())),
    }
    facts
}

/// The data of `tls-server-end-point` for a certificate (RFC 5929 §4.1); none where the binding is not defined, or where the
/// certificate cannot be read.
pub(crate) fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm;
    let pss_hash = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            Some(parameters.hash_algorithm_oid().to_id_string())
        }
        _ => None,
    };
    server_end_point(der, &algorithm.algorithm.to_id_string(), pss_hash.as_deref())
}

fn fill(facts: &mut CertificateFacts, certificate: &X509Certificate<'_>) {
    facts.subject = name(certificate.subject());
    facts.issuer = name(certificate.issuer());
    facts.common_name = certificate
        .subject()
        .iter_common_name()
        .next()
        .and_then(|cn| cn.as_str().ok())
        .map(|cn| escape(cn.as_bytes()));
    facts.serial = hex(certificate.raw_serial());
    facts.not_before = certificate.validity().not_before.timestamp();
    facts.not_after = certificate.validity().not_after.timestamp();
    (facts.key, facts.key_bits) = key(certificate.public_key());
    facts.signature = signature_name(&certificate.signature_algorithm.algorithm.to_id_string());
    facts.is_ca = certificate.is_ca();
    facts.self_signed =
        certificate.subject() == certificate.issuer() && certificate.verify_signature(None).is_ok();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for general in &extension.value.general_names {
            match general {
                GeneralName::DNSName(dns) => facts.names.push(escape(dns.as_bytes())),
                GeneralName::IPAddress(octets) => facts.names.extend(address(octets)),
                _ => {}
            }
        }
    }
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => facts.subject_key_id = Some(hex(id.0)),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                facts.authority_key_id = id.key_identifier.as_ref().map(|id| hex(id.0));
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                // id-ad-caIssuers (RFC 5280 §4.2.2.1)
                let issuers = access
                    .accessdescs
                    .iter()
                    .filter(|d| d.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2");
                facts.issuer_urls.extend(issuers.filter_map(|d| match &d.access_location {
                    GeneralName::URI(uri) => Some(escape(uri.as_bytes())),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
}

fn name(name: &X509Name<'_>) -> String {
    escape(name.to_string().as_bytes())
}

fn address(octets: &[u8]) -> Option<String> {
    let address = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
        _ => return None,
    };
    Some(address.to_string())
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> (String, u32) {
    let algorithm = key.algorithm.algorithm.to_id_string();
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
    let bits = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => u32::try_from(rsa.key_size()).unwrap_or(u32::MAX),
        _ => 0,
    };
    match (algorithm.as_str(), curve.as_deref()) {
        ("1.2.840.113549.1.1.1", _) => ("RSA".into(), bits),
        ("1.2.840.113549.1.1.10", _) => ("RSA-PSS".into(), bits),
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.1")) => ("EC P-192".into(), 192),
        ("1.2.840.10045.2.1", Some("1.3.132.0.33")) => ("EC P-224".into(), 224),
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => ("EC P-256".into(), 256),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => ("EC P-384".into(), 384),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => ("EC P-521".into(), 521),
        ("1.2.840.10045.2.1", Some(curve)) => (format!("EC {curve}"), 0),
        ("1.3.101.112", _) => ("Ed25519".into(), 256),
        ("1.3.101.113", _) => ("Ed448".into(), 456),
        ("2.16.840.1.101.3.4.3.17", _) => ("ML-DSA-44".into(), 0),
        ("2.16.840.1.101.3.4.3.18", _) => ("ML-DSA-65".into(), 0),
        ("2.16.840.1.101.3.4.3.19", _) => ("ML-DSA-87".into(), 0),
        (other, _) => (other.to_owned(), bits),
    }
}

fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => other,
    }
    .to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_lab::{Authority, CertificateKind};

    #[test]
    fn a_certificate_taken_apart() {
        let authority = Authority::new(&["lab.test".into(), "::1".into()], 1_800_000_000).unwrap();
        let flight = authority.issue(&CertificateKind::Good).unwrap();
        let leaf = describe(&flight.cert[0]);
        assert_eq!(leaf.names, ["lab.test", "::1"]);
        assert_eq!((leaf.key.as_str(), leaf.key_bits), ("EC P-256", 256));
        assert_eq!(leaf.signature, "ecdsa-with-SHA256");
        assert_eq!(leaf.lifetime(), 90 * 86_400);
        assert!(!leaf.is_ca && !leaf.self_signed && leaf.unreadable.is_none());
        let issuer = describe(&flight.cert[1]);
        assert!(issuer.is_ca && issuer.subject == leaf.issuer);
        assert_eq!(issuer.subject_key_id, leaf.authority_key_id);
        assert!(describe(&authority.issue(&CertificateKind::SelfSigned).unwrap().cert[0]).self_signed);
    }

    #[test]
    fn rubbish_is_described_too() {
        let rubbish = describe(b"\x30\x82\xff\xffnot a certificate");
        assert!(rubbish.unreadable.is_some());
        assert_eq!(rubbish.sha256.len(), 64);
    }
}
