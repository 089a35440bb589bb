use unicode_width::UnicodeWidthStr;

/// How many columns a text takes that holds no colours.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` filled up with blanks to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The columns of a table: each as wide as its widest cell.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..count)
        .map(|c| rows.iter().filter_map(|r| r.get(c)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect()
}

/// Breaks `text` into lines of at most `columns`. A word that is longer is broken, so that nothing ever runs over.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(10);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ').filter(|w| !w.is_empty()) {
            let mut word = word;
            let needed = width(word);
            if used > 0 && used + 1 + needed > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            while width(word) > columns - used {
                let cut = cut_at(word, columns - used);
                line.push_str(&word[..cut]);
                lines.push(std::mem::take(&mut line));
                used = 0;
                word = &word[cut..];
            }
            line.push_str(word);
            used += width(word);
        }
        lines.push(line);
    }
    lines
}

/// `text` indented, wrapped to `columns`, behind `first` (which stands in the first line only).
pub(crate) fn block(first: &str, text: &str, indent: usize, columns: usize) -> String {
    let lines = wrap(text, columns.saturating_sub(indent));
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let lead = if index == 0 { pad(first, indent) } else { " ".repeat(indent) };
        out.push_str(format!("{lead}{line}").trim_end());
        out.push('\n');
    }
    out
}

/// `text` indented and wrapped to `columns`, with a line ending.
pub fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    block("", text, indent, columns)
}

/// `text` cut to `columns`, with `…` where something is missing.
pub fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let cut = cut_at(text, columns.saturating_sub(1));
    format!("{}…", &text[..cut])
}

/// Where to cut so that what is before takes at most `columns`, and at least one character is taken.
fn cut_at(text: &str, columns: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        let needed = width(c.encode_utf8(&mut [0; 4]));
        if used + needed > columns && at > 0 {
            return at;
        }
        used += needed;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_runs_over() {
        let text =
            "Grüße an 日本語 und ein_sehr_langes_Wort_das_nirgends_getrennt_werden_kann, sagt er.\nNeu.";
        for columns in 10..40 {
            let lines = wrap(text, columns);
            assert!(lines.iter().all(|l| width(l) <= columns), "{columns}: {lines:#?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace([' ', '\n'], ""));
        }
        assert_eq!(shorten("日本語", 5), "日本…");
        assert_eq!(block("→", "a b c", 2, 10), "→ a b c\n");
    }
}
