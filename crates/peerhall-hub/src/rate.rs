//! Token bucket of one connection (wire protocol, section 13.1).

use crate::time::Tick;

/// Tokens left and when they were counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f64,
    counted: Tick,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(burst: f64, now: Tick) -> Self {
        Self { tokens: burst, counted: now }
    }

    /// Takes one token if there is one. `per_second` of 0 switches the limit off.
    pub(crate) fn take(&mut self, per_second: f64, burst: f64, now: Tick) -> bool {
        if per_second <= 0.0 {
            return true;
        }
        let refill = (now - self.counted).as_secs_f64() * per_second;
        self.tokens = (self.tokens + refill).min(burst);
        self.counted = now;
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_at_once(bucket: &mut Bucket, now: Tick) -> usize {
        (0..1000).take_while(|_| bucket.take(100.0, 200.0, now)).count()
    }

    #[test]
    fn w104_a_fresh_bucket_holds_200_and_refills_100_a_second() {
        let mut bucket = Bucket::full(200.0, Tick(0));
        assert_eq!(taken_at_once(&mut bucket, Tick(0)), 200);
        assert_eq!(taken_at_once(&mut bucket, Tick(500)), 50);
        assert_eq!(taken_at_once(&mut bucket, Tick(3_600_000)), 200, "never more than the burst");
    }

    #[test]
    fn w104_100_a_second_go_on_for_ever() {
        let mut bucket = Bucket::full(200.0, Tick(0));
        assert!((0..100_000).all(|n| bucket.take(100.0, 200.0, Tick(n * 10))));
    }

    #[test]
    fn a_rate_of_0_is_no_limit() {
        let mut bucket = Bucket::full(0.0, Tick(0));
        assert!((0..10_000).all(|_| bucket.take(0.0, 0.0, Tick(0))));
    }
}
