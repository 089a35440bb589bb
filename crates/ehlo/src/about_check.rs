//! What is said about a check: what it looks at, what it sends, from where it can be judged, and what helps.

use ehlo_check::{CHECKS, CheckMeta};
use ehlo_core::Severity;
use ehlo_knowledge::keys;
use ehlo_report::{Paint, Texts, wrapped};
use serde_json::{Value, json};

/// The check of that id.
pub(crate) fn named(id: &str) -> Option<&'static CheckMeta> {
    CHECKS.iter().map(|c| c.meta()).find(|meta| meta.id == id)
}

/// Its id, its group, how bad a bad verdict is, and what it takes to look.
fn heading(meta: &CheckMeta, texts: Texts) -> String {
    let severity = |s: Severity| texts.ui(&format!("severity-{}", s.id()));
    let on_mx = meta.severity_mx.filter(|mx| *mx != meta.severity);
    let mut words = vec![meta.group.to_owned(), severity(meta.severity)];
    words.push(texts.get(&format!("cli/manner-{}", meta.manner.id())));
    words.extend(on_mx.map(|mx| texts.fill("cli/check-on-mx", &[("severity", &severity(mx))])));
    format!("{} ({})", meta.id, words.join(", "))
}

fn of(meta: &CheckMeta, name: &str, texts: Texts) -> String {
    texts.get(&format!("check/{}{name}", meta.id))
}

/// The messages that come with advice: their id, what they say, and the advice.
fn findings(meta: &CheckMeta, texts: Texts) -> Vec<(&'static str, String, String)> {
    let beginning = format!("check/{}/", meta.id);
    let message = |key: &'static str| {
        let id = key.strip_prefix(&beginning)?.strip_suffix("/advice")?;
        Some((id, without_places(&texts.get(&format!("{beginning}{id}"))), texts.get(key)))
    };
    keys(&beginning).filter_map(message).collect()
}

/// A sentence whose places are not filled.
fn without_places(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((_, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        out.push('…');
        rest = after;
    }
    out + rest
}

/// The entry of a check in a list.
pub(crate) fn entry(meta: &CheckMeta, columns: usize, texts: Texts) -> String {
    let mut out = format!("{}\n", heading(meta, texts));
    out.push_str(&body(meta, columns, texts));
    out.push_str(&wrapped(&meta.references.join(", "), 4, columns));
    out
}

fn body(meta: &CheckMeta, columns: usize, texts: Texts) -> String {
    let sends = texts.fill("cli/check-sends", &[("what", &of(meta, "/sends", texts))]);
    let vantage = meta.vantage.then(|| texts.ui("explain-check-vantage"));
    let paragraphs = [of(meta, "", texts), of(meta, "/about", texts), sends].into_iter().chain(vantage);
    paragraphs.map(|text| wrapped(&text, 4, columns)).collect()
}

/// The same with what to do about it.
pub(crate) fn whole(meta: &CheckMeta, columns: usize, paint: Paint, texts: Texts) -> String {
    let mut out = format!("{}\n", paint.strong(&heading(meta, texts)));
    out.push_str(&body(meta, columns, texts));
    let findings = findings(meta, texts);
    if !findings.is_empty() {
        out.push_str(&wrapped(&texts.ui("explain-check-findings"), 4, columns));
    }
    for (_, said, advice) in findings {
        out.push_str(&format!("    • {}", wrapped(&said, 6, columns).trim_start()));
        out.push_str(&format!("      → {}", wrapped(&advice, 8, columns).trim_start()));
    }
    let sources = wrapped(&meta.references.join(", "), 4, columns);
    for line in sources.lines() {
        out.push_str(&format!("{}\n", paint.dim(line)));
    }
    out
}

/// The same as JSON.
pub(crate) fn json(meta: &CheckMeta, texts: Texts) -> Value {
    let finding = |(id, said, advice)| json!({ "id": id, "text": said, "advice": advice });
    json!({
        "id": meta.id,
        "name": of(meta, "", texts),
        "group": meta.group,
        "severity": meta.severity.id(),
        "severity_on_mx": meta.severity_mx.unwrap_or(meta.severity).id(),
        "manner": meta.manner.id(),
        "vantage": meta.vantage,
        "sends": of(meta, "/sends", texts),
        "findings": findings(meta, texts).into_iter().map(finding).collect::<Vec<_>>(),
        "references": meta.references,
    })
}

#[cfg(test)]
mod tests {
    use super::without_places;

    #[test]
    fn places_become_dots() {
        assert_eq!(without_places("in {days|day|days}: \"{reply}\""), "in …: \"…\"");
        assert_eq!(without_places("listener { port = 0"), "listener { port = 0");
    }
}
