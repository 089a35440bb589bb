//! Functions of expressions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::Secret;
use ehlo_wire::sasl::{Credentials, Given, apop_digest, mechanism};

/// What it does; the id of what is wrong.
type Call = fn(&mut Context<'_>, &[Vec<u8>]) -> Result<Vec<u8>, &'static str>;

/// A function.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// Fewest arguments.
    pub least: usize,
    /// Most arguments.
    pub most: usize,
    pub(crate) call: Call,
}

/// What functions may look at.
pub(crate) struct Context<'a> {
    /// Yields numbers that nobody can guess.
    pub(crate) random: &'a mut dyn FnMut() -> u64,
    /// The time, in seconds since 1970.
    pub(crate) now: i64,
    /// The last challenge on this connection, decoded.
    pub(crate) challenge: Option<Vec<u8>>,
    /// The timestamp of the POP3 greeting.
    pub(crate) stamp: Option<Vec<u8>>,
    /// The messages that went away in this exchange, in order.
    pub(crate) expunged: &'a [u64],
}

/// All functions.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "nonce",
        usage: "nonce()",
        least: 0,
        most: 0,
        call: |cx, _| Ok(format!("{:010x}", (cx.random)() & 0xff_ffff_ffff).into_bytes()),
    },
    Function {
        name: "uuid",
        usage: "uuid()",
        least: 0,
        most: 0,
        call: |cx, _| {
            // RFC 9562 §5.4: random, with version and variant.
            let (a, b) = ((cx.random)(), (cx.random)());
            let (a, b) = ((a & !0xf000) | 0x4000, (b & !(0xc000 << 48)) | (0x8000 << 48));
            Ok(format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xffff,
                b >> 48,
                b & 0xffff_ffff_ffff
            )
            .into_bytes())
        },
    },
    Function {
        name: "now",
        usage: "now()",
        least: 0,
        most: 0,
        call: |cx, _| {
            time::OffsetDateTime::from_unix_timestamp(cx.now)
                .ok()
                .and_then(|t| t.format(&time::format_description::well_known::Rfc2822).ok())
                .map(String::into_bytes)
                .ok_or("no-time")
        },
    },
    Function {
        name: "b64",
        usage: "b64(text)",
        least: 1,
        most: 1,
        call: |_, a| Ok(STANDARD.encode(&a[0]).into_bytes()),
    },
    Function {
        name: "sasl_plain",
        usage: "sasl_plain(user, password [, authzid])",
        least: 2,
        most: 3,
        call: |_, a| {
            let authzid = a.get(2).map_or(&[][..], Vec::as_slice);
            Ok(STANDARD.encode([authzid, b"\0", &a[0], b"\0", &a[1]].concat()).into_bytes())
        },
    },
    Function {
        name: "cram_md5",
        usage: "cram_md5(user, password)",
        least: 2,
        most: 2,
        call: |cx, a| {
            let challenge = cx.challenge.clone().ok_or("no-challenge")?;
            let credentials = Credentials {
                user: String::from_utf8_lossy(&a[0]).into_owned(),
                password: Secret::new(String::from_utf8_lossy(&a[1]).into_owned()),
                authzid: String::new(),
            };
            let mut side = mechanism("CRAM-MD5").ok_or("later")?.client(&credentials, &Given::default());
            let response = side.respond(&challenge).map_err(|_| "no-challenge")?;
            Ok(STANDARD.encode(response.expose()).into_bytes())
        },
    },
    Function {
        name: "apop",
        usage: "apop(password)",
        least: 1,
        most: 1,
        call: |cx, a| {
            let stamp = cx.stamp.clone().ok_or("no-stamp")?;
            let password = Secret::new(String::from_utf8_lossy(&a[0]).into_owned());
            Ok(apop_digest(&stamp, &password).into_bytes())
        },
    },
    Function { name: "scram", usage: "scram(user, password)", least: 2, most: 2, call: |_, _| Err("later") },
    Function {
        name: "hex",
        usage: "hex(text)",
        least: 1,
        most: 1,
        call: |_, a| Ok(a[0].iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes()),
    },
    Function {
        name: "size",
        usage: "size(text)",
        least: 1,
        most: 1,
        call: |_, a| Ok(a[0].len().to_string().into_bytes()),
    },
    Function {
        name: "seq",
        usage: "seq(n)",
        least: 1,
        most: 1,
        call: |cx, a| {
            let n: u64 = std::str::from_utf8(&a[0]).ok().and_then(|t| t.parse().ok()).ok_or("no-number")?;
            let mut now = n;
            for gone in cx.expunged {
                match (*gone).cmp(&now) {
                    std::cmp::Ordering::Less => now -= 1,
                    std::cmp::Ordering::Equal => return Err("gone"),
                    std::cmp::Ordering::Greater => {}
                }
            }
            Ok(now.to_string().into_bytes())
        },
    },
    Function {
        name: "quote",
        usage: "quote(text)",
        least: 1,
        most: 1,
        call: |_, a| ehlo_wire::imap::quote(&a[0]).ok_or("not-quotable"),
    },
    Function {
        name: "mutf7",
        usage: "mutf7(text)",
        least: 1,
        most: 1,
        call: |_, a| Ok(ehlo_wire::imap::encode_mutf7(&String::from_utf8_lossy(&a[0])).into_bytes()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, args: &[&str], expunged: &[u64]) -> Result<String, &'static str> {
        let mut n = 0x0123_4567_89ab_cdefu64;
        let mut random = move || {
            n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
            n
        };
        let mut cx = Context {
            random: &mut random,
            now: 1_205_709_759,
            challenge: Some(b"<1896.697170952@postoffice.reston.mci.net>".to_vec()),
            stamp: Some(b"<19622.1205709759@mp050>".to_vec()),
            expunged,
        };
        let function = FUNCTIONS.iter().find(|f| f.name == name).unwrap();
        let args: Vec<Vec<u8>> = args.iter().map(|a| a.as_bytes().to_vec()).collect();
        (function.call)(&mut cx, &args).map(|b| String::from_utf8(b).unwrap())
    }

    #[test]
    fn vectors() {
        assert_eq!(call("apop", &["gEhEiM!"], &[]).unwrap(), "20376e3ca8d030b31e1fda962a4dfcfb");
        assert_eq!(
            call("sasl_plain", &["benutzername", "passwort"], &[]).unwrap(),
            "AGJlbnV0emVybmFtZQBwYXNzd29ydA=="
        );
        // RFC 2195 §2
        assert_eq!(
            call("cram_md5", &["tim", "tanstaaftanstaaf"], &[]).unwrap(),
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
        );
        assert_eq!(call("quote", &["a\"b"], &[]).unwrap(), "\"a\\\"b\"");
        assert_eq!(call("now", &[], &[]).unwrap(), "Sun, 16 Mar 2008 23:22:39 +0000");
        assert_eq!(call("scram", &["a", "b"], &[]), Err("later"));
        let uuid = call("uuid", &[], &[]).unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn sequence_numbers_move_down() {
        assert_eq!(call("seq", &["5"], &[2, 2]), Ok("3".into()));
        assert_eq!(call("seq", &["1"], &[2]), Ok("1".into()));
        assert_eq!(call("seq", &["3"], &[1, 2]), Err("gone"));
    }
}
