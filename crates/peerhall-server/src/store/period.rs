//! Periods of usage: calendar months in UTC (REST API, section 6, decision D21).

const DAY_SECS: u64 = 86_400;

/// One calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// First second of the month, in Unix seconds.
    pub start: u64,
    /// First second of the next month, in Unix seconds.
    pub end: u64,
}

impl Period {
    /// The month that `now`, in Unix seconds, lies in.
    #[must_use]
    pub fn containing(now: u64) -> Self {
        let mut year = 1970;
        let mut day = now / DAY_SECS;
        // 400 years of the calendar always have the same length, so a far future costs few steps.
        year += day / 146_097 * 400;
        day %= 146_097;
        while day >= days_of_year(year) {
            day -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        let start = (now / DAY_SECS).saturating_sub(day).saturating_mul(DAY_SECS);
        Self { start, end: start.saturating_add(days_of_month(year, month) * DAY_SECS) }
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(now: u64) -> (u64, u64) {
        let Period { start, end } = Period::containing(now);
        (start, end)
    }

    #[test]
    fn a_period_is_the_calendar_month_in_utc() {
        // The example of the REST API: May 2024.
        assert_eq!(month(1_715_539_200), (1_714_521_600, 1_717_200_000));
        assert_eq!(month(0), (0, 31 * DAY_SECS));
        assert_eq!(month(951_782_400), (949_363_200, 951_868_800), "29 February 2000");
        assert_eq!(month(4_107_542_399), (4_105_123_200, 4_107_542_400), "28 February 2100, no leap year");
        assert_eq!(month(1_798_761_599), (1_796_083_200, 1_798_761_600), "31 December 2026");
    }

    #[test]
    fn each_period_ends_where_the_next_one_starts() {
        let mut at = Period::containing(0);
        for _ in 0..12 * 600 {
            let next = Period::containing(at.end);
            assert_eq!(next.start, at.end);
            assert_eq!(Period::containing(next.end - 1), next);
            at = next;
        }
        assert_eq!(at.start, 18_934_214_400, "1 January 2570");
        assert!(Period::containing(u64::MAX).start <= u64::MAX - DAY_SECS, "the far future ends nothing");
    }
}
