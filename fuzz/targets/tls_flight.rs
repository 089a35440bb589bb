#![no_main]

use ehlo_fuzz::within;
use ehlo_wire::tls::{Extensions as _, Flight, FlightReader, Progress};

/// A flight whole, and in portions that depend on the bytes.
fn read(data: &[u8], cuts: bool) -> (Progress, Flight) {
    let mut reader = FlightReader::new(0);
    let mut progress = Progress::More;
    let mut rest = data;
    while !rest.is_empty() && progress == Progress::More {
        let size = if cuts { usize::from(rest[0] % 7) + 1 } else { rest.len() };
        let (portion, after) = rest.split_at(size.min(rest.len()));
        progress = reader.feed(portion);
        rest = after;
    }
    (progress, reader.finish())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (progress, flight) = read(data, false);
    assert_eq!((progress, &flight), (read(data, true).0, &read(data, true).1));
    for deviation in &flight.deviations {
        within(deviation.span, data);
    }
    assert!(flight.certificates.len() <= 10);
    if let Some(hello) = &flight.hello {
        let _ = (hello.chosen(), hello.is_retry(), hello.key_share(), hello.could_do_better(), hello.groups());
    }
    if let Some(exchange) = &flight.key_exchange {
        let _ = (exchange.bits(), exchange.group());
    }
});
