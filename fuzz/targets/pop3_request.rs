#![no_main]

use ehlo_wire::pop3;
use ehlo_wire::server::{Pop3Input, Pop3Server, encode_lines};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut server = Pop3Server::new();
    for portion in data.chunks(7) {
        server.push(portion);
        while let Some(input) = server.next() {
            match input {
                Pop3Input::Request(pop3::Request::Auth { .. }) => server.expect_response(),
                Pop3Input::TooLong => return,
                _ => {}
            }
        }
    }
    // No line of what is sent can be taken for the end.
    let encoded = encode_lines(data);
    assert!(encoded.ends_with(b".\r\n"));
    let body = &encoded[..encoded.len() - 3];
    assert!(body.split_inclusive(|&b| b == b'\n').all(|line| line != b".\r\n" && line != b".\n"));
});
