#![no_main]

use ehlo_wire::server::{SmtpInput, SmtpServer};
use ehlo_wire::smtp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut server = SmtpServer::new(500);
    for portion in data.chunks(7) {
        server.push(portion);
        while let Some(input) = server.next() {
            match input {
                SmtpInput::Request(smtp::Request::Data) => server.expect_data(),
                SmtpInput::Request(smtp::Request::Auth { .. }) => server.expect_response(),
                SmtpInput::Message(message) => {
                    assert!(message.len() <= 500);
                    // What is stuffed for sending comes back as it was.
                    let mut again = SmtpServer::new(2000);
                    again.expect_data();
                    again.push(&smtp::dot_stuff(&message));
                    again.push(b".\r\n");
                    if message.ends_with(b"\r\n") {
                        assert_eq!(again.next(), Some(SmtpInput::Message(message)));
                    }
                }
                SmtpInput::TooLong => return,
                _ => {}
            }
        }
    }
    if let Some((path, rest)) = smtp::parse_path(data) {
        assert!(rest.len() < data.len());
        let _ = (path.is_null(), path.address());
    }
});
