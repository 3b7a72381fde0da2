//! Time and chance as arguments.
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use klimalade_transport::{Clock, Random};

/// A clock that stands still until somebody sleeps or moves it.
#[derive(Debug)]
pub struct TestClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    slept: Vec<Duration>,
}

impl TestClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            state: Mutex::new(State { now, slept: Vec::new() }),
        }
    }
    /// Moves the clock on, as if so much time had passed without anybody sleeping.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.now = later(state.now, duration);
    }
    /// Every sleep so far, in order.
    pub fn slept(&self) -> Vec<Duration> {
        self.lock().slept.clone()
    }
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock never runs over its end: it stays at the last instant that the calendar has.
fn later(now: Timestamp, duration: Duration) -> Timestamp {
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
    /// Advances the clock by `duration` at once and records it; lets other tasks run once.
    async fn sleep(&self, duration: Duration) {
        {
            let mut state = self.lock();
            state.now = later(state.now, duration);
            state.slept.push(duration);
        }
        tokio::task::yield_now().await;
    }
}

/// Jitter that is always the same number.
#[derive(Clone, Copy, Debug)]
pub struct FixedRandom(
    /// The number, in 0.0..1.0.
    pub f64,
);

impl Random for FixedRandom {
    fn unit(&self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[tokio::test]
    async fn sleep_moves_the_clock_and_is_recorded() {
        let clock = TestClock::at("2026-11-23T00:00:00Z".parse().unwrap());
        clock.sleep(Duration::from_secs(210)).await;
        clock.advance(Duration::from_secs(30));
        assert_eq!(clock.now().to_string(), "2026-11-23T00:04:00Z");
        assert_eq!(clock.slept(), [Duration::from_secs(210)]);
    }

    #[test]
    fn fixed_random_never_changes() {
        assert_eq!([FixedRandom(0.5).unit(), FixedRandom(0.5).unit()], [0.5, 0.5]);
    }
}
