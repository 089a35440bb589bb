#![no_main]

use ehlo_wire::tls::{ClientHelloReader, Extensions as _, Opening};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let whole = ClientHelloReader::new().feed(data);
    let mut reader = ClientHelloReader::new();
    let mut cut = Opening::Incomplete;
    for byte in data {
        cut = reader.feed(&[*byte]);
        if cut != Opening::Incomplete {
            break;
        }
    }
    assert_eq!(whole, cut);
    if let Opening::Hello(hello, deviations) = whole {
        let _ = (hello.highest(), hello.server_name(), hello.alpn(), hello.groups(), hello.signature_schemes());
        // What breaks no rule is written as it was read.
        if deviations.is_empty() {
            let again = ClientHelloReader::new().feed(&hello.encode());
            assert_eq!(again, Opening::Hello(hello, Vec::new()));
        }
    }
});
