use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// Which certificate a service shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// A good one: leaf and intermediate.
    Good,
    /// Its lifetime ended yesterday.
    Expired,
    /// Its lifetime begins tomorrow.
    NotYetValid,
    /// Its lifetime ends in so many hours.
    Expiring(u32),
    /// It is another key that signs the handshake.
    WrongKey,
    /// It signed itself.
    SelfSigned,
    /// An authority signed it that nobody knows.
    UnknownAuthority,
    /// The intermediate is not sent along.
    ChainIncomplete,
    /// It bears another name.
    WrongName,
    /// It bears these names.
    Names(Vec<String>),
    /// It bears the name in its subject only.
    CommonNameOnly,
    /// An authority of this name signed it that nobody knows: what an antivirus shield looks like.
    IssuedBy(String),
    /// It is for an RSA key of so many bits, which nobody has: the handshake is signed by another.
    Rsa(u32),
    /// It says that it is signed by ECDSA with SHA-1; no signature fits that.
    Sha1,
}

/// The lab's own certificate authority: a root, and an intermediate that signs.
pub struct Authority {
    root: CertificateDer<'static>,
    root_pem: String,
    intermediate: CertificateDer<'static>,
    intermediate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    names: Vec<String>,
    now: i64,
}

/// Certificates to send, and the key of the first.
pub type Flight = Arc<CertifiedKey>;

impl Authority {
    /// Makes an authority at `now` (seconds since 1970) for a server that has `names` (host names and addresses).
    ///
    /// # Errors
    /// What the library says, if keys or certificates cannot be made.
    pub fn new(names: &[String], now: i64) -> Result<Authority, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let mut root_params = authority_params("ehlo lab root CA", now, 3650);
        root_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);

        let key = KeyPair::generate()?;
        let mut params = authority_params("ehlo lab issuing CA", now, 1825);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let intermediate = params.signed_by(&key, &root_issuer)?;
        Ok(Authority {
            root: root.der().clone(),
            root_pem: root.pem(),
            intermediate: intermediate.der().clone(),
            intermediate_pem: intermediate.pem(),
            issuer: Issuer::new(params, key),
            names: names.to_vec(),
            now,
        })
    }

    /// The root as PEM: what a client must trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root as DER.
    pub fn root_der(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The names of the server: host names and addresses.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes a certificate of `kind` for an RSA key that nobody has: DER, the certificate and what goes with it. It can be
    /// shown, but no handshake can be completed with it.
    ///
    /// # Errors
    /// What the library says, if it cannot be made.
    pub fn issue_for_rsa(&self, kind: &CertificateKind) -> Result<Vec<Vec<u8>>, rcgen::Error> {
        let mut params = self.leaf_params(kind)?;
        let bits = if let CertificateKind::Rsa(bits) = kind { *bits } else { 3072 };
        let key = Rsa::of(bits);
        let chain = match kind {
            CertificateKind::UnknownAuthority => {
                foreign(&mut params, &key, "ehlo lab stranger CA", self.now)?
            }
            _ => vec![params.signed_by(&key, &self.issuer)?.der().clone(), self.intermediate.clone()],
        };
        Ok(chain.iter().map(|c| c.to_vec()).collect())
    }

    /// Makes a certificate of `kind`, with the chain that goes with it.
    ///
    /// # Errors
    /// What the library says, if it cannot be made.
    pub fn issue(&self, kind: &CertificateKind) -> Result<Flight, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = self.leaf_params(kind)?;
        let chain = match kind {
            CertificateKind::SelfSigned => vec![params.self_signed(&key)?.der().clone()],
            CertificateKind::UnknownAuthority => {
                foreign(&mut params, &key, "ehlo lab stranger CA", self.now)?
            }
            CertificateKind::IssuedBy(name) => foreign(&mut params, &key, name, self.now)?,
            CertificateKind::Rsa(bits) => {
                vec![
                    params.signed_by(&Rsa::of(*bits), &self.issuer)?.der().clone(),
                    self.intermediate.clone(),
                ]
            }
            CertificateKind::Sha1 => {
                let leaf = params.signed_by(&key, &self.issuer)?;
                vec![by_sha1(leaf.der()), self.intermediate.clone()]
            }
            CertificateKind::ChainIncomplete => vec![params.signed_by(&key, &self.issuer)?.der().clone()],
            _ => vec![params.signed_by(&key, &self.issuer)?.der().clone(), self.intermediate.clone()],
        };
        let key = if *kind == CertificateKind::WrongKey { KeyPair::generate()? } else { key };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| rcgen::Error::RingUnspecified)?;
        Ok(Arc::new(CertifiedKey::new(chain, key)))
    }

    /// Makes a certificate with which the account `name` of `domain` can log in (EXTERNAL): in PEM, first the certificate
    /// with its intermediate, then the key.
    ///
    /// # Errors
    /// What the library says, if it cannot be made.
    pub fn issue_for_client(&self, name: &str, domain: &str) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        // An address in a certificate is ASCII (RFC 5280 §4.2.1.6); the common name may be anything.
        if name.is_ascii() {
            let address = format!("{name}@{domain}");
            params.subject_alt_names.push(SanType::Rfc822Name(address.as_str().try_into()?));
        }
        params.distinguished_name = distinguished_name(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = at(self.now) - Duration::days(1);
        params.not_after = at(self.now) + Duration::days(89);
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok((format!("{}{}", leaf.pem(), self.intermediate_pem), key.serialize_pem()))
    }

    fn leaf_params(&self, kind: &CertificateKind) -> Result<CertificateParams, rcgen::Error> {
        let other = ["other.invalid".to_owned()];
        let names: &[String] = match kind {
            CertificateKind::WrongName => &other,
            CertificateKind::Names(names) => names,
            CertificateKind::CommonNameOnly => &[],
            _ => &self.names,
        };
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        let common_name = match kind {
            CertificateKind::WrongName | CertificateKind::Names(_) => names.first(),
            _ => self.names.first(),
        };
        params.distinguished_name = distinguished_name(common_name.map_or("lab", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let day = |n| Duration::days(n);
        let (from, to) = match kind {
            CertificateKind::Expired => (day(-90), day(-1)),
            CertificateKind::NotYetValid => (day(1), day(90)),
            CertificateKind::Expiring(hours) => (day(-80), Duration::hours(i64::from(*hours))),
            // An hour later: it must not be up to a second how many whole days are left.
            _ => (day(-1) + Duration::hours(1), day(89) + Duration::hours(1)),
        };
        params.not_before = at(self.now) + from;
        params.not_after = at(self.now) + to;
        Ok(params)
    }
}

/// A public key of RSA to which there is no private one.
struct Rsa(Vec<u8>);

impl Rsa {
    /// RSAPublicKey (RFC 8017 appendix A.1.1) with the exponent 65537.
    fn of(bits: u32) -> Rsa {
        let bytes = bits.div_ceil(8);
        let mut modulus = vec![0xa7; usize::try_from(bytes).unwrap_or(256)];
        modulus[0] = 0xff >> (bytes * 8 - bits);
        // The first bit would be a sign.
        modulus.insert(0, 0);
        let numbers = [tagged(0x02, &modulus), tagged(0x02, &[1, 0, 1])].concat();
        Rsa(tagged(0x30, &numbers))
    }
}

impl rcgen::PublicKeyData for Rsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// Tag, length and contents (X.690 §8.1).
fn tagged(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let used: Vec<u8> = length.iter().copied().skip_while(|&b| b == 0).collect();
    let head = match contents.len() {
        short @ 0..=127 => vec![tag, u8::try_from(short).unwrap_or(0)],
        _ => [&[tag, 0x80 | u8::try_from(used.len()).unwrap_or(0)], &used[..]].concat(),
    };
    [head, contents.to_vec()].concat()
}

/// The same certificate, but both places that name the signature say ECDSA with SHA-1 (RFC 3279 §2.2.3).
fn by_sha1(der: &[u8]) -> CertificateDer<'static> {
    const SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    const SHA1: &[u8] = b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01";
    let other = |bytes: &[u8]| match memchr::memmem::find(bytes, SHA256) {
        Some(at) => [&bytes[..at], SHA1, &bytes[at + SHA256.len()..]].concat(),
        None => bytes.to_vec(),
    };
    // Both the certificate and what is signed of it are longer than 255 octets, so that their lengths take two.
    let [0x30, 0x82, _, _, 0x30, 0x82, high, low, ..] = *der else { return der.to_vec().into() };
    let end = 8 + usize::from(u16::from_be_bytes([high, low]));
    let (Some(signed), Some(rest)) = (der.get(8..end), der.get(end..)) else { return der.to_vec().into() };
    let signed = tagged(0x30, &other(signed));
    tagged(0x30, &[signed, other(rest)].concat()).into()
}

/// Leaf and intermediate of an authority whose root nobody knows.
fn foreign(
    params: &mut CertificateParams,
    key: &impl rcgen::PublicKeyData,
    name: &str,
    now: i64,
) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
    let authority_key = KeyPair::generate()?;
    let mut authority = authority_params(name, now, 365);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, authority_key);
    Ok(vec![params.signed_by(key, &issuer)?.der().clone()])
}

fn authority_params(name: &str, now: i64, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = at(now) - Duration::days(400);
    params.not_after = at(now) + Duration::days(days);
    params
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "ehlo lab");
    name.push(DnType::CommonName, common_name);
    name
}

fn at(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_made() {
        let authority = Authority::new(&["lab.test".into(), "127.0.0.1".into()], 1_800_000_000).unwrap();
        for (kind, certificates) in [
            (CertificateKind::Good, 2),
            (CertificateKind::Expired, 2),
            (CertificateKind::NotYetValid, 2),
            (CertificateKind::Expiring(24), 2),
            (CertificateKind::WrongKey, 2),
            (CertificateKind::SelfSigned, 1),
            (CertificateKind::UnknownAuthority, 1),
            (CertificateKind::ChainIncomplete, 1),
            (CertificateKind::WrongName, 2),
            (CertificateKind::Names(vec!["*.lab.test".into()]), 2),
            (CertificateKind::CommonNameOnly, 2),
            (CertificateKind::IssuedBy("avast! Mail Shield Root".into()), 1),
        ] {
            assert_eq!(authority.issue(&kind).unwrap().cert.len(), certificates, "{kind:?}");
        }
    }
}
