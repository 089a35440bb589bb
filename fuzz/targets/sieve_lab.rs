#![no_main]

use ehlo_core::Scheme;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ehlo_fuzz::lab_hears(Scheme::Sieve, data));
