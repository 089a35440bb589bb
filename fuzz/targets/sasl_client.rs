#![no_main]

use ehlo_core::Secret;
use ehlo_wire::sasl::{BindingKind, ChannelBinding, Credentials, Given, MECHANISMS};

// The first byte chooses the mechanism; the rest are the server's challenges, cut by 0xff.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((choice, challenges)) = data.split_first() else { return };
    let mechanism = MECHANISMS[usize::from(*choice) % MECHANISMS.len()];
    let credentials = Credentials {
        user: "benutzername".to_owned(),
        password: Secret::new("passwort".to_owned()),
        authzid: String::new(),
    };
    let given = Given {
        host: "mail.example.org".to_owned(),
        bindings: vec![ChannelBinding { kind: BindingKind::TlsExporter, data: vec![7; 32] }],
        plus_offered: true,
        // A count that is computed in no time.
        iteration_cap: 8,
        ..Given::default()
    };
    let mut client = mechanism.client(&credentials, &given);
    if mechanism.meta().client_first && client.initial().is_err() {
        return;
    }
    for challenge in challenges.split(|byte| *byte == 0xff) {
        if client.respond(challenge).is_err() {
            // Who has given up may still be told that all is well.
            break;
        }
    }
    let _ = client.accepted(Some(challenges));
    let _ = client.complaint();
});
