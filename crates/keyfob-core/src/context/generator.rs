//! Ids made of random UUIDs.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use super::IdGenerator;
use crate::{resource::ResourceId, time::DateTime};

/// Makes version 7 UUIDs (RFC 9562): ordered by the time of their making, with at least 62 random bits.
///
/// The ids of one generator grow, also within a millisecond and while the clock stands or goes back (section 6.2, method
/// 1), so that resources come in the order of their creation.
#[derive(Default)]
pub struct UuidGenerator {
    last: Mutex<Tick>,
}

/// The part of an id that grows: a time in milliseconds, and a count within it.
#[derive(Clone, Copy, Default)]
struct Tick {
    millis: u64,
    count: u16,
}

/// The count has 12 bits.
const COUNTS: u16 = 1 << 12;

impl Tick {
    /// Returns the tick for an id that is made now. A new millisecond starts in the lower half of the counts, at random.
    fn next(self, millis: u64, random: u16) -> Self {
        let following = self.count + 1;
        if millis > self.millis {
            let count = random % (COUNTS / 2);
            Self { millis, count }
        } else if following < COUNTS {
            Self {
                millis: self.millis,
                count: following,
            }
        } else {
            Self {
                millis: self.millis + 1,
                count: 0,
            }
        }
    }
}

impl UuidGenerator {
    /// The generator.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for UuidGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UuidGenerator")
    }
}

impl IdGenerator for UuidGenerator {
    fn next_id(&self, now: DateTime) -> ResourceId {
        let mut random = [0; 10];
        // Without the system's randomness an id is still unique as long as no two are made in one millisecond;
        // the store refuses a second one.
        getrandom::fill(&mut random).ok();
        let millis = u64::try_from(now.unix_millis()).unwrap_or_default();
        let tick = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let [first, second, ..] = random;
            *last = last.next(millis, u16::from_be_bytes([first, second]));
            *last
        };
        let [first, second, ..] = &mut random;
        [*first, *second] = tick.count.to_be_bytes();
        let millis = tick.millis;
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut buffer = Uuid::encode_buffer();
        ResourceId::new(&*id.hyphenated().encode_lower(&mut buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_generator_grow_while_the_clock_stands_and_goes_back() {
        let ids = UuidGenerator::new();
        let times = std::iter::repeat_n(5_000, 10_000).chain([4_999, 5_000, 5_001, 9_000]);
        let made: Vec<_> = times
            .map(|millis| ids.next_id(DateTime::from_unix_millis(millis)))
            .collect();
        assert!(made.is_sorted_by(|left, right| left < right));
        assert!(made.iter().all(|id| id.as_str().as_bytes()[14] == b'7'));
        // 10,000 ids don't fit into one millisecond, and none is far from its own.
        assert!(made[9_999].as_str() < "00000000-1390-7000-0000-000000000000");
    }
}
