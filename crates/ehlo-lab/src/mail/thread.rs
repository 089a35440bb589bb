//! Threads of messages (RFC 5256 §3). Everything is iterative, as a chain of answers may be of any length.

use super::dates::sent_date;
use super::decode::{fold, header_text};
use super::forest::Forest;
use super::header::field;
use super::mime::Part;
use super::subject::base_subject;
use std::collections::HashMap;

/// What is needed of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Threadable {
    /// What is reported; among messages of one moment and among those of one Message-ID, the lowest is the first.
    pub(crate) number: u32,
    /// When it was sent, or else when it arrived; seconds since 1970 (RFC 5256 §2.2).
    pub(crate) sent: i64,
    /// Normalised as by [`message_ids`].
    pub(crate) message_id: Option<String>,
    /// Those of References, or else the first of In-Reply-To; normalised.
    pub(crate) references: Vec<String>,
    /// Decoded.
    pub(crate) subject: String,
}

/// How messages hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// All messages of one base subject hang below the first of them.
    OrderedSubject,
    /// By References, then by base subject.
    References,
    /// By References only; the threads in the order of their latest messages.
    Refs,
}

/// A message with what hangs below it.
pub(crate) struct Tree {
    /// None where several threads hang together by a message that is not there.
    pub(crate) number: Option<u32>,
    pub(crate) children: Vec<Tree>,
}

impl Drop for Tree {
    /// Without recursion, which would exhaust the stack.
    fn drop(&mut self) {
        let mut rest = std::mem::take(&mut self.children);
        while let Some(mut tree) = rest.pop() {
            rest.append(&mut tree.children);
        }
    }
}

/// Reads what is needed of a message. `arrival` is its INTERNALDATE in seconds since 1970.
pub(crate) fn threadable(number: u32, bytes: &[u8], arrival: i64) -> Threadable {
    let header = &bytes[Part::header_of(bytes)];
    let text = |name: &str| field(header, name).map(|value| header_text(&value)).unwrap_or_default();
    let ids = |name: &str| field(header, name).map(|value| message_ids(&value)).unwrap_or_default();
    let mut references = ids("References");
    if references.is_empty() {
        references = ids("In-Reply-To");
        references.truncate(1);
    }
    Threadable {
        number,
        sent: sent_date(&text("Date")).unwrap_or(arrival),
        message_id: ids("Message-ID").into_iter().next(),
        references,
        subject: text("Subject"),
    }
}

/// The message identifiers in a field, in a form that can be compared: without angle brackets, blanks and needless quotes
/// (RFC 5256 §3, RFC 5322 §3.6.4). Other words are passed over.
pub(crate) fn message_ids(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match (&mut current, byte) {
            (Some(id), b'\\') if quoted => id.extend(bytes.next()),
            (Some(_), b'"') => quoted = !quoted,
            (Some(id), byte) if quoted => id.push(byte),
            (_, b'<') => current = Some(Vec::new()),
            (Some(id), b'>') => {
                let at = id.iter().rposition(|&b| b == b'@');
                if at.is_some_and(|at| at > 0 && at + 1 < id.len()) {
                    found.push(String::from_utf8_lossy(id).into_owned());
                }
                current = None;
            }
            (Some(id), byte) if !byte.is_ascii_whitespace() => id.push(byte),
            _ => {}
        }
    }
    found
}

/// The threads of messages, in the order in which THREAD lists them.
pub(crate) fn thread(messages: &[Threadable], how: Algorithm) -> Vec<Tree> {
    let mut sorted: Vec<&Threadable> = messages.iter().collect();
    sorted.sort_by_key(|m| m.number);
    let mut threads = match how {
        Algorithm::OrderedSubject => Threads::by_subject(sorted),
        Algorithm::References | Algorithm::Refs => Threads::by_references(sorted),
    };
    if how == Algorithm::References {
        threads.merge_subjects();
    }
    threads.sort();
    if how == Algorithm::Refs {
        threads.sort_by_latest();
    }
    threads.trees()
}

/// The parenthesised form that stands after `* THREAD` and a blank; empty if there are no threads (RFC 5256 §4).
pub(crate) fn encode(trees: &[Tree]) -> String {
    enum Step<'a> {
        Open(&'a Tree),
        Close,
    }
    let mut out = String::new();
    let mut steps: Vec<Step<'_>> = trees.iter().rev().map(Step::Open).collect();
    while let Some(step) = steps.pop() {
        let Step::Open(mut tree) = step else {
            out.push(')');
            continue;
        };
        out.push('(');
        loop {
            if let Some(number) = tree.number {
                if !out.ends_with('(') {
                    out.push(' ');
                }
                out.push_str(&number.to_string());
            }
            match &tree.children[..] {
                [] => {
                    out.push(')');
                    break;
                }
                [only] => tree = only,
                several => {
                    if !out.ends_with('(') {
                        out.push(' ');
                    }
                    steps.push(Step::Close);
                    steps.extend(several.iter().rev().map(Step::Open));
                    break;
                }
            }
        }
    }
    out
}

/// Threads in the making. A node is a message if its number is below that of the messages, else a dummy.
struct Threads<'a> {
    messages: Vec<&'a Threadable>,
    /// Of every node.
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

impl<'a> Threads<'a> {
    fn by_subject(messages: Vec<&'a Threadable>) -> Threads<'a> {
        let mut first: HashMap<String, u32> = HashMap::new();
        let mut threads = Threads { children: vec![Vec::new(); messages.len()], messages, roots: Vec::new() };
        let mut order: Vec<u32> = (0..threads.messages.len() as u32).collect();
        order.sort_by_key(|&node| threads.moment(node));
        for node in order {
            let base = fold(&base_subject(&threads.messages[node as usize].subject).0);
            let first = *first.entry(base).or_insert(node);
            if first == node {
                threads.roots.push(node);
            } else {
                threads.children[first as usize].push(node);
            }
        }
        threads
    }

    /// Steps 1 to 4 of REFERENCES.
    fn by_references(messages: Vec<&'a Threadable>) -> Threads<'a> {
        let mut forest = Forest::default();
        let mut ids: HashMap<&str, u32> = HashMap::new();
        for message in &messages {
            let node = forest.add();
            if let Some(id) = &message.message_id {
                // A second message of that identifier is one without.
                ids.entry(id).or_insert(node);
            }
        }
        for (node, message) in (0_u32..).zip(&messages) {
            let mut above = None;
            for id in &message.references {
                let referred = *ids.entry(id).or_insert_with(|| forest.add());
                if let Some(above) = above {
                    forest.link(referred, above);
                }
                above = Some(referred);
            }
            // What the message itself says of its parent is right; what stood there came from a shortened References.
            forest.cut(node);
            if let Some(above) = above {
                forest.link(node, above);
            }
        }
        let mut threads = Threads { children: Vec::new(), messages, roots: Vec::new() };
        threads.prune(&forest);
        threads
    }

    /// Steps 2 and 3: dummies go, and what hung below them hangs above them; but at the top they hold together.
    fn prune(&mut self, forest: &Forest) {
        let mut below = vec![Vec::new(); forest.len()];
        let mut order = Vec::with_capacity(forest.len());
        for node in 0..forest.len() as u32 {
            match forest.parent(node) {
                Some(parent) => below[parent as usize].push(node),
                None => order.push(node),
            }
        }
        self.children = vec![Vec::new(); forest.len()];
        // Where what hangs below a node is to hang.
        let mut holder: Vec<u32> = (0..forest.len() as u32).collect();
        let mut at = 0;
        let tops = order.len();
        while let Some(&node) = order.get(at) {
            at += 1;
            order.extend_from_slice(&below[node as usize]);
            if let Some(parent) = forest.parent(node) {
                let above = holder[parent as usize];
                if self.is_dummy(node) {
                    holder[node as usize] = above;
                } else {
                    self.children[above as usize].push(node);
                }
            }
        }
        for &top in &order[..tops] {
            match &self.children[top as usize][..] {
                [] if self.is_dummy(top) => {}
                &[only] if self.is_dummy(top) => self.roots.push(only),
                _ => self.roots.push(top),
            }
        }
    }

    /// Step 5: threads of one base subject become one.
    fn merge_subjects(&mut self) {
        self.sort();
        let roots = std::mem::take(&mut self.roots);
        let subjects: Vec<(String, bool)> = roots
            .iter()
            .map(|&root| {
                let (base, refwd) = base_subject(&self.messages[self.first_message(root) as usize].subject);
                (fold(&base), refwd && !self.is_dummy(root))
            })
            .collect();
        // The message that stands for a subject, and whether it is an answer.
        let mut table: HashMap<&str, (u32, bool)> = HashMap::new();
        for (&root, (base, refwd)) in roots.iter().zip(&subjects).filter(|(_, (base, _))| !base.is_empty()) {
            let (stands, answer) = table.entry(base).or_insert((root, *refwd));
            let better = self.is_dummy(root) && !self.is_dummy(*stands) || *answer && !*refwd;
            if better {
                (*stands, *answer) = (root, *refwd);
            }
        }
        // Whether a root has come below another one.
        let mut below = vec![false; self.children.len()];
        let mut dummies = Vec::new();
        for (&root, (base, refwd)) in roots.iter().zip(&subjects) {
            let Some((stands, answer)) = table.get_mut(base.as_str()) else { continue };
            if *stands == root || below[root as usize] {
                continue;
            }
            below[root as usize] = true;
            match (self.is_dummy(*stands), self.is_dummy(root)) {
                (true, true) => {
                    let mut children = std::mem::take(&mut self.children[root as usize]);
                    self.children[*stands as usize].append(&mut children);
                }
                (true, false) => self.children[*stands as usize].push(root),
                (false, false) if *refwd && !*answer => self.children[*stands as usize].push(root),
                _ => {
                    let dummy = self.children.len() as u32;
                    self.children.push(vec![*stands, root]);
                    below[*stands as usize] = true;
                    dummies.push(dummy);
                    (*stands, *answer) = (dummy, false);
                }
            }
        }
        self.roots = roots.into_iter().filter(|&root| !below[root as usize]).chain(dummies).collect();
    }

    /// Steps 4 and 6: siblings in the order of their dates.
    fn sort(&mut self) {
        let mut children = std::mem::take(&mut self.children);
        children.iter_mut().for_each(|siblings| siblings.sort_by_key(|&node| self.moment(node)));
        self.children = children;
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|&root| self.moment(self.first_message(root)));
        self.roots = roots;
    }

    fn sort_by_latest(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|&root| {
            let mut latest = self.moment(self.first_message(root));
            let mut rest = vec![root];
            while let Some(node) = rest.pop() {
                rest.extend_from_slice(&self.children[node as usize]);
                if !self.is_dummy(node) {
                    latest = latest.max(self.moment(node));
                }
            }
            latest
        });
        self.roots = roots;
    }

    fn is_dummy(&self, node: u32) -> bool {
        node as usize >= self.messages.len()
    }

    /// The message that stands for a root: itself, or the first child of a dummy, which has at least two.
    fn first_message(&self, root: u32) -> u32 {
        let child = self.children[root as usize].first().copied().unwrap_or(root);
        if self.is_dummy(root) { child } else { root }
    }

    /// Of a message: what decides its place among siblings.
    fn moment(&self, node: u32) -> (i64, u32) {
        self.messages.get(node as usize).map_or((0, 0), |m| (m.sent, m.number))
    }

    fn trees(&self) -> Vec<Tree> {
        // Parents first, each with its place in this list.
        let mut order: Vec<(u32, Option<usize>)> = self.roots.iter().map(|&root| (root, None)).collect();
        let mut at = 0;
        while let Some(&(node, _)) = order.get(at) {
            order.extend(self.children[node as usize].iter().map(|&child| (child, Some(at))));
            at += 1;
        }
        let mut trees: Vec<Option<Tree>> = order
            .iter()
            .map(|&(node, _)| {
                let number = self.messages.get(node as usize).map(|m| m.number);
                Some(Tree { number, children: Vec::new() })
            })
            .collect();
        let mut found = Vec::new();
        for (at, &(_, parent)) in order.iter().enumerate().rev() {
            // All its children stand behind it, and have come to it in reverse.
            let Some(mut tree) = trees[at].take() else { continue };
            tree.children.reverse();
            match parent.and_then(|parent| trees[parent].as_mut()) {
                Some(parent) => parent.children.push(tree),
                None => found.push(tree),
            }
        }
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `number minute id references subject`, with `-` for none and commas between references.
    fn message(line: &str) -> Threadable {
        let words: Vec<&str> = line.splitn(5, ' ').collect();
        let none = |word: &&str| *word != "-";
        Threadable {
            number: words[0].parse().unwrap(),
            sent: words[1].parse().unwrap(),
            message_id: Some(words[2]).filter(none).map(str::to_owned),
            references: words[3].split(',').filter(none).map(str::to_owned).collect(),
            subject: Some(words[4]).filter(none).unwrap_or_default().to_owned(),
        }
    }

    fn threads(lines: &[&str], how: Algorithm) -> String {
        let messages: Vec<Threadable> = lines.iter().map(|line| message(line)).collect();
        encode(&thread(&messages, how))
    }

    #[test]
    fn by_references() {
        for (what, lines, expected) in [
            ("nothing", &[][..], ""),
            ("no relation", &["1 2 a - x", "2 1 b - y"], "(2)(1)"),
            ("a chain", &["1 2 b a re: x", "2 1 a - x", "3 3 c a,b re: x"], "(2 1 3)"),
            (
                "siblings by date, then number",
                &["1 9 d a x", "2 1 a - x", "3 3 b a x", "4 3 c a x"],
                "(2 (3)(4)(1))",
            ),
            (
                "below siblings",
                &["1 1 a - x", "2 2 b a x", "3 3 c b x", "4 4 d a x", "5 5 e c x"],
                "(1 (2 3 5)(4))",
            ),
            ("a missing root with two answers", &["1 1 b a x", "2 2 c a x"], "((1)(2))"),
            ("a missing root with one answer", &["1 1 b a x"], "(1)"),
            (
                "a missing root before missing ones",
                &["1 1 d a,b x", "2 2 e a,c x", "3 3 f b x"],
                "((1)(2)(3))",
            ),
            ("a missing message between", &["1 1 a - x", "2 2 c a,b x", "3 3 d a,b x"], "(1 (2)(3))"),
            ("missing ones without answers", &["1 1 a - x", "2 2 b - y"], "(1)(2)"),
            ("missing chain above", &["1 1 d a,b,c x"], "(1)"),
            (
                "the first link counts",
                &["1 1 a - x", "2 2 b - y", "3 3 c a,d x", "4 4 e b,d x", "5 5 d a x"],
                "(1 5 (3)(4))(2)",
            ),
            (
                "its own references count more",
                &["1 1 a - x", "2 2 b - y", "3 3 d a,c y", "4 4 c b y"],
                "(1)(2 4 3)",
            ),
            ("a loop", &["1 1 a b x", "2 2 b a x"], "(2 1)"),
            ("a loop of three", &["1 1 a c x", "2 2 b a x", "3 3 c b x"], "(3 1 2)"),
            ("a loop within one field", &["1 1 c a,b,a x", "2 2 a - y", "3 3 b - z"], "(2 1)(3)"),
            ("itself", &["1 1 a a x"], "(1)"),
            ("the same identifier twice", &["1 1 a - x", "2 2 a - y", "3 3 b a x"], "(1 3)(2)"),
            ("the lower number has the identifier", &["2 2 a - y", "1 1 a - x", "3 3 b a x"], "(1 3)(2)"),
            ("no identifiers", &["1 1 - - x", "2 2 - - y", "3 3 - a z"], "(1)(2)(3)"),
            ("identifiers have their case", &["1 1 a - x", "2 2 b A y"], "(1)(2)"),
            ("a dummy by its first answer", &["1 5 b a x", "2 2 c a x", "3 3 d - y"], "((2)(1))(3)"),
        ] {
            assert_eq!(threads(lines, Algorithm::References), expected, "{what}");
        }
    }

    #[test]
    fn by_subject_beside_references() {
        for (what, lines, expected) in [
            ("an answer without references", &["1 1 a - x", "2 2 b - Re: X"][..], "(1 2)"),
            ("an older answer", &["1 2 a - x", "2 1 b - Re: x"], "(1 2)"),
            ("two that are no answers", &["1 1 a - x", "2 2 b - x"], "((1)(2))"),
            ("two answers", &["1 1 a - re: x", "2 2 b - fwd: x"], "((1)(2))"),
            ("answers to two that are none", &["1 1 a - x", "2 2 b - x", "3 3 c - re: x"], "((1)(2)(3))"),
            ("an answer between", &["1 1 a - x", "2 2 b - re: x", "3 3 c - x"], "((1 2)(3))"),
            ("one of a dummy", &["1 1 b a x", "2 2 c a x", "3 3 d - x"], "((1)(2)(3))"),
            ("before a dummy", &["1 1 d - x", "2 2 b a x", "3 3 c a x"], "((1)(2)(3))"),
            ("two dummies", &["1 1 b a x", "2 2 c a x", "3 3 e d x", "4 4 f d x"], "((1)(2)(3)(4))"),
            ("answers with answers", &["1 1 a - x", "2 2 b - re: x", "3 3 c b re: x"], "(1 2 3)"),
            ("no subjects", &["1 1 a - -", "2 2 b - re:", "3 3 c - -"], "(1)(2)(3)"),
            ("only at the top", &["1 1 a - x", "2 2 b a y", "3 3 c - y"], "(1 2)(3)"),
            (
                "the subject of the first of a dummy",
                &["1 2 b a x", "2 1 c a y", "3 3 d - re: y"],
                "((2)(1)(3))",
            ),
            ("a new subject moves a thread", &["1 9 a - x", "2 5 b - y", "3 1 c - re: x"], "(2)(1 3)"),
        ] {
            assert_eq!(threads(lines, Algorithm::References), expected, "{what}");
        }
        // Without subjects, and by the latest of each thread.
        let lines = ["1 1 a - x", "2 2 b - re: x", "3 9 c a re: x"];
        assert_eq!(threads(&lines, Algorithm::Refs), "(2)(1 3)");
    }

    #[test]
    fn by_subject_alone() {
        for (lines, expected) in [
            (
                &[
                    "1 2 a - Re: budget",
                    "2 1 b - budget",
                    "3 3 c - Apples",
                    "4 4 d a Fwd: [list] Budget (fwd)",
                ][..],
                "(2 (1)(4))(3)",
            ),
            (&["1 1 a - x", "2 2 b - X"], "(1 2)"),
            (&["1 1 a - x", "2 1 b - y"], "(1)(2)"),
            (&["1 1 a - -", "2 2 b - Re:"], "(1 2)"),
            (&[], ""),
        ] {
            assert_eq!(threads(lines, Algorithm::OrderedSubject), expected);
        }
    }

    #[test]
    fn identifiers() {
        for (value, expected) in [
            ("<a@b>", &["a@b"][..]),
            ("<a@b>\r\n\t<c@d><e@f>", &["a@b", "c@d", "e@f"]),
            ("<\"a\"@b>", &["a@b"]),
            ("<\"a \\\">\"@b>", &["a \">@b"]),
            ("<a @ b>", &["a@b"]),
            ("Your message of <a@b> (today)", &["a@b"]),
            ("<<a@b>>", &["a@b"]),
            ("<a> <@b> <c@> a@b <d@e", &[]),
            ("<a@[1.2.3.4]>", &["a@[1.2.3.4]"]),
            ("", &[]),
        ] {
            assert_eq!(message_ids(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_read_of_a_message() {
        let read = |header: &str| threadable(7, format!("{header}\r\n\r\n").as_bytes(), 1000);
        let full = read(
            "Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\nIn-Reply-To: <z@x>\r\nSubject: =?utf-8?Q?=C3=A4?=\r\nDate: 1 Jan 1970 00:00:05 +0000",
        );
        assert_eq!(
            full,
            Threadable {
                number: 7,
                sent: 5,
                message_id: Some("c@x".into()),
                references: vec!["a@x".into(), "b@x".into()],
                subject: "ä".into(),
            }
        );
        let other = read("References: none\r\nIn-Reply-To: <a@x> <b@x>");
        assert_eq!((other.sent, other.message_id, other.references), (1000, None, vec!["a@x".to_owned()]));
    }

    #[test]
    fn many_messages_and_deep_threads() {
        const MANY: u32 = 100_000;
        let chain = |number: u32, parent: u32| Threadable {
            number,
            sent: i64::from(number),
            message_id: Some(format!("m{number}@x")),
            references: vec![format!("m{parent}@x")],
            subject: "re: x".into(),
        };
        // Answers after what they answer, before it, and all without it.
        for messages in [
            (1..=MANY).map(|n| chain(n, n - 1)).collect::<Vec<_>>(),
            (1..=MANY).map(|n| chain(n, n + 1)).collect(),
            (1..=MANY).map(|n| chain(n, 0)).collect(),
            (1..=MANY)
                .map(|n| Threadable { subject: format!("x{}", n / 2), references: Vec::new(), ..chain(n, 0) })
                .collect(),
            // Attempts at loops from the bottom of a deep thread to its top.
            (1..=MANY)
                .map(|n| match n {
                    ..50_000 => chain(n, n - 1),
                    _ => Threadable { references: vec!["m49999@x".into(), "m0@x".into()], ..chain(n, 0) },
                })
                .collect(),
        ] {
            let text = encode(&thread(&messages, Algorithm::References));
            assert_eq!(text.bytes().filter(u8::is_ascii_digit).count(), 488_895, "each message once");
        }
        let messages: Vec<Threadable> = (1..=MANY).map(|n| chain(n, n - 1)).collect();
        for how in [Algorithm::Refs, Algorithm::OrderedSubject] {
            assert!(encode(&thread(&messages, how)).starts_with("(1 "));
        }
    }
}
