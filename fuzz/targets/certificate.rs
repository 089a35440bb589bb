#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let facts = ehlo_dialogue::describe_certificate(data);
    for text in [&facts.subject, &facts.issuer, &facts.serial, &facts.key, &facts.signature]
        .into_iter()
        .chain(&facts.names)
    {
        assert!(ehlo_core::is_escaped(text), "{text:?}");
    }
});
