use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

/// Where the time comes from; an argument everywhere, so that tests own it.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// This instant.
    fn now(&self) -> Timestamp;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Where jitter comes from; an argument, so that tests own it.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// A number in 0.0..1.0.
    fn unit(&self) -> f64;
}

/// Jitter from the standard library's random hash keys: good enough to spread retries, no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jitter;

impl Random for Jitter {
    fn unit(&self) -> f64 {
        use std::hash::{BuildHasher, Hasher};
        let bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}
