use super::View;
use crate::layout::{block, pad, shorten, width};
use crate::sentence;
use ehlo_core::facts::{CapabilityFacts, ConnectionFacts, ServiceFacts};

/// On fewer columns an explanation stands below its word, not beside it.
const NARROW: usize = 60;

impl View<'_> {
    /// Everything that was seen of one service.
    pub(super) fn details(&self, service: &ServiceFacts) -> String {
        let (texts, paint, columns) = (self.options.texts, self.options.paint, self.options.columns);
        if service.is_absent() {
            return String::new();
        }
        let level = self.report.level(&service.url);
        let mut out =
            format!("{}  {}\n", paint.strong(&service.url), self.level_paint(level, &self.level_word(level)));
        for address in &service.addresses {
            let text = match &address.failure {
                None => texts.say(
                    "address-good",
                    &[("address", &address.address), ("ms", &milliseconds(address.connect_us.unwrap_or(0)))],
                ),
                Some(failure) => texts.say(
                    "address-bad",
                    &[("address", &address.address), ("cause", &sentence::cause(texts, &failure.cause))],
                ),
            };
            out.push_str(&block("", &text, 2, columns));
        }
        if let Some(main) = service.main() {
            out.push_str(&self.dialogue_details(main, service));
        }
        if let Some(most) = service.most_connections {
            let probe = service.tls_probe.as_ref();
            let places: [(&str, &dyn std::fmt::Display); 4] = [
                ("made", &service.made_connections()),
                ("most", &most),
                ("handshakes", &probe.map_or(0, |p| p.handshakes)),
                ("budget", &probe.map_or(0, |p| p.budget)),
            ];
            let key = if probe.is_some() { "connections" } else { "connections-alone" };
            out.push_str(&block("", &texts.say(key, &places), 2, columns));
        }
        let mut findings: Vec<_> = self.report.findings_of(&service.url).collect();
        findings.sort_by_key(|f| (f.outcome.is_conclusive(), f.outcome.id() == "pass"));
        out.push_str(&format!("  {}\n", paint.dim(&texts.ui("checks"))));
        for finding in findings {
            let sentences = sentence::sentences(texts, finding);
            let sign = self.sign(&finding.outcome);
            let text = format!("{}: {}", finding.check, sentences.message);
            let body = block("", &text, 6, columns);
            out.push_str(&format!("    {sign} {}", body.trim_start()));
        }
        out
    }

    fn dialogue_details(&self, main: &ConnectionFacts, service: &ServiceFacts) -> String {
        let (texts, columns) = (self.options.texts, self.options.columns);
        let mut out = String::new();
        if let Some(greeting) = &main.greeting {
            let ms = milliseconds(greeting.last_byte_us);
            out.push_str(&block(
                "",
                &texts.say("greeting", &[("text", &greeting.text), ("ms", &ms)]),
                2,
                columns,
            ));
        }
        if let Some(tls) = &main.tls {
            let group = tls.group.clone().unwrap_or_default();
            let places: [(&str, &dyn std::fmt::Display); 4] = [
                ("version", &tls.version),
                ("suite", &tls.suite),
                ("group", &group),
                ("ms", &milliseconds(tls.took_us)),
            ];
            out.push_str(&block("", &texts.say("tls", &places), 2, columns));
            for (number, certificate) in tls.chain.iter().enumerate() {
                let places: [(&str, &dyn std::fmt::Display); 6] = [
                    ("number", &number),
                    ("subject", &certificate.subject),
                    ("issuer", &certificate.issuer),
                    ("from", &super::certificates::date(certificate.not_before)),
                    ("until", &super::certificates::date(certificate.not_after)),
                    ("sha256", &certificate.sha256),
                ];
                out.push_str(&block("", &texts.say("certificate", &places), 4, columns));
            }
            if let Some(error) = &tls.path.error_now {
                out.push_str(&block("", &texts.say("no-path", &[("error", error)]), 4, columns));
            }
        }
        let mut before: Option<&CapabilityFacts> = None;
        for list in &main.capabilities {
            // A list that came unasked says nothing new when the same moment was asked about.
            if list.unasked && main.capabilities.iter().any(|c| c.moment == list.moment && !c.unasked) {
                continue;
            }
            out.push_str(&self.capabilities(list, before, service));
            before = Some(list);
        }
        // What is said before and after TLS is told once.
        let first = |at: usize| main.identity[..at].iter().all(|s| s.text != main.identity[at].text);
        for (_, said) in main.identity.iter().enumerate().filter(|(at, _)| first(*at)) {
            out.push_str(&block("", &texts.say("identity", &[("text", &said.text)]), 2, columns));
        }
        if let Some(failure) = &main.failure {
            out.push_str(&block(
                "",
                &texts.say("ended", &[("cause", &sentence::failure(texts, failure))]),
                2,
                columns,
            ));
        }
        out
    }

    fn capabilities(
        &self,
        list: &CapabilityFacts,
        before: Option<&CapabilityFacts>,
        service: &ServiceFacts,
    ) -> String {
        let (texts, paint) = (self.options.texts, self.options.paint);
        let protocol = service.endpoint.scheme.protocol().id();
        let title = texts.ui(&format!("capabilities-{}", list.moment.id()));
        let mut out = format!("  {}\n", paint.dim(&title));
        if let Some(refused) = &list.refused {
            out.push_str(&block(
                "",
                &texts.say("capabilities-refused", &[("reply", refused)]),
                4,
                self.options.columns,
            ));
        }
        let words = before.map(CapabilityFacts::words).unwrap_or_default();
        let now = list.words();
        if before.is_some() && now == words {
            out.push_str(&block("", &texts.ui("capabilities-same"), 4, self.options.columns));
            return out;
        }
        for capability in &list.list {
            let word = match capability.args.as_slice() {
                [] => capability.name.clone(),
                args => format!("{} {}", capability.name, args.join(" ")),
            };
            let new = before.is_some() && !words.contains(&word);
            let meaning = sentence::capability(texts, protocol, &capability.name, &capability.args)
                .unwrap_or_else(|| texts.ui("capability-unknown"));
            let reference = sentence::capability_references(protocol, &capability.name)
                .first()
                .map_or(String::new(), |r| format!(" ({r})"));
            let sign = if new { "+ " } else { "" };
            let room = self.options.columns;
            let explained = format!("{meaning}{reference}");
            let (lead, text) = if room < NARROW {
                let lead = shorten(&format!("{sign}{word}"), room.saturating_sub(4));
                let text = format!("    {lead}\n{}", block("", &explained, 8, room));
                (lead, text)
            } else {
                let lead = shorten(&format!("{sign}{word}"), 30);
                let lead = pad(&lead, 24.max(width(&lead)));
                let text = block(&format!("    {lead}"), &explained, 4 + width(&lead) + 1, room);
                (lead, text)
            };
            out.push_str(&text.replacen(lead.trim_end(), &paint.code(lead.trim_end()), 1));
        }
        for gone in words.iter().filter(|w| !now.contains(w)) {
            for line in block("    - ", gone, 6, self.options.columns).lines() {
                out.push_str(&format!("{}\n", paint.dim(line)));
            }
        }
        out
    }
}

fn milliseconds(micros: u64) -> String {
    let ms = micros as f64 / 1000.0;
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}
