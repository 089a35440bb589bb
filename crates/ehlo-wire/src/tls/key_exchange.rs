//! ServerKeyExchange (RFC 5246 §7.4.3, RFC 8422 §5.4) and CertificateRequest.

use super::bytes::{Reader, Writer};
use super::record::{note, write_message};
use super::suite::KeyExchange;
use super::{Group, SignatureScheme, Suite, Version};
use ehlo_core::{Deviation, DeviationKind, Span};

pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;

/// The largest prime that is looked at, in bytes: 16384 bits.
const LONGEST_PRIME: usize = 2048;
/// The most names of authorities that are kept of a CertificateRequest.
const MOST_AUTHORITIES: usize = 100;

/// What a server says about the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange {
    /// The parameters.
    pub parameters: Parameters,
    /// The scheme of the signature: TLS 1.2 says it, before that it is MD5 with SHA-1 (RSA) or SHA-1.
    pub signature: Option<SignatureScheme>,
}

/// The parameters of a key exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Diffie-Hellman in a finite field.
    Dh {
        /// The prime, as sent.
        prime: Vec<u8>,
        /// The generator, as sent.
        generator: Vec<u8>,
        /// The server's share, as sent.
        share: Vec<u8>,
    },
    /// Diffie-Hellman on a curve that has a name.
    Curve {
        /// The curve.
        group: Group,
        /// The server's point, as sent.
        point: Vec<u8>,
    },
    /// Diffie-Hellman on a curve that is spelled out (prohibited by RFC 8422 §5.4).
    ExplicitCurve,
    /// An RSA key for this one exchange, as export wanted it.
    Rsa {
        /// The modulus, as sent.
        modulus: Vec<u8>,
    },
    /// Something that the suite does not lead to.
    Other,
}

/// How many bits a number has.
pub fn bits(number: &[u8]) -> u32 {
    let at = number.iter().position(|b| *b != 0).unwrap_or(number.len());
    let bytes = &number[at..];
    let first = bytes.first().map_or(0, |b| b.leading_zeros());
    u32::try_from(8 * bytes.len()).unwrap_or(u32::MAX).saturating_sub(first)
}

impl ServerKeyExchange {
    /// The handshake message for `version`. The signature holds bytes of no meaning: whoever checks it will refuse.
    pub fn encode(&self, version: Version, signed: bool) -> Vec<u8> {
        let mut body = Writer::new();
        match &self.parameters {
            Parameters::Dh { prime, generator, share } => {
                for number in [prime, generator, share] {
                    body.vec16(|w| w.bytes(number));
                }
            }
            Parameters::Curve { group, point } => {
                body.u8(NAMED_CURVE);
                body.u16(group.0);
                body.vec8(|w| w.bytes(point));
            }
            Parameters::Rsa { modulus } => {
                body.vec16(|w| w.bytes(modulus));
                body.vec16(|w| w.bytes(&[1, 0, 1]));
            }
            Parameters::ExplicitCurve | Parameters::Other => {}
        }
        if signed {
            if version >= Version::TLS12 {
                body.u16(self.signature.unwrap_or(SignatureScheme::RSA_PKCS1_SHA256).0);
            }
            body.vec16(|w| w.bytes(&[0x5a; 256]));
        }
        write_message(SERVER_KEY_EXCHANGE, &body.finish())
    }

    /// Reads the body of the message, which only the suite tells how to read.
    pub(super) fn read(
        body: &[u8],
        suite: Suite,
        version: Version,
        span: Span,
        deviations: &mut Vec<Deviation>,
    ) -> ServerKeyExchange {
        let mut reader = Reader::new(body);
        let exchange = suite.key_exchange();
        let parameters = read_parameters(&mut reader, exchange);
        let mut found = ServerKeyExchange {
            parameters: parameters.clone().unwrap_or(Parameters::Other),
            signature: None,
        };
        let signed = !matches!(exchange, KeyExchange::DhAnon | KeyExchange::EcdhAnon);
        let whole = match parameters {
            // What cannot be read has no end that could be found.
            Some(Parameters::ExplicitCurve | Parameters::Other) => true,
            Some(_) if signed => (|| {
                if version >= Version::TLS12 {
                    found.signature = Some(SignatureScheme(reader.u16()?));
                }
                reader.vec16()?;
                Some(())
            })()
            .is_some(),
            Some(_) => true,
            None => false,
        };
        if !whole {
            note(deviations, DeviationKind::TlsBadLength, span);
        } else if !reader.is_empty()
            && !matches!(found.parameters, Parameters::ExplicitCurve | Parameters::Other)
        {
            note(deviations, DeviationKind::TlsTrailingBytes, span);
        }
        found
    }

    /// The size of the prime or the modulus, in bits.
    pub fn bits(&self) -> Option<u32> {
        match &self.parameters {
            Parameters::Dh { prime, .. } => Some(bits(prime)),
            Parameters::Rsa { modulus } => Some(bits(modulus)),
            _ => None,
        }
    }

    /// The curve.
    pub fn group(&self) -> Option<Group> {
        match &self.parameters {
            Parameters::Curve { group, .. } => Some(*group),
            _ => None,
        }
    }
}

/// ECCurveType (RFC 8422 §5.4)
const NAMED_CURVE: u8 = 3;

fn read_parameters(reader: &mut Reader<'_>, exchange: KeyExchange) -> Option<Parameters> {
    Some(match exchange {
        KeyExchange::Dhe | KeyExchange::DhAnon => {
            let mut number = || Some(reader.vec16()?.to_vec()).filter(|n| n.len() <= LONGEST_PRIME);
            Parameters::Dh { prime: number()?, generator: number()?, share: number()? }
        }
        KeyExchange::Ecdhe | KeyExchange::EcdhAnon => match reader.u8()? {
            NAMED_CURVE => Parameters::Curve { group: Group(reader.u16()?), point: reader.vec8()?.to_vec() },
            _ => Parameters::ExplicitCurve,
        },
        KeyExchange::RsaExport => {
            let modulus = reader.vec16()?.to_vec();
            reader.vec16()?;
            Parameters::Rsa { modulus }
        }
        KeyExchange::Rsa | KeyExchange::Dh | KeyExchange::Ecdh | KeyExchange::Any | KeyExchange::Other => {
            Parameters::Other
        }
    })
}

/// What a server wants of a client's certificate (RFC 5246 §7.4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRequest {
    /// The signature schemes that it takes.
    pub schemes: Vec<SignatureScheme>,
    /// The authorities that it trusts, as distinguished names in DER.
    pub authorities: Vec<Vec<u8>>,
}

impl CertificateRequest {
    /// Reads the body of the message.
    pub(super) fn read(
        body: &[u8],
        version: Version,
        span: Span,
        deviations: &mut Vec<Deviation>,
    ) -> CertificateRequest {
        let mut request = CertificateRequest::default();
        let mut reader = Reader::new(body);
        let read = (|| {
            reader.vec8()?;
            if version >= Version::TLS12 {
                let (schemes, whole) = super::bytes::numbers(reader.vec16()?);
                request.schemes = schemes.into_iter().map(SignatureScheme).collect();
                whole.then_some(())?;
            }
            let mut names = Reader::new(reader.vec16()?);
            while !names.is_empty() && request.authorities.len() < MOST_AUTHORITIES {
                request.authorities.push(names.vec16()?.to_vec());
            }
            Some(())
        })();
        if read.is_none() {
            note(deviations, DeviationKind::TlsBadLength, span);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_numbers() {
        for (number, expected) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[1], 1),
            (&[0, 0x80, 0], 16),
            (&[0xff; 128], 1024),
            (&[0x7f; 128], 1023),
        ] {
            assert_eq!(bits(number), expected);
        }
    }
}
