use ehlo_core::Params;

/// Fills the places (`{name}`) of `template`. A place without a value is left as it is: that shows in a test.
pub fn render(template: &str, params: &Params) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        match params.get(&rest[1..close]) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[..=close]),
        }
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let params = Params::from([("name".into(), "{name} x".into()), ("n".into(), "3".into())]);
        assert_eq!(render("{name}: {n} of {m} {", &params), "{name} x: 3 of {m} {");
    }
}
