#![no_main]

use ehlo_core::Target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(Target::Service(endpoint)) = Target::parse(text) {
        // A URL is shown in reports: nothing in it may do anything to a terminal.
        let url = endpoint.to_string();
        assert!(ehlo_core::is_escaped(&url), "{url:?}");
        if endpoint.path.is_some() {
            return;
        }
        assert_eq!(Target::parse(&url).ok(), Some(Target::Service(endpoint)), "{url}");
    }
    if let Err(error) = ehlo_lab::ActiveFault::parse(text) {
        let _ = error.to_string();
    }
});
