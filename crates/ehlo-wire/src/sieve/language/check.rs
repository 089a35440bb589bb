use super::Fault;
use super::parser::{Arg, ArgKind, Node};
use super::table::{EXTENSIONS, Optional, Spec, Tag, Tests, Type, spec};

/// What was found, with offsets.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) errors: Vec<(usize, Fault)>,
    pub(super) warnings: Vec<(usize, Fault)>,
}

/// Checks what was read.
pub(super) fn check(commands: &[Node], text: &str) -> Found {
    let mut checker = Checker::default();
    for node in commands {
        checker.collect_ihave(node);
    }
    checker.block(commands, true);
    checker.unused(text);
    checker.found.errors.sort_by_key(|(at, _)| *at);
    checker.found.warnings.sort_by_key(|(at, _)| *at);
    checker.found
}

#[derive(Default)]
struct Checker {
    found: Found,
    required: Vec<(usize, String)>,
    used: Vec<String>,
    /// Extensions that a test `ihave` asks for: inside its block they are there (RFC 5463 §4).
    asked: Vec<String>,
    missed: Vec<String>,
}

/// Strings of an argument, with their places.
fn strings(arg: &Arg) -> Vec<(usize, &str)> {
    match &arg.kind {
        ArgKind::Text(text) => vec![(arg.at, text)],
        ArgKind::List(list) => list.iter().map(|(at, text)| (*at, text.as_str())).collect(),
        ArgKind::Tag(_) | ArgKind::Number => Vec::new(),
    }
}

impl Checker {
    fn error(&mut self, at: usize, fault: Fault) {
        self.found.errors.push((at, fault));
    }

    fn has(&self, extension: &str) -> bool {
        self.required.iter().any(|(_, name)| name == extension) || self.asked.iter().any(|n| n == extension)
    }

    /// Takes note that `what` comes from an extension.
    fn need(&mut self, at: usize, what: &str, extension: &str) {
        if extension.is_empty() {
            return;
        }
        if self.has(extension) {
            self.used.push(extension.to_owned());
        } else if !self.missed.iter().any(|name| name == extension) {
            // Told once: one require mends all places.
            self.missed.push(extension.to_owned());
            self.error(at, Fault::Needs { what: what.to_owned(), extension: extension.to_owned() });
        }
    }

    fn collect_ihave(&mut self, node: &Node) {
        if node.name == "ihave" {
            self.asked.extend(node.args.iter().flat_map(strings).map(|(_, name)| name.to_owned()));
        }
        for child in node.tests.iter().chain(node.block.iter().flatten()) {
            self.collect_ihave(child);
        }
    }

    fn block(&mut self, commands: &[Node], top: bool) {
        let mut before: Option<&str> = None;
        let mut stopped = false;
        let mut only_require = true;
        for node in commands {
            if stopped {
                self.found.warnings.push((node.at, Fault::Unreachable));
            }
            match node.name.as_str() {
                "require" if !(top && only_require) => self.error(node.at, Fault::LateRequire),
                "require" => self.require(node),
                name => {
                    only_require = false;
                    if matches!(name, "elsif" | "else") && !matches!(before, Some("if" | "elsif")) {
                        self.error(node.at, Fault::NoIf(name.to_owned()));
                    }
                }
            }
            stopped = node.name == "stop";
            before = Some(&node.name);
            match spec(&node.name) {
                None => self.error(node.at, Fault::UnknownCommand(node.name.clone())),
                Some(spec) if spec.is_test => {
                    self.error(node.at, Fault::TestAsCommand(node.name.clone()));
                }
                Some(spec) => self.node(node, spec),
            }
            if let Some(block) = &node.block {
                self.block(block, false);
            }
        }
    }

    fn require(&mut self, node: &Node) {
        for (at, name) in node.args.iter().flat_map(strings) {
            let built_in = matches!(name, "comparator-i;octet" | "comparator-i;ascii-casemap");
            if !built_in && !EXTENSIONS.contains(&name) {
                self.error(at, Fault::UnknownExtension(name.to_owned()));
            }
            self.required.push((at, name.to_owned()));
        }
    }

    fn node(&mut self, node: &Node, spec: &'static Spec) {
        self.need(node.at, spec.name, spec.needs);
        let rest = self.tags(node, spec);
        self.positional(node, spec, &rest);
        match (spec.tests, node.tests.len()) {
            (Tests::None, 0) => {}
            (Tests::None, _) => {
                self.error(node.tests[0].at, Fault::Tests { what: node.name.clone(), wanted: "no test" })
            }
            (Tests::One, 1) if !node.in_brackets => {}
            (Tests::One, _) => {
                self.error(node.at, Fault::Tests { what: node.name.clone(), wanted: "one test" })
            }
            (Tests::Many, n) if n > 0 && node.in_brackets => {}
            (Tests::Many, _) => {
                let wanted = "tests in round brackets, separated by commas";
                self.error(node.at, Fault::Tests { what: node.name.clone(), wanted });
            }
        }
        match (spec.block, &node.block) {
            (true, None) => self.error(node.at, Fault::NoBlock(node.name.clone())),
            (false, Some(_)) => self.error(node.at, Fault::StrayBlock(node.name.clone())),
            _ => {}
        }
        for test in &node.tests {
            match super::table::spec(&test.name) {
                None => self.error(test.at, Fault::UnknownTest(test.name.clone())),
                Some(spec) if !spec.is_test => self.error(test.at, Fault::CommandAsTest(test.name.clone())),
                Some(spec) => self.node(test, spec),
            }
        }
    }

    /// Checks the tagged arguments; yields the others.
    fn tags<'a>(&mut self, node: &'a Node, spec: &'static Spec) -> Vec<&'a Arg> {
        let mut rest: Vec<&Arg> = Vec::new();
        let mut seen: Vec<&'static Tag> = Vec::new();
        let mut args = node.args.iter().peekable();
        while let Some(arg) = args.next() {
            let ArgKind::Tag(name) = &arg.kind else {
                rest.push(arg);
                continue;
            };
            let Some(tag) = spec.tags.iter().flat_map(|tags| tags.iter()).find(|tag| tag.name == name) else {
                self.error(arg.at, Fault::UnknownTag { what: node.name.clone(), tag: name.clone() });
                continue;
            };
            if !rest.is_empty() {
                self.error(arg.at, Fault::LateTag(name.clone()));
            }
            if let Some(other) = seen.iter().find(|other| other.group == tag.group) {
                let clash = Fault::TagsClash { first: other.name.to_owned(), second: name.clone() };
                self.error(arg.at, clash);
            }
            seen.push(tag);
            if let Some(extension) = tag.needs {
                self.need(arg.at, &format!(":{name}"), extension);
            }
            if let Some(takes) = tag.takes {
                match args.next_if(|value| fits(takes, value)) {
                    Some(value) => self.tag_value(tag, value),
                    None => {
                        let fault = Fault::TagValue { tag: name.clone(), wanted: takes.wanted() };
                        self.error(arg.at, fault);
                        // What stands there instead is not an argument of the command.
                        args.next_if(|value| !matches!(value.kind, ArgKind::Tag(_)));
                    }
                }
            }
        }
        let has = |name: &str| seen.iter().any(|tag| tag.name == name);
        if node.name == "size" && !has("over") && !has("under") {
            let wanted = ":over or :under with a number";
            self.error(node.at, Fault::MissingTag { what: node.name.clone(), wanted });
        }
        if matches!(node.name.as_str(), "header" | "address" | "date" | "deleteheader")
            && has("last")
            && !has("index")
        {
            self.error(node.at, Fault::MissingTag { what: ":last".into(), wanted: ":index" });
        }
        rest
    }

    fn tag_value(&mut self, tag: &Tag, value: &Arg) {
        let Some((at, text)) = strings(value).first().copied() else { return };
        match tag.name {
            "comparator" => match text {
                "i;octet" | "i;ascii-casemap" => self.used.push(format!("comparator-{text}")),
                "i;ascii-numeric" => self.need(at, "this comparator", "comparator-i;ascii-numeric"),
                _ => {
                    let wanted = "i;octet, i;ascii-casemap or i;ascii-numeric";
                    self.error(at, Fault::BadValue { value: text.to_owned(), wanted });
                }
            },
            // RFC 5231 §4
            "value" | "count" if !matches!(text, "gt" | "ge" | "lt" | "le" | "eq" | "ne") => {
                let wanted = "gt, ge, lt, le, eq or ne";
                self.error(at, Fault::BadValue { value: text.to_owned(), wanted });
            }
            _ => {}
        }
    }

    fn positional(&mut self, node: &Node, spec: &'static Spec, args: &[&Arg]) {
        let short = args.len() + 1 == spec.args.len();
        let types = match spec.optional {
            Optional::First if short => &spec.args[1..],
            Optional::Last if short => &spec.args[..spec.args.len() - 1],
            _ => spec.args,
        };
        for (takes, arg) in types.iter().zip(args) {
            if !fits(*takes, arg) {
                self.error(arg.at, Fault::BadArgument { what: node.name.clone(), wanted: takes.wanted() });
            }
        }
        if let Some(missing) = types.get(args.len()) {
            let what = node.name.clone();
            self.error(node.at, Fault::MissingArgument { what, wanted: missing.wanted() });
        } else if let Some(extra) = args.get(types.len()) {
            self.error(extra.at, Fault::ExtraArgument(node.name.clone()));
        }
        let with_variables = self.has("variables");
        let open = |text: &str| with_variables && text.contains("${");
        let first = args.first().map(|arg| strings(arg)).unwrap_or_default();
        for (at, text) in first {
            let wanted = match node.name.as_str() {
                "redirect" if !open(text) && !is_address(text) => "a mail address is wanted",
                // RFC 5228 §5.4
                "envelope" if !open(text) && !matches!(text.to_ascii_lowercase().as_str(), "from" | "to") => {
                    "\"from\" or \"to\" is wanted"
                }
                // RFC 5229 §3: an identifier, or a number that is set by a match only.
                "set" if !is_variable(text) => "the name of a variable is wanted",
                _ => continue,
            };
            self.error(at, Fault::BadValue { value: text.to_owned(), wanted });
        }
        // RFC 5232 §3: the first of two arguments names a variable.
        if spec.needs == "imap4flags" && args.len() == 2 {
            self.need(node.at, &format!("{} with two arguments", node.name), "variables");
        }
    }

    /// What is required and not used. Where a script asks for extensions at run time, nothing can be told.
    fn unused(&mut self, text: &str) {
        if !self.asked.is_empty() {
            return;
        }
        if text.contains("${") {
            self.used.extend(["variables", "encoded-character"].map(str::to_owned));
        }
        for (at, name) in std::mem::take(&mut self.required) {
            let known = EXTENSIONS.contains(&name.as_str());
            if known && !self.used.contains(&name) {
                self.found.warnings.push((at, Fault::Unused(name)));
            }
        }
    }
}

fn fits(wanted: Type, arg: &Arg) -> bool {
    matches!(
        (&arg.kind, wanted),
        (ArgKind::Number, Type::Number)
            | (ArgKind::Text(_), Type::Text | Type::List)
            | (ArgKind::List(_), Type::List)
    )
}

/// `local@domain`, perhaps in angle brackets behind a name. Who judges more would refuse what mail servers take.
fn is_address(text: &str) -> bool {
    let inner = match (text.rfind('<'), text.trim_end().strip_suffix('>')) {
        (Some(open), Some(closed)) => &closed[open + 1..],
        _ => text,
    };
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_control() || c == ' ');
    inner.trim().rsplit_once('@').is_some_and(|(local, domain)| {
        (plain(local) || local.starts_with('"')) && plain(domain) && !domain.contains('@')
    })
}

fn is_variable(text: &str) -> bool {
    // A dot separates the name space of RFC 5229 §3.
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
