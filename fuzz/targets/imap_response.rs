#![no_main]

use ehlo_core::Protocol;
use ehlo_fuzz::{server_says, within};
use ehlo_wire::Reply;
use ehlo_wire::imap::{self, ResponseKind, Value};

fn look(value: &Value, bytes: &[u8]) {
    within(value.span, bytes);
    let _ = (value.astring(), value.nstring(), value.number());
    let _ = (imap::envelope(value), imap::body_structure(value));
    value.list().into_iter().flatten().for_each(|item| look(item, bytes));
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let commands = b"a1 CAPABILITY\r\na2 FETCH 1 ALL\r\na3 AUTHENTICATE PLAIN\r\n";
    for reply in server_says(Protocol::Imap, commands, data) {
        let Reply::Imap(response) = reply else { continue };
        let _ = imap::capabilities(&response);
        if let ResponseKind::Data(found) = &response.kind {
            found.items.iter().for_each(|item| look(item, data));
            let _ = (imap::list_item(found), imap::status_items(found), imap::namespaces(found));
            for (_, value) in imap::fetch_items(found).value {
                look(value, data);
            }
        }
    }
});
