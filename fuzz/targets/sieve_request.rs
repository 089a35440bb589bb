#![no_main]

use ehlo_wire::server::{SieveInput, SieveServer, encode_string};
use ehlo_wire::sieve::{Request, string};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut server = SieveServer::new(100);
    for portion in data.chunks(7) {
        server.push(portion);
        while let Some(input) = server.next() {
            match input {
                SieveInput::Request(request) => {
                    if let Request::Authenticate { initial: None, .. } = request.value {
                        server.expect_response();
                    }
                }
                SieveInput::TooLong => return,
                SieveInput::Response(_) | SieveInput::Oversize(_) => {}
            }
        }
    }
    // What a client sends as a string is one for a server, whatever is in it.
    let mut server = SieveServer::new(data.len());
    server.push(&[b"CHECKSCRIPT ", &string(data)[..], b"\r\n"].concat());
    let Some(SieveInput::Request(request)) = server.next() else { panic!("no request") };
    assert_eq!(request.value, Request::CheckScript(data.to_vec()));
    assert!(request.deviations.is_empty() && !encode_string(data).is_empty());
});
