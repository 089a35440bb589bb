//! What the fuzz targets share.

use ehlo_core::{Limits, Protocol, Side, Span};
use ehlo_wire::{Reply, Tracked, Tracker};

/// Small limits, so that they are reached.
pub fn limits() -> Limits {
    Limits { line: 300, imap_line: 1000, reply_lines: 20, reply_bytes: 2000, ..Limits::default() }
}

/// Feeds what a server says to a tracker that has sent `commands`: once whole and once cut at places that depend on
/// the bytes. What comes out must be the same, lie within the bytes, and go forward. Yields the replies.
pub fn server_says(protocol: Protocol, commands: &[u8], bytes: &[u8]) -> Vec<Reply> {
    let play = |cuts: bool| {
        let mut tracker = Tracker::new(protocol, &limits());
        let mut told = tracker.client_sent(commands);
        told.clear();
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = if cuts { usize::from(rest[0] % 7) + 1 } else { rest.len() };
            let (portion, after) = rest.split_at(size.min(rest.len()));
            told.extend(tracker.server_sent(portion));
            rest = after;
        }
        told.extend(tracker.server_ended());
        told
    };
    let whole = play(false);
    // Where a flood is noticed depends on how it comes.
    let flood = |told: &[Tracked]| told.iter().any(|t| matches!(t, Tracked::TooLarge { .. }));
    let cut = play(true);
    if !flood(&whole) && !flood(&cut) {
        assert_eq!(whole, cut);
    }
    let mut replies = Vec::new();
    let mut after = 0;
    for item in whole {
        match item {
            Tracked::Unit { span, .. } => {
                assert!(span.side == Side::Server && span.from >= after, "{span:?} after {after}");
                within(span, bytes);
                after = span.to;
            }
            Tracked::Reply { reply, .. } => {
                within(reply.value.span(), bytes);
                for deviation in &reply.deviations {
                    within(deviation.span, bytes);
                }
                let _ = (reply.value.answered(), reply.value.shown(), reply.value.challenge());
                replies.push(reply.value);
            }
            Tracked::TooLarge { at, .. } => within(at, bytes),
            Tracked::Secret(span) => panic!("a secret of the server? {span:?}"),
        }
    }
    replies
}

/// That a span is one of `bytes`.
pub fn within(span: Span, bytes: &[u8]) {
    assert!(span.from <= span.to && span.to <= bytes.len() as u64, "{span:?} of {}", bytes.len());
}

/// Feeds a dialogue to a tracker: the bytes are cut into turns at 0xff. Spans must lie within what was said.
pub fn both_say(protocol: Protocol, data: &[u8]) {
    let mut tracker = Tracker::new(protocol, &limits());
    let mut said = [0_u64, 0];
    for (number, turn) in data.split(|&b| b == 0xff).enumerate() {
        // The server begins.
        let server = number % 2 == 0;
        said[usize::from(server)] += turn.len() as u64;
        let told = if server { tracker.server_sent(turn) } else { tracker.client_sent(turn) };
        for item in told {
            match item {
                Tracked::Unit { span, .. } | Tracked::Secret(span) => {
                    assert!(span.from <= span.to && span.to <= said[usize::from(span.side == Side::Server)]);
                    assert!(!matches!(item, Tracked::Secret(_)) || span.side == Side::Client);
                }
                Tracked::Reply { .. } | Tracked::TooLarge { .. } => {}
            }
        }
        let _ = tracker.pending();
    }
    tracker.server_ended();
}

/// Speaks to a service of the lab, in portions, without TLS.
pub fn lab_hears(scheme: ehlo_core::Scheme, data: &[u8]) {
    use ehlo_core::{Family, Tick};
    use ehlo_lab::{ActiveFault, Connection, Lab, LabConfig, Service, Step};
    use std::cell::RefCell;
    use std::sync::Arc;
    thread_local! {
        static LAB: RefCell<(u32, Option<Arc<Lab>>)> = const { RefCell::new((0, None)) };
    }
    // Made anew now and then, because mail that is delivered stays.
    let lab = LAB.with_borrow_mut(|(uses, lab)| {
        *uses += 1;
        if *uses % 200 == 0 {
            *lab = None;
        }
        Arc::clone(lab.get_or_insert_with(|| {
            let faults =
                ["submission-open", "auth-clear-accepted", "auth-clear-offered", "logindisabled-ignored"];
            let faults = faults.iter().map(|f| ActiveFault::parse(f).expect("a fault of the lab")).collect();
            Lab::new(LabConfig { faults, ..LabConfig::new(1, 1_800_000_000) }).expect("a lab")
        }))
    });
    let mut connection = Connection::new(&lab, Service { scheme, family: Family::V4 }, "192.0.2.1", Tick(0));
    let mut now = 1;
    let mut said = 0;
    let mut settle = |connection: &mut Connection| {
        for _ in 0..10_000 {
            match connection.poll(Tick(now)) {
                Step::Transmit(bytes) => said += bytes.len(),
                Step::WaitUntil(until) if until.0 < 100_000_000 => {
                    now = until.0.max(now + 1);
                    connection.wake(Tick(now));
                }
                Step::WaitUntil(_) | Step::Idle => return true,
                Step::Close | Step::Reset => return false,
            }
            // What a client makes the lab say must have a bound: here a thousand times what it was told.
            assert!(said <= 1_000_000 + 1000 * data.len(), "{said} bytes for {}", data.len());
        }
        panic!("it never comes to rest");
    };
    if !settle(&mut connection) {
        return;
    }
    for portion in data.chunks(97) {
        connection.handle(portion, Tick(1));
        if !settle(&mut connection) {
            return;
        }
    }
    connection.handle_end();
    settle(&mut connection);
}
