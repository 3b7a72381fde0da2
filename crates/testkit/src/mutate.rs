//! Deterministic damage: the same seed gives the same bytes on every machine.

/// Xorshift by Marsaglia (64 bits, 13-7-17).
#[derive(Clone, Debug)]
pub struct Xorshift(u64);

impl Xorshift {
    /// A generator; any seed will do, 0 included.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }
    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_number() % (end.max(1) as u64)) as usize
    }
}

/// Letters that mean something in one of the formats.
const MEANINGFUL: &[u8] = b"\"\\{}[],:;.-+eE0919 \n\r\t<>/&\xC3\xFF\x00";

/// A damaged copy of `bytes`: one to four of flip, overwrite, delete, insert, repeat, cut.
pub fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Xorshift::new(seed);
    let mut damaged = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(damaged.len());
        let length = 1 + random.below(damaged.len().saturating_sub(at).min(24));
        let end = (at + length).min(damaged.len());
        let letter = MEANINGFUL
            .get(random.below(MEANINGFUL.len()))
            .copied()
            .unwrap_or_default();
        match random.below(6) {
            0 => {
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                if let Some(byte) = damaged.get_mut(at) {
                    *byte = letter;
                }
            }
            2 => {
                damaged.drain(at..end);
            }
            3 => damaged.insert(at, letter),
            4 => {
                let piece = damaged.get(at..end).unwrap_or_default().to_vec();
                damaged.splice(at..at, piece);
            }
            _ => damaged.truncate(at),
        }
    }
    damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_damage() {
        let bytes = br#"{"a": [1, 2, 3]}"#;
        assert_eq!(mutated(bytes, 7), mutated(bytes, 7));
        let different = (0..100).filter(|seed| mutated(bytes, *seed) != bytes).count();
        assert!(different > 90, "{different}");
    }

    #[test]
    fn nothing_can_be_damaged_too() {
        for seed in 0..1000 {
            mutated(b"", seed);
            mutated(b"x", seed);
        }
    }
}
