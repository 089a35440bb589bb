use super::{hex, same};
use ehlo_core::Secret;
use md5::{Digest, Md5};

/// The digest of APOP: MD5 over the timestamp of the greeting, brackets included, and the password (RFC 1939 §7).
pub fn apop_digest(stamp: &[u8], password: &Secret<String>) -> String {
    let mut md5 = Md5::new();
    md5.update(stamp);
    md5.update(password.expose().as_bytes());
    hex(&md5.finalize())
}

/// Whether `digest` is the right one.
pub fn apop_verify(stamp: &[u8], password: &Secret<String>, digest: &[u8]) -> bool {
    same(apop_digest(stamp, password).as_bytes(), &digest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // howto.md, step 14, and RFC 1939 §7
        assert_eq!(
            apop_digest(b"<19622.1205709759@mp050>", &"gEhEiM!".into()),
            "20376e3ca8d030b31e1fda962a4dfcfb"
        );
        assert_eq!(
            apop_digest(b"<1896.697170952@dbc.mtview.ca.us>", &"tanstaaf".into()),
            "c4c9334bac560ecc979e58001b3e22fb"
        );
        assert!(apop_verify(
            b"<1896.697170952@dbc.mtview.ca.us>",
            &"tanstaaf".into(),
            b"C4C9334BAC560ECC979E58001B3E22FB"
        ));
        assert!(!apop_verify(b"<1896.697170952@dbc.mtview.ca.us>", &"tanstaaf".into(), b"c4c9"));
    }
}
