use super::super::service::Service;
use ehlo_core::date;
use ehlo_dialogue::Dialogue;

/// What a message is known again by: another for each connection of a run, and for each run.
pub(super) fn token(service: &Service, dialogue: &mut Dialogue) -> String {
    let (tag, id) = (dialogue.tag(), dialogue.transcript().id.0);
    format!("ehlo-{tag}-{id}-{:08x}", service.options.connection.seed as u32)
}

/// A message that says what it is and where it comes from, without the end of data. Lines end in CR LF.
pub(super) fn message(now: i64, from: &str, to: &str, host: &str, token: &str, what: &str) -> String {
    format!(
        "Date: {}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nSubject: ehlo check: {what}\r\nMessage-ID: <{token}@{host}>\r\n\
         X-Ehlo-Token: {token}\r\nAuto-Submitted: auto-generated\r\n\r\n\
         Somebody who may examine the mail server has sent this to find out something about it: {what}.\r\n\
         Nothing has to be done about it.\r\n",
        date_time(now)
    )
}

/// A moment as RFC 5322 §3.3 wants it.
fn date_time(now: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let weekday = usize::try_from(now.div_euclid(86_400).rem_euclid(7)).map_or("Thu", |d| DAYS[d % 7]);
    let day = date(now);
    let mut parts = day.rsplit('-');
    let of_month = parts.next().unwrap_or_default();
    let month = parts.next().and_then(|m| m.parse::<usize>().ok()).unwrap_or(1);
    let year = parts.next().unwrap_or_default();
    let second = now.rem_euclid(86_400);
    format!(
        "{weekday}, {of_month} {} {year} {:02}:{:02}:{:02} +0000",
        MONTHS[(month.max(1) - 1) % 12],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(date_time(1_795_496_673), "Tue, 24 Nov 2026 05:04:33 +0000");
        assert_eq!(date_time(0), "Thu, 01 Jan 1970 00:00:00 +0000");
    }
}
