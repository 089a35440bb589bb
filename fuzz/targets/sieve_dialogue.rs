#![no_main]

use ehlo_core::Protocol;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ehlo_fuzz::both_say(Protocol::Sieve, data));
