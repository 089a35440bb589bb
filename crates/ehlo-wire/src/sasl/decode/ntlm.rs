use super::super::ntlm::{Authenticate, Challenge, FLAGS, Negotiate, UNICODE, V1_RESPONSE, pairs, split_v2};
use super::Kind;
use super::fields::{FlawKind, Reader};
use ehlo_core::escape;

pub(super) fn ntlm(reader: &mut Reader<'_>, kind: Kind) {
    let bytes = reader.bytes;
    let read = match kind {
        Kind::NtlmNegotiate => negotiate(reader, bytes),
        Kind::NtlmChallenge => challenge(reader, bytes),
        _ => authenticate(reader, bytes),
    };
    if read.is_none() {
        reader.flaw(FlawKind::Unfinished, bytes);
    }
}

fn negotiate(reader: &mut Reader<'_>, bytes: &[u8]) -> Option<()> {
    let message = Negotiate::parse(bytes)?;
    flags(reader, message.flags, bytes.get(12..16)?);
    // These two are never in UTF-16 (MS-NLMP §2.2.1.1).
    for (name, part) in [("DomainName", message.domain), ("Workstation", message.workstation)] {
        told(reader, name, part, false);
    }
    Some(())
}

fn challenge(reader: &mut Reader<'_>, bytes: &[u8]) -> Option<()> {
    let message = Challenge::parse(bytes)?;
    let unicode = message.flags & UNICODE != 0;
    told(reader, "TargetName", message.target, unicode);
    flags(reader, message.flags, bytes.get(20..24)?);
    reader.hex("ServerChallenge", bytes.get(24..32)?, false);
    match message.info {
        Some(Some(info)) => target_info(reader, info),
        Some(None) => reader.flaw(FlawKind::Outside, bytes),
        None => {}
    }
    Some(())
}

fn authenticate(reader: &mut Reader<'_>, bytes: &[u8]) -> Option<()> {
    let message = Authenticate::parse(bytes)?;
    let unicode = message.flags & UNICODE != 0;
    told(reader, "DomainName", message.domain, unicode);
    told(reader, "UserName", message.user, unicode);
    told(reader, "Workstation", message.workstation, unicode);
    flags(reader, message.flags, bytes.get(60..64)?);
    match message.nt {
        None => reader.flaw(FlawKind::Outside, bytes),
        Some(nt) if nt.len() == V1_RESPONSE => {
            reader.add("version", "NTLMv1".into(), false, nt);
            reader.hex("NtChallengeResponse", nt, true);
        }
        Some(nt) => {
            reader.hex("NtChallengeResponse", &nt[..nt.len().min(16)], true);
            if let Some(v2) = split_v2(nt) {
                reader.add("version", "NTLMv2".into(), false, &nt[16..17]);
                reader.hex("TimeStamp", v2.time, false);
                reader.hex("ChallengeFromClient", v2.client_challenge, false);
                target_info(reader, v2.info);
            } else if !nt.is_empty() {
                reader.flaw(FlawKind::Unreadable, nt);
            }
        }
    }
    match message.lm {
        None => reader.flaw(FlawKind::Outside, bytes),
        Some(lm) => reader.hex("LmChallengeResponse", lm, true),
    }
    match message.key {
        None => reader.flaw(FlawKind::Outside, bytes),
        Some([]) => {}
        Some(key) => reader.hex("EncryptedRandomSessionKey", key, true),
    }
    if let Some(mic) = message.mic {
        reader.hex("MIC", mic, true);
    }
    Some(())
}

fn flags(reader: &mut Reader<'_>, flags: u32, part: &[u8]) {
    let names: Vec<&str> = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|&(_, name)| name).collect();
    reader.add("NegotiateFlags", format!("{flags:#010x} {}", names.join(" ")).trim().to_owned(), false, part);
}

/// A text, in UTF-16 or in whatever the sender's code page is.
fn told(reader: &mut Reader<'_>, name: &str, part: Option<&[u8]>, unicode: bool) {
    match part {
        None => reader.flaw(FlawKind::Outside, reader.bytes),
        Some([]) => {}
        Some(part) if unicode => reader.add(name, wide(part), false, part),
        Some(part) => reader.add(name, escape(&part[..part.len().min(1024)]), false, part),
    }
}

/// Text in UTF-16, little end first.
fn wide(part: &[u8]) -> String {
    let units: Vec<u16> =
        part.chunks_exact(2).take(1024).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    escape(String::from_utf16_lossy(&units).as_bytes())
}

/// The attributes of the target (MS-NLMP §2.2.2.1).
fn target_info(reader: &mut Reader<'_>, info: &[u8]) {
    let (list, ended) = pairs(info);
    for (id, value) in list {
        let (name, text) = match id {
            1 => ("MsvAvNbComputerName", true),
            2 => ("MsvAvNbDomainName", true),
            3 => ("MsvAvDnsComputerName", true),
            4 => ("MsvAvDnsDomainName", true),
            5 => ("MsvAvDnsTreeName", true),
            6 => ("MsvAvFlags", false),
            7 => ("MsvAvTimestamp", false),
            8 => ("MsvAvSingleHost", false),
            9 => ("MsvAvTargetName", true),
            10 => ("MsvAvChannelBindings", false),
            _ => ("MsvAv", false),
        };
        if text {
            reader.add(name, wide(value), false, value);
        } else {
            reader.hex(name, value, false);
        }
    }
    if !ended {
        reader.flaw(FlawKind::Unfinished, info);
    }
}
