#![no_main]

use ehlo_core::Protocol;
use ehlo_fuzz::{server_says, within};
use ehlo_wire::Reply;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let commands = b"CAPABILITY\r\nAUTHENTICATE \"PLAIN\"\r\nLISTSCRIPTS\r\nGETSCRIPT \"a\"\r\n";
    for reply in server_says(Protocol::Sieve, commands, data) {
        if let Reply::Sieve(response) = reply {
            for (_, _, span) in response.capabilities() {
                within(span, data);
            }
            let _ = response.sasl_data();
        }
    }
});
