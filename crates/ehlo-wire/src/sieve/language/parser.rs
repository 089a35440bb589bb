use super::Fault;
use super::lexer::{Kind, Token};

/// RFC 5228 §2.10.5 wants at least fifteen nested blocks and tests.
const DEEPEST: usize = 64;

/// A command or test with what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) args: Vec<Arg>,
    pub(super) tests: Vec<Node>,
    /// The tests stand in brackets.
    pub(super) in_brackets: bool,
    pub(super) block: Option<Vec<Node>>,
}

/// An argument.
#[derive(Clone, Debug)]
pub(super) struct Arg {
    pub(super) at: usize,
    pub(super) kind: ArgKind,
}

#[derive(Clone, Debug)]
pub(super) enum ArgKind {
    Tag(String),
    Number,
    Text(String),
    List(Vec<(usize, String)>),
}

type Found<T> = Result<T, (usize, Fault)>;

/// Reads the commands of a script.
pub(super) fn parse(tokens: &[Token]) -> Found<Vec<Node>> {
    let mut parser = Parser { tokens, next: 0 };
    let commands = parser.commands(0)?;
    match parser.peek() {
        Token { kind: Kind::End, .. } => Ok(commands),
        token => Err(wanted("a command", token)),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
}

fn wanted(wanted: &'static str, token: &Token) -> (usize, Fault) {
    (token.at, Fault::Wanted { wanted, found: token.kind.shown() })
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a Token {
        // The last token is the end, and nobody reads behind it.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self, sign: char) -> bool {
        let here = self.peek().kind == Kind::Sign(sign);
        self.next += usize::from(here);
        here
    }

    fn commands(&mut self, depth: usize) -> Found<Vec<Node>> {
        let mut found = Vec::new();
        while let Token { at, kind: Kind::Identifier(name) } = self.peek() {
            if depth > DEEPEST {
                return Err((*at, Fault::TooDeep));
            }
            self.next += 1;
            let mut node = self.node(name, *at, depth)?;
            let open = self.peek().at;
            if self.take('{') {
                let block = self.commands(depth + 1)?;
                if !self.take('}') {
                    return Err(match self.peek() {
                        Token { kind: Kind::End, .. } => (open, Fault::Unclosed('}')),
                        token => wanted("a command or }", token),
                    });
                }
                node.block = Some(block);
            } else if !self.take(';') {
                let wants_block = matches!(node.name.as_str(), "if" | "elsif" | "else");
                return Err(match (wants_block, self.peek()) {
                    (true, _) => (node.at, Fault::NoBlock(node.name)),
                    (false, token) => wanted("a semicolon", token),
                });
            }
            found.push(node);
        }
        Ok(found)
    }

    /// The arguments and tests behind a name.
    fn node(&mut self, name: &str, at: usize, depth: usize) -> Found<Node> {
        if depth > DEEPEST {
            return Err((at, Fault::TooDeep));
        }
        let mut node = Node {
            name: name.to_owned(),
            at,
            args: Vec::new(),
            tests: Vec::new(),
            in_brackets: false,
            block: None,
        };
        loop {
            let token = self.peek();
            let kind = match &token.kind {
                Kind::Tag(tag) => ArgKind::Tag(tag.clone()),
                Kind::Number(_) => ArgKind::Number,
                Kind::Text(text) => ArgKind::Text(text.clone()),
                Kind::Sign('[') => {
                    let list = self.list(token.at)?;
                    node.args.push(Arg { at: token.at, kind: ArgKind::List(list) });
                    continue;
                }
                Kind::Identifier(test) => {
                    self.next += 1;
                    node.tests.push(self.node(test, token.at, depth + 1)?);
                    return Ok(node);
                }
                Kind::Sign('(') => {
                    self.next += 1;
                    node.in_brackets = true;
                    node.tests = self.tests(token.at, depth)?;
                    return Ok(node);
                }
                _ => return Ok(node),
            };
            self.next += 1;
            node.args.push(Arg { at: token.at, kind });
        }
    }

    fn tests(&mut self, open: usize, depth: usize) -> Found<Vec<Node>> {
        let mut found = Vec::new();
        loop {
            match self.peek() {
                Token { at, kind: Kind::Identifier(test) } => {
                    self.next += 1;
                    found.push(self.node(test, *at, depth + 1)?);
                }
                Token { kind: Kind::End, .. } => return Err((open, Fault::Unclosed(')'))),
                token => return Err(wanted("a test", token)),
            }
            if self.take(')') {
                return Ok(found);
            }
            if !self.take(',') {
                return Err(match self.peek() {
                    Token { kind: Kind::End, .. } => (open, Fault::Unclosed(')')),
                    token => wanted("a comma or )", token),
                });
            }
        }
    }

    fn list(&mut self, open: usize) -> Found<Vec<(usize, String)>> {
        self.next += 1;
        let mut found = Vec::new();
        loop {
            match self.peek() {
                Token { at, kind: Kind::Text(text) } => {
                    self.next += 1;
                    found.push((*at, text.clone()));
                }
                Token { kind: Kind::End, .. } => return Err((open, Fault::Unclosed(']'))),
                token => return Err(wanted("a string", token)),
            }
            if self.take(']') {
                return Ok(found);
            }
            if !self.take(',') {
                return Err(match self.peek() {
                    Token { kind: Kind::End, .. } => (open, Fault::Unclosed(']')),
                    token => wanted("a comma or ]", token),
                });
            }
        }
    }
}
