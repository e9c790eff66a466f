//! The days of the ledger: those of one time zone.
//!
//! A day begins at its first instant, which is not midnight where clocks are set forward then, and ends where the next one begins.
//! So days follow one another without gaps and overlaps, whatever clocks do.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The calendar of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar(Tz);

/// No zone is further from UTC than this.
const FURTHEST: TimeDelta = TimeDelta::hours(26);

impl Calendar {
    /// A zone of the IANA time zone database, such as `Europe/Berlin`.
    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The zone's name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The time of the clocks in this zone.
    pub fn local(self, time: DateTime<Utc>) -> DateTime<FixedOffset> {
        time.with_timezone(&self.0).fixed_offset()
    }

    /// The first instant of a day.
    pub fn start_of(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        match self.0.from_local_datetime(&midnight).earliest() {
            Some(start) => start.with_timezone(&Utc),
            None => self.first_second_of(day),
        }
    }

    /// The first second whose date is this day or a later one. For days without a midnight.
    fn first_second_of(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN).and_utc();
        let (mut before, mut within) = (midnight - FURTHEST, midnight + FURTHEST);
        // Halves some 190,000 seconds until one is left.
        loop {
            let half = (within - before).num_seconds() / 2;
            if half == 0 {
                return within;
            }
            let middle = before + TimeDelta::seconds(half);
            if self.local(middle).date_naive() < day {
                before = middle;
            } else {
                within = middle;
            }
        }
    }

    /// The day that a time belongs to.
    pub fn day_of(self, time: DateTime<Utc>) -> NaiveDate {
        let date = self.local(time).date_naive();
        // Where clocks are set back over midnight, the rest of the old date is of the new day already.
        match date.succ_opt() {
            Some(next) if self.start_of(next) <= time => next,
            _ => date,
        }
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Calendar {
        Calendar::parse(name).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_its_first_instant() {
        for (name, date, start) in [
            ("UTC", "2026-01-16", "2026-01-16T00:00:00Z"),
            ("Europe/Berlin", "2026-01-16", "2026-01-15T23:00:00Z"),
            ("Europe/Berlin", "2026-07-16", "2026-07-15T22:00:00Z"),
            ("Asia/Kolkata", "2026-01-16", "2026-01-15T18:30:00Z"),
            ("America/St_Johns", "2026-01-16", "2026-01-16T03:30:00Z"),
            // Midnight did not exist: clocks went from 24:00 to 01:00.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z"),
            // And here from 00:00 to 00:44:30.
            ("Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30Z"),
            // Midnight came twice.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
        ] {
            assert_eq!(zone(name).start_of(day(date)), time(start), "{name} {date}");
        }
    }

    #[test]
    fn a_day_that_clocks_skipped_is_empty() {
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.start_of(day("2011-12-30")), apia.start_of(day("2011-12-31")));
        assert_eq!(apia.day_of(time("2011-12-30T10:00:00Z")), day("2011-12-31"));
        assert_eq!(apia.day_of(time("2011-12-30T09:59:59Z")), day("2011-12-29"));
    }

    #[test]
    fn every_time_belongs_to_the_day_whose_span_it_is_in() {
        for (name, around) in [
            ("America/St_Johns", "2006-10-29T03:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
            ("Europe/Berlin", "2026-03-29T01:00:00Z"),
            ("Asia/Kathmandu", "2026-03-29T18:15:00Z"),
            ("Pacific/Kiritimati", "2026-03-29T10:00:00Z"),
        ] {
            let zone = zone(name);
            for minute in -3_000..3_000 {
                let time = time(around) + TimeDelta::minutes(minute);
                let date = zone.day_of(time);
                let next = date.succ_opt().unwrap();
                assert!(zone.start_of(date) <= time && time < zone.start_of(next), "{name} {time} {date}");
            }
        }
    }

    #[test]
    fn days_with_a_change_of_clocks_have_23_or_25_hours() {
        let berlin = zone("Europe/Berlin");
        let hours = |date: &str| {
            let date = day(date);
            (berlin.start_of(date.succ_opt().unwrap()) - berlin.start_of(date)).num_hours()
        };
        assert_eq!(["2026-03-28", "2026-03-29", "2026-10-25"].map(hours), [24, 23, 25]);
    }

    #[test]
    fn a_zone_has_its_name_in_the_database_of_zones() {
        assert_eq!(zone("Europe/Berlin").to_string(), "Europe/Berlin");
        for unknown in ["", "Berlin", "europe/berlin", "+01:00", "Mars/Olympus"] {
            assert_eq!(Calendar::parse(unknown), None, "{unknown}");
        }
    }
}
