use super::answer::{Answer, Refusal, VERSION, document_answer};
use super::query::Query;
use super::{Shared, body, document, messages};
use crate::{ActiveFault, LabError, StoreError, Wanted};
use ehlo_core::Address;
use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// The paths, what can be done there, and what for.
const PATHS: &[(&str, &[&str], &str)] = &[
    ("/", &["GET"], "what there is"),
    ("/v1/accounts", &["GET"], "who may log in, and what each has"),
    (
        "/v1/messages",
        &["GET", "POST", "DELETE"],
        "messages; to, from, subject, account, mailbox, after, limit",
    ),
    ("/v1/messages/{id}", &["GET", "DELETE"], "a message with its parts"),
    ("/v1/messages/{id}/raw", &["GET"], "a message as it is"),
    ("/v1/wait", &["GET"], "waits for messages; as above, and timeout, count"),
    ("/v1/sessions", &["GET", "DELETE"], "connections of clients"),
    ("/v1/sessions/{id}", &["GET"], "what was said on a connection"),
    ("/v1/faults", &["GET", "POST", "DELETE"], "what goes wrong"),
    ("/v1/faults/{id}", &["DELETE"], "one thing that goes wrong"),
    ("/v1/persona", &["GET", "PUT"], "whom the lab imitates"),
    ("/v1/reset", &["POST"], "empties the mailboxes, forgets sessions and faults"),
];

/// Answers a request.
pub(super) async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Answer {
    route(shared, request).await.unwrap_or_else(Refusal::answer)
}

async fn route(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let (head, incoming) = request.into_parts();
    admit(shared.address, shared.lab.host_name(), &head.headers)?;
    let query = Query::read(head.uri.query().unwrap_or_default());
    let path = head.uri.path().trim_matches('/').to_owned();
    let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    let parts: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let method = if head.method == Method::HEAD { "GET" } else { head.method.as_str() };
    match (method, parts.as_slice()) {
        ("GET", []) => no_query(query, || root(shared)),
        ("GET", ["v1", "accounts"]) => no_query(query, || accounts(shared)),
        ("GET", ["v1", "messages"]) => messages::list(shared, query),
        ("POST", ["v1", "messages"]) => messages::put(shared, query, incoming).await,
        ("DELETE", ["v1", "messages"]) => messages::delete(shared, query),
        ("GET", ["v1", "messages", id]) => messages::show(shared, id, query),
        ("DELETE", ["v1", "messages", id]) => messages::delete_one(shared, id, query),
        ("GET", ["v1", "messages", id, "raw"]) => messages::raw(shared, id, query),
        ("GET", ["v1", "wait"]) => messages::wait(shared, query).await,
        ("GET", ["v1", "sessions"]) => no_query(query, || sessions(shared)),
        ("DELETE", ["v1", "sessions"]) => no_query(query, || {
            shared.lab.observe().forget();
            sessions(shared)
        }),
        ("GET", ["v1", "sessions", id]) => {
            query.end()?;
            session(shared, id)
        }
        ("GET", ["v1", "faults"]) => no_query(query, || faults(shared)),
        ("POST", ["v1", "faults"]) => {
            query.end()?;
            add_fault(shared, incoming).await
        }
        ("DELETE", ["v1", "faults"]) => no_query(query, || {
            shared.lab.clear_faults();
            faults(shared)
        }),
        ("DELETE", ["v1", "faults", id]) => {
            query.end()?;
            match id.parse().is_ok_and(|id| shared.lab.remove_fault(id)) {
                true => Ok(document_answer(StatusCode::OK, faults(shared))),
                false => Err(Refusal::missing("no-fault", "there is no such fault")),
            }
        }
        ("GET", ["v1", "persona"]) => no_query(query, || personas(shared)),
        ("PUT", ["v1", "persona"]) => {
            query.end()?;
            let wanted = body::json_text(incoming, "persona").await?;
            shared.lab.set_persona(wanted.as_deref()).map_err(LabError::into_refusal)?;
            Ok(document_answer(StatusCode::OK, personas(shared)))
        }
        ("POST", ["v1", "reset"]) => {
            query.end()?;
            reset(shared)
        }
        (_, parts) => Err(no_route(parts)),
    }
}

/// Lets in who asks for this machine, and no page of a browser.
fn admit(address: IpAddr, host_name: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let fine = match name.parse::<IpAddr>() {
        // Who listens elsewhere wants to be asked there. A number cannot be led astray by DNS.
        Ok(ip) => ip.is_loopback() || !address.is_loopback(),
        Err(_) => {
            name.eq_ignore_ascii_case("localhost")
                || (!address.is_loopback() && name.eq_ignore_ascii_case(host_name))
        }
    };
    if !fine {
        let text =
            format!("this is not the host {:?}; ask for localhost", ehlo_core::escape(name.as_bytes()));
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "host", text));
    }
    if headers.contains_key(ORIGIN) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "origin", "pages of a browser get nothing here"));
    }
    Ok(())
}

fn no_query(query: Query, document: impl FnOnce() -> Value) -> Result<Answer, Refusal> {
    query.end()?;
    Ok(document_answer(StatusCode::OK, document()))
}

fn no_route(parts: &[&str]) -> Refusal {
    let fits = |path: &str| {
        let wanted: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        wanted.len() == parts.len() && wanted.iter().zip(parts).all(|(w, p)| w == p || w.starts_with('{'))
    };
    match PATHS.iter().find(|(path, ..)| fits(path)) {
        None => Refusal::missing("no-path", "there is nothing here; / tells what there is"),
        Some((_, methods, _)) => Refusal {
            allow: Some(methods.join(", ")),
            ..Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                format!("what can be done here: {}", methods.join(", ")),
            )
        },
    }
}

fn root(shared: &Shared) -> Value {
    let paths: Vec<Value> = PATHS
        .iter()
        .map(|(path, methods, text)| json!({ "path": path, "methods": methods, "text": text }))
        .collect();
    json!({
        "tool": { "name": "ehlo lab", "version": env!("CARGO_PKG_VERSION"), "form": VERSION },
        "domain": shared.lab.host_name(),
        "services": services(&shared.services),
        "root_pem": shared.lab.authority().root_pem(),
        "paths": paths,
    })
}

/// Where services listen, as a document tells it.
fn services(services: &[(ehlo_core::Scheme, Address)]) -> Vec<Value> {
    let one = |(scheme, address): &(ehlo_core::Scheme, Address)| match address {
        Address::Ip(address) => {
            json!({ "service": scheme.to_string(), "address": address.ip().to_string(), "port": address.port() })
        }
        Address::Unix(path) => json!({ "service": scheme.to_string(), "path": path.to_string_lossy() }),
    };
    services.iter().map(one).collect()
}

fn accounts(shared: &Shared) -> Value {
    let store = shared.lab.store();
    let one = |name: &String| {
        let mut mailboxes: Vec<Value> = Vec::new();
        let wanted = Wanted { account: Some(name.clone()), ..Wanted::default() };
        let mails = store.find(&wanted);
        for mailbox in store.mailboxes(name) {
            let messages = mails.iter().filter(|m| m.mailbox == mailbox).count();
            mailboxes.push(json!({ "name": mailbox, "messages": messages }));
        }
        let address = format!("{name}@{}", shared.lab.host_name());
        json!({ "name": name, "address": address, "mailboxes": mailboxes })
    };
    json!({ "accounts": store.accounts().iter().map(one).collect::<Vec<_>>() })
}

fn sessions(shared: &Shared) -> Value {
    let all: Vec<Value> = shared.lab.observe().sessions().iter().map(document::session).collect();
    json!({ "sessions": all })
}

fn session(shared: &Shared, id: &str) -> Result<Answer, Refusal> {
    let session = id.parse().ok().and_then(|id| shared.lab.observe().session(id));
    let session = session.ok_or_else(|| Refusal::missing("no-session", "there is no such session"))?;
    let transcript = serde_json::to_value(session.transcript()).unwrap_or_default();
    let document = json!({ "session": document::session(&session), "transcript": transcript });
    Ok(document_answer(StatusCode::OK, document))
}

fn faults(shared: &Shared) -> Value {
    let lab = &shared.lab;
    let one = |(id, fault): &(u64, ActiveFault)| json!({ "id": id, "fault": fault.to_string(), "strikes": lab.fault_strikes(*id) });
    json!({ "faults": lab.faults().iter().map(one).collect::<Vec<_>>() })
}

fn personas(shared: &Shared) -> Value {
    json!({ "personas": shared.lab.personas() })
}

async fn add_fault(shared: &Shared, incoming: Incoming) -> Result<Answer, Refusal> {
    let text = body::json_text(incoming, "fault").await?.unwrap_or_default();
    let fault = ActiveFault::parse(&text).map_err(|error| Refusal::bad("fault", error.to_string()))?;
    let told = fault.to_string();
    let id = shared.lab.add_fault(fault).map_err(LabError::into_refusal)?;
    Ok(document_answer(StatusCode::CREATED, json!({ "id": id, "fault": told })))
}

fn reset(shared: &Shared) -> Result<Answer, Refusal> {
    let all = shared.lab.store().find(&Wanted::default());
    shared.lab.store().delete(&all).map_err(StoreError::into_refusal)?;
    shared.lab.clear_faults();
    shared.lab.observe().forget();
    Ok(document_answer(StatusCode::OK, json!({ "deleted": all.len() })))
}

impl LabError {
    fn into_refusal(self) -> Refusal {
        match self {
            LabError::Persona(error) => Refusal::bad("persona", error.to_string()),
            other => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "lab", other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn only_this_machine_is_asked_for() {
        let asked = |address: [u8; 4], host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            admit(address.into(), "lab.test", &headers).is_ok()
        };
        for host in ["localhost", "LOCALHOST:8025", "127.0.0.1:1", "[::1]:8025", "[::1]"] {
            assert!(asked([127, 0, 0, 1], host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8025",
            "lab.test",
            "192.0.2.1",
            "localhost.evil.example",
            "[::2]",
        ] {
            assert!(!asked([127, 0, 0, 1], host), "{host}");
        }
        assert!(asked([192, 0, 2, 1], "192.0.2.1:8025") && asked([0, 0, 0, 0], "lab.test:8025"));
        assert!(!asked([0, 0, 0, 0], "evil.example"));
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        headers.insert(ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert!(admit([127, 0, 0, 1].into(), "lab.test", &headers).is_err());
    }
}
