#![no_main]

use ehlo_wire::imap::{decode_mutf7, encode_mutf7};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = decode_mutf7(data);
    if let Ok(name) = std::str::from_utf8(data) {
        let wire = encode_mutf7(name);
        assert!(wire.is_ascii());
        assert_eq!(decode_mutf7(wire.as_bytes()).as_deref(), Some(name));
    }
});
