use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `Tue, 24 Nov 2026 05:04:33 +0000` (RFC 5322 §3.3)
pub(crate) fn rfc5322(unix: i64) -> String {
    const FORMAT: &[FormatItem<'_>] = format_description!(
        "[weekday repr:short], [day padding:none] [month repr:short] [year] [hour]:[minute]:[second] +0000"
    );
    at(unix).format(FORMAT).unwrap_or_default()
}

/// `24-Nov-2026 05:04:33 +0000`, the day padded by a blank (RFC 9051 §9, `date-time`)
pub(crate) fn imap_date_time(unix: i64) -> String {
    const FORMAT: &[FormatItem<'_>] =
        format_description!("[day padding:space]-[month repr:short]-[year] [hour]:[minute]:[second] +0000");
    at(unix).format(FORMAT).unwrap_or_default()
}

/// `2026-11-24T05:04:33Z` (RFC 3339)
pub(crate) fn rfc3339(unix: i64) -> String {
    at(unix).format(&Rfc3339).unwrap_or_default()
}

/// The first moment of the year after the next.
pub(crate) fn year_after_next(unix: i64) -> i64 {
    let day = time::Date::from_ordinal_date(at(unix).year() + 2, 1);
    day.map_or(unix, |day| day.midnight().assume_utc().unix_timestamp())
}

/// Reads what [`rfc3339`] writes; seconds since 1970.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// Reads `date-time`; seconds since 1970.
pub(crate) fn parse_imap_date_time(text: &str) -> Option<i64> {
    const FORMAT: &[FormatItem<'_>] = format_description!(
        "[day padding:none]-[month repr:short case_sensitive:false]-[year] [hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
    );
    OffsetDateTime::parse(text.trim_start(), FORMAT).ok().map(OffsetDateTime::unix_timestamp)
}

/// Reads `date` as SEARCH has it, e.g. `1-Feb-1994`; days since 1970.
pub(crate) fn parse_imap_date(text: &str) -> Option<i64> {
    const FORMAT: &[FormatItem<'_>] =
        format_description!("[day padding:none]-[month repr:short case_sensitive:false]-[year]");
    let date = time::Date::parse(text.trim_matches('"'), FORMAT).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp().div_euclid(DAY))
}

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

fn at(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_three_forms() {
        assert_eq!(rfc5322(837_570_205), "Wed, 17 Jul 1996 02:23:25 +0000");
        assert_eq!(imap_date_time(836_000_000), "28-Jun-1996 22:13:20 +0000");
        assert_eq!(imap_date_time(0), " 1-Jan-1970 00:00:00 +0000");
        assert_eq!(parse_imap_date_time("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(parse_imap_date_time(" 1-jan-1970 00:00:00 +0000"), Some(0));
        assert_eq!(parse_imap_date_time("17-Jul-1996"), None);
        assert_eq!(rfc3339(year_after_next(837_570_205)), "1998-01-01T00:00:00Z");
        assert_eq!(parse_imap_date("2-Jan-1970"), Some(1));
        assert_eq!(parse_imap_date("32-Jan-1970"), None);
    }
}
