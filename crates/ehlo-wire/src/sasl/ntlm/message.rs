/// What every message begins with.
pub(in super::super) const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// How long a response of version 1 is; one of version 2 is longer.
pub(in super::super) const V1_RESPONSE: usize = 24;

/// Texts are in UTF-16.
pub(in super::super) const UNICODE: u32 = 0x1;
pub(super) const OEM: u32 = 0x2;
pub(super) const REQUEST_TARGET: u32 = 0x4;
pub(super) const NTLM: u32 = 0x200;
pub(super) const ALWAYS_SIGN: u32 = 0x8000;
pub(super) const TARGET_TYPE_SERVER: u32 = 0x2_0000;
pub(super) const EXTENDED_SESSION_SECURITY: u32 = 0x8_0000;
pub(super) const TARGET_INFO: u32 = 0x80_0000;

/// The flags (MS-NLMP §2.2.2.5), without their common beginning `NTLMSSP_`.
pub(in super::super) const FLAGS: &[(u32, &str)] = &[
    (UNICODE, "NEGOTIATE_UNICODE"),
    (OEM, "NEGOTIATE_OEM"),
    (REQUEST_TARGET, "REQUEST_TARGET"),
    (0x10, "NEGOTIATE_SIGN"),
    (0x20, "NEGOTIATE_SEAL"),
    (0x40, "NEGOTIATE_DATAGRAM"),
    (0x80, "NEGOTIATE_LM_KEY"),
    (NTLM, "NEGOTIATE_NTLM"),
    (0x800, "ANONYMOUS"),
    (0x1000, "NEGOTIATE_OEM_DOMAIN_SUPPLIED"),
    (0x2000, "NEGOTIATE_OEM_WORKSTATION_SUPPLIED"),
    (ALWAYS_SIGN, "NEGOTIATE_ALWAYS_SIGN"),
    (0x1_0000, "TARGET_TYPE_DOMAIN"),
    (TARGET_TYPE_SERVER, "TARGET_TYPE_SERVER"),
    (EXTENDED_SESSION_SECURITY, "NEGOTIATE_EXTENDED_SESSIONSECURITY"),
    (0x10_0000, "NEGOTIATE_IDENTIFY"),
    (0x40_0000, "REQUEST_NON_NT_SESSION_KEY"),
    (TARGET_INFO, "NEGOTIATE_TARGET_INFO"),
    (0x200_0000, "NEGOTIATE_VERSION"),
    (0x2000_0000, "NEGOTIATE_128"),
    (0x4000_0000, "NEGOTIATE_KEY_EXCH"),
    (0x8000_0000, "NEGOTIATE_56"),
];

/// The attribute that says which protections the client adds; bit 2 stands for the MIC (MS-NLMP §2.2.2.1).
pub(super) const AV_FLAGS: u16 = 6;
/// The attribute with the server's time.
pub(super) const AV_TIMESTAMP: u16 = 7;
/// The bit of [`AV_FLAGS`] that announces a MIC.
pub(super) const AV_MIC: u32 = 2;

/// A part that a header points to; none if it lies outside the message.
type Part<'a> = Option<&'a [u8]>;

/// NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1).
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Negotiate<'a> {
    pub(in super::super) flags: u32,
    pub(in super::super) domain: Part<'a>,
    pub(in super::super) workstation: Part<'a>,
}

impl<'a> Negotiate<'a> {
    pub(in super::super) fn parse(bytes: &'a [u8]) -> Option<Negotiate<'a>> {
        kind(bytes, 1)?;
        let flags = number(bytes, 12)?;
        // Old clients end here.
        let part = |at| if bytes.len() < at + 8 { Some(&[][..]) } else { part(bytes, at) };
        Some(Negotiate { flags, domain: part(16), workstation: part(24) })
    }

    pub(super) fn write(flags: u32) -> Vec<u8> {
        let mut out = begin(1);
        out.extend_from_slice(&flags.to_le_bytes());
        // Neither domain nor workstation: both point behind the header.
        for _ in 0..2 {
            out.extend_from_slice(&[0, 0, 0, 0, 32, 0, 0, 0]);
        }
        out
    }
}

/// CHALLENGE_MESSAGE (MS-NLMP §2.2.1.2).
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Challenge<'a> {
    pub(in super::super) target: Part<'a>,
    pub(in super::super) flags: u32,
    pub(in super::super) challenge: [u8; 8],
    /// What is said of the target; the outer none if the message has no such field.
    pub(in super::super) info: Option<Part<'a>>,
}

impl<'a> Challenge<'a> {
    pub(in super::super) fn parse(bytes: &'a [u8]) -> Option<Challenge<'a>> {
        kind(bytes, 2)?;
        let challenge = bytes.get(24..32)?.try_into().ok()?;
        let flags = number(bytes, 20)?;
        let info = (bytes.len() >= 48 && flags & TARGET_INFO != 0).then(|| part(bytes, 40));
        Some(Challenge { target: part(bytes, 12), flags, challenge, info })
    }

    pub(super) fn write(target: &[u8], flags: u32, challenge: &[u8; 8], info: &[u8]) -> Vec<u8> {
        const HEADER: usize = 48;
        let mut out = begin(2);
        pointer(&mut out, target.len(), HEADER);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(challenge);
        out.extend_from_slice(&[0; 8]);
        pointer(&mut out, info.len(), HEADER + target.len());
        out.extend_from_slice(target);
        out.extend_from_slice(info);
        out
    }
}

/// AUTHENTICATE_MESSAGE (MS-NLMP §2.2.1.3).
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Authenticate<'a> {
    pub(in super::super) lm: Part<'a>,
    pub(in super::super) nt: Part<'a>,
    pub(in super::super) domain: Part<'a>,
    pub(in super::super) user: Part<'a>,
    pub(in super::super) workstation: Part<'a>,
    pub(in super::super) key: Part<'a>,
    pub(in super::super) flags: u32,
    /// The code over all three messages, if there is room for one.
    pub(in super::super) mic: Option<&'a [u8]>,
}

/// Where the MIC stands.
pub(super) const MIC: std::ops::Range<usize> = 72..88;

impl<'a> Authenticate<'a> {
    pub(in super::super) fn parse(bytes: &'a [u8]) -> Option<Authenticate<'a>> {
        kind(bytes, 3)?;
        let flags = number(bytes, 60)?;
        // Nothing says how long the header is: it ends where the first part begins.
        let first = [12, 20, 28, 36, 44, 52]
            .into_iter()
            .filter(|&at| bytes.get(at..at + 2).is_some_and(|length| length != [0, 0]))
            .filter_map(|at| number(bytes, at + 4))
            .min()
            .unwrap_or(0);
        let mic = bytes.get(MIC).filter(|_| usize::try_from(first).is_ok_and(|first| first >= MIC.end));
        Some(Authenticate {
            lm: part(bytes, 12),
            nt: part(bytes, 20),
            domain: part(bytes, 28),
            user: part(bytes, 36),
            workstation: part(bytes, 44),
            key: part(bytes, 52),
            flags,
            mic,
        })
    }

    /// The message; the place of the MIC is left empty.
    pub(super) fn write(flags: u32, lm: &[u8], nt: &[u8], domain: &[u8], user: &[u8]) -> Vec<u8> {
        let mut out = begin(3);
        let parts = [lm, nt, domain, user, b"", b""];
        let mut at = MIC.end;
        for part in parts {
            pointer(&mut out, part.len(), at);
            at += part.len();
        }
        out.extend_from_slice(&flags.to_le_bytes());
        // The version, which is not told, and the MIC.
        out.resize(MIC.end, 0);
        for part in parts {
            out.extend_from_slice(part);
        }
        out
    }
}

/// A response of version 2 (MS-NLMP §2.2.2.8).
pub(in super::super) struct V2<'a> {
    pub(in super::super) proof: &'a [u8],
    /// All that the proof is made over, besides the server's challenge.
    pub(in super::super) signed: &'a [u8],
    pub(in super::super) time: &'a [u8],
    pub(in super::super) client_challenge: &'a [u8],
    pub(in super::super) info: &'a [u8],
}

/// A response taken apart, if it is one of version 2.
pub(in super::super) fn split_v2(response: &[u8]) -> Option<V2<'_>> {
    let (proof, signed) = response.split_at_checked(16)?;
    let [1, 1, ..] = signed else { return None };
    Some(V2 {
        proof,
        signed,
        time: signed.get(8..16)?,
        client_challenge: signed.get(16..24)?,
        info: signed.get(28..)?,
    })
}

/// The attributes of a target, and whether their end is marked.
pub(in super::super) fn pairs(mut info: &[u8]) -> (Vec<(u16, &[u8])>, bool) {
    let mut out = Vec::new();
    // There are a dozen kinds; whoever sends more means no good.
    while out.len() < 64 {
        let Some((&[a, b, c, d], rest)) = info.split_first_chunk() else { return (out, false) };
        let (id, length) = (u16::from_le_bytes([a, b]), usize::from(u16::from_le_bytes([c, d])));
        if id == 0 {
            return (out, true);
        }
        let Some((value, rest)) = rest.split_at_checked(length) else { return (out, false) };
        out.push((id, value));
        info = rest;
    }
    (out, false)
}

/// Appends an attribute; one that is too long for its header is left out.
pub(super) fn attribute(out: &mut Vec<u8>, id: u16, value: &[u8]) {
    if let Ok(length) = u16::try_from(value.len()) {
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(value);
    }
}

/// Text in UTF-16, little end first.
pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn begin(kind: u32) -> Vec<u8> {
    [SIGNATURE, &kind.to_le_bytes()].concat()
}

fn kind(bytes: &[u8], wanted: u32) -> Option<()> {
    (bytes.starts_with(SIGNATURE) && number(bytes, 8)? == wanted).then_some(())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The part that the header at `at` points to.
fn part(bytes: &[u8], at: usize) -> Part<'_> {
    let length = usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    if length == 0 {
        return Some(&[]);
    }
    let from = usize::try_from(number(bytes, at + 4)?).ok()?;
    bytes.get(from..from.checked_add(length)?)
}

/// Appends the header of a part. Lengths have two bytes; callers keep their parts below that.
fn pointer(out: &mut Vec<u8>, length: usize, at: usize) {
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&length);
    out.extend_from_slice(&u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
}
