use crate::syntax::{LineKind, field, lines, prefix};
use crate::{FIELDS, Line};

/// Formats a script: header fields in their order, one blank line in front of a step, one blank behind a prefix, `if`
/// indented. What is sent and what is expected is never touched.
pub fn format(text: &str) -> String {
    let all = lines(text);
    let body = all
        .iter()
        .position(|l| !matches!(l.kind, LineKind::Blank | LineKind::Comment | LineKind::Field))
        .unwrap_or(all.len());
    // Comments behind the last field belong to what follows.
    let header = all[..body].iter().rposition(|l| l.kind == LineKind::Field).map_or(0, |at| at + 1);
    let mut out = Out { text: String::with_capacity(text.len() + 64), depth: 0, blank: false };
    for (_, lines) in fields(&all[..header]) {
        for line in lines {
            out.line(&line);
        }
    }
    for line in &all[header..] {
        body_line(line, &mut out);
    }
    out.text
}

struct Out {
    text: String,
    depth: usize,
    /// A blank line is due, if anything follows.
    blank: bool,
}

impl Out {
    fn line(&mut self, line: &str) {
        if std::mem::take(&mut self.blank) && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn indented(&mut self, line: &str) {
        let line = format!("{}{line}", "  ".repeat(self.depth));
        self.line(&line);
    }
}

/// The fields with the comments in front of each, in the order of [`FIELDS`]; what is no field of ours comes last.
fn fields(lines: &[Line<'_>]) -> Vec<(usize, Vec<String>)> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let mut comments = Vec::new();
    for line in lines {
        match line.kind {
            LineKind::Comment => comments.push(line.body().trim().to_owned()),
            LineKind::Field => {
                let (key, value) = field(line.body()).unwrap_or_default();
                let place = FIELDS.iter().position(|f| *f == key).unwrap_or(FIELDS.len());
                let mut block = std::mem::take(&mut comments);
                block.push(format!("{key}: {value}").trim_end().to_owned());
                found.push((place, block));
            }
            _ => {}
        }
    }
    // A comment above the first field is about the file, and stays on top.
    let top: Vec<String> = match found.first_mut() {
        Some((_, first)) => {
            let field = first.pop();
            let top = std::mem::take(first);
            first.extend(field);
            top
        }
        None => Vec::new(),
    };
    found.sort_by_key(|(place, _)| *place);
    found.insert(0, (0, top));
    found
}

fn body_line(line: &Line<'_>, out: &mut Out) {
    let body = line.body();
    let trimmed = body.trim();
    match line.kind {
        LineKind::Blank => out.blank = true,
        LineKind::Comment | LineKind::Field => out.indented(trimmed),
        LineKind::Step => {
            out.blank = true;
            let rest = body.strip_prefix("==").unwrap_or(body);
            out.line(&format!("== {}", rest.trim()));
        }
        LineKind::Here | LineKind::HereEnd => out.line(body),
        LineKind::Dialogue => {
            let start = body.trim_start();
            let Some(found) = prefix(start) else { return out.line(body) };
            // The length counts the one blank that is no payload.
            let payload = &start[found.length..];
            let head = start[..found.length].trim_end();
            let gap = if payload.is_empty() { "" } else { " " };
            out.indented(&format!("{head}{gap}{payload}"));
        }
        LineKind::Verb => {
            let start = body.trim_start();
            let Some(found) = prefix(start) else { return out.line(body) };
            out.indented(
                format!("{} {}", start[..found.length].trim_end(), start[found.length..].trim()).trim_end(),
            );
        }
        LineKind::Statement => {
            let word = trimmed.split_whitespace().next().unwrap_or_default();
            if matches!(word, "else" | "end") {
                out.depth = out.depth.saturating_sub(1);
            }
            let rest = trimmed[word.len()..].trim_start();
            out.indented(format!("{word} {rest}").trim_end());
            if matches!(word, "if" | "else") {
                out.depth += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_space_and_indent() {
        let text = "# about it\nprotocol:   smtp\n\n# why\ntitle: x\nS:220\nC:  two blanks\nC:\n\n\n\
                    == one\nif   S.code == 220\nC   tls   sni=a\nC data <<E\n  . kept \nE\nelse\n# no\nend\n\n\n";
        let expected = "# about it\n# why\ntitle: x\nprotocol: smtp\nS: 220\nC:  two blanks\nC:\n\n\
                        == one\nif S.code == 220\n  C tls   sni=a\n  C data <<E\n  . kept \nE\nelse\n  # no\nend\n";
        assert_eq!(format(text), expected);
        assert_eq!(format(expected), expected);
    }
}
