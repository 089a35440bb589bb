use super::Response;
use crate::Parsed;
use ehlo_core::{Deviation, DeviationKind, Span};

/// One capability of a CAPA response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its tag, upper case, escaped.
    pub name: String,
    /// Its parameters, as sent.
    pub args: Vec<Vec<u8>>,
    /// The line.
    pub span: Span,
}

/// Reads the data of a response to CAPA (RFC 2449 §5).
pub fn capa(response: &Response) -> Parsed<Vec<Capability>> {
    let mut found: Vec<Capability> = Vec::new();
    let mut deviations = Vec::new();
    for line in &response.data {
        let mut words = line.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
        let Some(first) = words.next() else {
            deviations.push(Deviation::new(DeviationKind::EmptyLine, line.span));
            continue;
        };
        if !first.iter().all(u8::is_ascii_graphic) {
            deviations.push(Deviation::new(DeviationKind::BadKeyword, line.span));
        }
        let name = ehlo_core::escape(&first.to_ascii_uppercase());
        if found.iter().any(|c| c.name == name) {
            deviations.push(Deviation::new(DeviationKind::RepeatedCapability, line.span));
        }
        found.push(Capability { name, args: words.map(<[u8]>::to_vec).collect(), span: line.span });
    }
    Parsed::new(found, deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::{Assembler, Status};
    use crate::{Framer, FramerEvent, FramerMode};

    #[test]
    fn capabilities_with_parameters() {
        let mut framer = Framer::new(FramerMode::Lines, &ehlo_core::Limits::default());
        framer.push(b"+OK\r\nstls\r\nSASL PLAIN LOGIN\r\n\r\nSTLS\r\n.\r\n");
        let mut assembler = Assembler::default();
        let response = loop {
            let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no response") };
            if let Some(found) = assembler.push(&unit, true) {
                break found.value;
            }
        };
        assert_eq!(response.status, Status::Ok);
        let capa = capa(&response);
        assert_eq!(capa.value[0].name, "STLS");
        assert_eq!(capa.value[1].args, [b"PLAIN".to_vec(), b"LOGIN".to_vec()]);
        assert_eq!(
            capa.deviations.iter().map(|d| d.kind).collect::<Vec<_>>(),
            [DeviationKind::EmptyLine, DeviationKind::RepeatedCapability]
        );
    }
}
