/// Invented numbers: a chain of texts and numbers always gives the same one for the same seed, on every machine, so
/// a single cell can be computed without the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The root of all draws.
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x9e37_79b9_7f4a_7c15))
    }
    /// Goes on with a text.
    pub(crate) fn text(self, text: &str) -> Self {
        Self(mix(text.bytes().fold(self.0, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })))
    }
    /// Goes on with a number.
    pub(crate) fn number(self, number: i64) -> Self {
        Self(mix(self.0 ^ (number as u64).wrapping_mul(0xd6e8_feb8_6659_fd93)))
    }
    /// The number itself.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
    /// In 0.0..1.0.
    pub(crate) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    /// In `low..high`.
    pub(crate) fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// An identifier in the form of a UUID.
    pub(crate) fn uuid(self) -> String {
        let (high, low) = (self.0, self.number(1).0);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A sine without the machine's mathematics library, so that figures agree on every machine: `phase` 0..1 is one
/// round. Bhaskara's formula, off by less than 0.002.
pub(crate) fn wave(phase: f64) -> f64 {
    let phase = phase - phase.floor();
    let (sign, half) = if phase < 0.5 {
        (1.0, phase * 2.0)
    } else {
        (-1.0, (phase - 0.5) * 2.0)
    };
    let arch = half * (1.0 - half);
    sign * 16.0 * arch / (5.0 - 4.0 * arch)
}
