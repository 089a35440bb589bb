use super::View;
use crate::layout::{block, columns, pad};
use crate::sentence;
use ehlo_core::facts::AccountFacts;

/// More folders than this are only counted, unless details are wanted.
const MOST: usize = 12;

impl View<'_> {
    /// Logins, and what the account sees.
    pub(super) fn accounts(&self) -> String {
        let texts = self.options.texts;
        let mut out = String::new();
        let mut told: Vec<&AccountFacts> = Vec::new();
        for service in &self.report.facts.services {
            let Some(main) = service.main() else { continue };
            let Some(login) = &main.login else { continue };
            out.push_str(&block(
                "",
                &format!("{}: {}", service.url, sentence::login(texts, login)),
                3,
                self.options.columns,
            ));
            for id in crate::causes::of_login(login, service) {
                out.push_str(&self.cause(id, true));
            }
            let Some(account) = &main.account else { continue };
            // The same account by another port sees the same: told once.
            let names = |a: &AccountFacts| a.folders.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
            if told.iter().any(|known| names(known) == names(account) && !account.folders.is_empty()) {
                continue;
            }
            out.push_str(&self.account(account));
            told.push(account);
        }
        out
    }

    fn account(&self, account: &AccountFacts) -> String {
        let texts = self.options.texts;
        let mut out = String::new();
        if account.folders.is_empty() {
            if let Some(messages) = account.messages {
                let octets = account.octets.map_or_else(|| "?".to_owned(), |o| o.to_string());
                let text = texts.say("account-maildrop", &[("messages", &messages), ("octets", &octets)]);
                out.push_str(&block("", &text, 5, self.options.columns));
            }
            return out;
        }
        if !account.namespaces.is_empty() {
            let list: Vec<String> = account
                .namespaces
                .iter()
                .map(|n| {
                    let delimiter = n.delimiter.as_deref().unwrap_or("NIL");
                    format!("{} \"{}\" {delimiter}", texts.ui(&format!("namespace-{}", n.kind)), n.prefix)
                })
                .collect();
            let text = texts.say("account-namespaces", &[("list", &list.join(" · "))]);
            out.push_str(&block("", &text, 5, self.options.columns));
        }
        let most = if self.options.verbosity > 0 { usize::MAX } else { MOST };
        let number = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let rows: Vec<Vec<String>> = account
            .folders
            .iter()
            .take(most)
            .map(|f| {
                let wire = f.wire_name.as_ref().map_or(String::new(), |w| format!(" ({w})"));
                let counts = match (f.messages, f.unseen) {
                    (None, None) => texts.ui("dash"),
                    (messages, unseen) => texts.say(
                        "account-counts",
                        &[("messages", &number(messages)), ("unseen", &number(unseen))],
                    ),
                };
                vec![format!("{}{wire}", f.name), f.special_use().unwrap_or_default().to_owned(), counts]
            })
            .collect();
        let widths = columns(&rows);
        for row in rows {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, w)| pad(cell, *w)).collect();
            out.push_str(format!("     {}", cells.join("  ")).trim_end());
            out.push('\n');
        }
        let hidden = account.folders.len().saturating_sub(most);
        if hidden > 0 {
            out.push_str(&block(
                "",
                &texts.say("account-more", &[("count", &hidden)]),
                5,
                self.options.columns,
            ));
        }
        out
    }
}
