use crate::Dialogue;
use crate::login::{BindingChoice, Course, LoginOptions, Offered};
use ehlo_core::facts::Answered;
use ehlo_core::{Cause, Failure, Params, Protocol, Side, Span, Stage};
use ehlo_wire::sasl::{Credentials, Exchange, Given, Step, Told, Trouble, mechanism, service_name};

/// No mechanism needs more messages; a server that never ends must not keep us.
const MOST_TURNS: usize = 16;

impl Dialogue {
    /// Leads the exchange of a mechanism to its end.
    pub(crate) async fn login_by_sasl(
        &mut self,
        name: &str,
        credentials: &Credentials,
        offered: &Offered,
        options: &LoginOptions,
        course: &mut Course,
    ) -> Result<Answered, Failure> {
        let Some(mechanism) = mechanism(name) else {
            return Err(Failure::new(Stage::Auth, Cause::NotOffered { what: name.to_owned() }));
        };
        let tag = self.tag();
        let allowed = self.protocol() != Protocol::Imap || offered.sasl_ir;
        // LOGIN is led with the user name on request only: not every server takes it.
        let initial = options.initial_response.unwrap_or(allowed && mechanism.meta().client_first);
        let given = self.given(&offered.mechanisms, options);
        let binding = given.bindings.first().filter(|_| mechanism.meta().binds);
        let kind: Params =
            binding.map(|binding| ("kind".to_owned(), binding.kind.name().to_owned())).into_iter().collect();
        let wrong = binding.is_some() && options.details.binding == BindingChoice::Wrong;
        if wrong {
            self.note("binding-wrong", kind.clone());
        }
        let mut exchange = Exchange::new(self.protocol(), &tag, mechanism, credentials, &given, initial);
        let answered = self.exchange(&mut exchange, course).await;
        if let Some(trouble) = exchange.trouble() {
            let trouble = self.without_secrets(trouble.clone());
            let values = trouble.values().into_iter();
            let params: Params = values.map(|(name, value)| (name.to_owned(), value)).collect();
            // What was made wrong on purpose shows nobody in between.
            if !wrong || trouble != Trouble::BindingMismatch {
                self.note(&format!("sasl-{}", trouble.id()), params);
            }
            course.trouble = Some(trouble);
        } else if binding.is_some() && !wrong && matches!(answered, Ok(Answered::Accepted)) {
            self.note("sasl-bound", kind);
        }
        answered
    }

    async fn exchange(&mut self, exchange: &mut Exchange, course: &mut Course) -> Result<Answered, Failure> {
        let mut command = exchange.start();
        let mut sent = exchange.take_told();
        for _ in 0..MOST_TURNS {
            for secret in exchange.take_secrets() {
                self.learn(secret.expose());
            }
            let from = self.transcript().sent_by(Side::Client);
            let turn = match self.say(command).await {
                Ok(turn) => turn,
                Err(failure) => {
                    // What was sent before it broke off belongs to it as well.
                    let to = self.transcript().sent_by(Side::Client);
                    self.keep_messages(sent, Some(Span::new(Side::Client, from, to)), course);
                    return Err(failure);
                }
            };
            self.keep_messages(sent, turn.sent, course);
            let step = turn.last().map(|reply| exchange.reply(reply));
            let (received, next): (Vec<Told>, Vec<Told>) =
                exchange.take_told().into_iter().partition(|told| told.from == Side::Server);
            let last = turn.last().map(ehlo_wire::Reply::span);
            for secret in exchange.take_received_secrets() {
                if let Some(span) = last {
                    self.hide(span, secret.expose());
                }
            }
            course.turns.push(turn);
            self.keep_messages(received, last, course);
            sent = next;
            match step {
                Some(Step::Send(further)) => command = further,
                Some(Step::Done(answered)) => return Ok(answered),
                None => return Ok(Answered::Nonsense),
            }
        }
        Ok(Answered::Nonsense)
    }

    /// Keeps messages that stand at `span`. A server may have put a secret of ours into them.
    fn keep_messages(&self, told: Vec<Told>, span: Option<Span>, course: &mut Course) {
        let Some(span) = span else { return };
        for mut message in told {
            for field in &mut message.decoded.fields {
                field.value = self.masked(&field.value);
                field.name = self.masked(&field.name);
            }
            course.messages.push((span, message));
        }
    }

    fn without_secrets(&self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Server { text } => Trouble::Server { text: self.masked(&text) },
            other => other,
        }
    }

    /// What a mechanism needs besides the credentials.
    fn given(&mut self, offered: &[String], options: &LoginOptions) -> Given {
        let mut bindings = self.bindings();
        match options.details.binding {
            BindingChoice::Best => {}
            BindingChoice::Only(kind) => bindings.retain(|binding| binding.kind == kind),
            BindingChoice::Wrong => {
                bindings.iter_mut().flat_map(|binding| &mut binding.data).for_each(|byte| *byte ^= 0xff);
            }
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Given {
            random: self.random(),
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            service: service_name(self.protocol()),
            host: self.host().to_owned(),
            bindings,
            plus_offered: offered.iter().any(|name| name.ends_with("-PLUS")),
            password_form: options.details.password_form,
            realm: options.details.realm.clone(),
            iteration_cap: options.details.iteration_cap,
            ntlm_v1: options.details.ntlm_v1,
            ..Given::default()
        }
    }

    /// Whether the login can be tied to the TLS connection (RFC 9266).
    pub fn can_bind(&self) -> bool {
        !self.bindings().is_empty()
    }
}
