//! A test of a program that sends mail, in Rust, with the lab as a library.

use ehlo_lab::TestLab;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What is tested: a program of yours that sends a message. Here it is the shortest that speaks SMTP.
fn send_invoice(server: SocketAddr, to: &str) -> std::io::Result<String> {
    let mut smtp = BufReader::new(TcpStream::connect(server)?);
    let mut answer = String::new();
    smtp.read_line(&mut answer)?;
    let message = format!("From: shop@shop.test\r\nTo: {to}\r\nSubject: Invoice 17\r\n\r\nPlease pay.\r\n.");
    let recipient = format!("RCPT TO:<{to}>");
    for said in ["HELO shop.test", "MAIL FROM:<shop@shop.test>", &recipient, "DATA", &message, "QUIT"] {
        smtp.get_mut().write_all(format!("{said}\r\n").as_bytes())?;
        answer.clear();
        smtp.read_line(&mut answer)?;
        if !answer.starts_with(['2', '3']) {
            break;
        }
    }
    Ok(answer)
}

#[test]
fn an_invoice_arrives() -> Result<(), Box<dyn std::error::Error>> {
    let lab = TestLab::builder().account("bob:secret").start_blocking()?;

    send_invoice(lab.smtp(), "bob@lab.test")?;

    let mail = lab.wait_for_message_blocking("bob@lab.test", Duration::from_secs(5))?;
    assert_eq!(mail.header().subject, "Invoice 17");
    assert_eq!(mail.envelope.as_ref().map(|e| e.from.as_str()), Some("shop@shop.test"));
    assert!(mail.text().contains("Please pay."));
    Ok(())
}

#[test]
fn a_server_that_is_busy_is_told_about() -> Result<(), Box<dyn std::error::Error>> {
    let lab = TestLab::builder()
        .account("bob:secret")
        .fault("reply=RCPT:450 4.2.1 come back later")
        .start_blocking()?;

    let answer = send_invoice(lab.smtp(), "bob@lab.test")?;

    assert!(answer.starts_with("450"), "{answer}");
    assert!(lab.messages("bob").is_empty());
    Ok(())
}
