use ehlo_core::Params;

/// Fills the places (`{name}`) of `template`. `{name|day|days}` stands for the value with the word that fits its
/// number: "1 day", "2 days". A place without a value is left as it is: that shows in a test.
pub fn render(template: &str, params: &Params) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        let mut parts = rest[1..close].split('|');
        match params.get(parts.next().unwrap_or_default()) {
            Some(value) => {
                out.push_str(value);
                if let (Some(one), Some(many)) = (parts.next(), parts.next()) {
                    out.push(' ');
                    out.push_str(if value == "1" { one } else { many });
                }
            }
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

    #[test]
    fn words_agree_with_their_number() {
        let of = |n: &str| render("vor {n|Tag|Tagen}.", &Params::from([("n".into(), n.into())]));
        assert_eq!(
            (of("1"), of("0"), of("12")),
            ("vor 1 Tag.".into(), "vor 0 Tagen.".into(), "vor 12 Tagen.".into())
        );
    }
}
