use std::collections::BTreeMap;

use jiff::Timestamp;
use klimalade_lake::PartState;
use klimalade_model::Part;
use klimalade_pipeline::Harvest;

/// Why a part is asked for, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// It is asked for.
    Yes,
    /// The plan's change mark says that nothing changed: confirmed without asking.
    Confirmed,
    /// Not its turn.
    NotYet,
}

/// Decides for every part of a plan (oldest first). A part never fetched is always asked for; so is one whose
/// request would be another than before.
pub fn decide(plan: &[Part], known: &BTreeMap<String, PartState>, harvest: &Harvest, now: Timestamp) -> Vec<Ask> {
    let newest_from = plan.len().saturating_sub(harvest.recheck_parts);
    let mut asks: Vec<Ask> = plan
        .iter()
        .enumerate()
        .map(|(at, part)| {
            let Some(state) = known.get(&part.key) else {
                return Ask::Yes;
            };
            let same_request = state.part.detail == part.detail;
            match (&part.change_mark, &state.part.change_mark) {
                _ if at >= newest_from => Ask::Yes,
                (Some(new), Some(old)) if new == old && same_request => Ask::Confirmed,
                (Some(_), _) => Ask::Yes,
                (None, _) if !same_request => Ask::Yes,
                (None, _) if is_older(&state.confirmed_at, harvest.every.age(), now) => {
                    // Rotation takes over for the older parts of a long series.
                    if harvest.rotate_parts > 0 {
                        Ask::NotYet
                    } else {
                        Ask::Yes
                    }
                }
                (None, _) => Ask::NotYet,
            }
        })
        .collect();
    if harvest.rotate_parts > 0 {
        let mut waiting: Vec<usize> = (0..plan.len())
            .filter(|&at| asks[at] == Ask::NotYet)
            .filter(|&at| {
                known
                    .get(&plan[at].key)
                    .is_some_and(|state| is_older(&state.confirmed_at, harvest.every.age(), now))
            })
            .collect();
        waiting.sort_by_key(|&at| known.get(&plan[at].key).map(|state| state.confirmed_at.clone()));
        for at in waiting.into_iter().take(harvest.rotate_parts) {
            asks[at] = Ask::Yes;
        }
    }
    asks
}

pub(crate) fn is_older(confirmed_at: &str, age: std::time::Duration, now: Timestamp) -> bool {
    confirmed_at
        .parse::<Timestamp>()
        .map_or(true, |then| now.duration_since(then).unsigned_abs() >= age)
}

/// Days since a confirmation; `None` when it is no time.
pub(crate) fn days_since(confirmed_at: &str, now: Timestamp) -> Option<i64> {
    let then = confirmed_at.parse::<Timestamp>().ok()?;
    Some(now.duration_since(then).as_secs() / 86_400)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use klimalade_lake::{Counts, SnapshotRef};
    use klimalade_pipeline::Every;

    use super::*;

    fn part(key: &str, mark: Option<&str>) -> Part {
        Part {
            change_mark: mark.map(str::to_owned),
            ..Part::new(key)
        }
    }
    fn known(parts: &[(&str, Option<&str>, &str)]) -> BTreeMap<String, PartState> {
        let state = |key: &str, mark: Option<&str>, confirmed: &str| PartState {
            part: part(key, mark),
            snapshot: SnapshotRef {
                owner: String::new(),
                manifest_sha256: String::new(),
                content_sha256: String::new(),
                part_key: key.to_owned(),
                bytes: 0,
            },
            mapping_hash: String::new(),
            first_seen_at: confirmed.to_owned(),
            confirmed_at: confirmed.to_owned(),
            counts: Counts::default(),
            partitions: Vec::new(),
            extra: serde_json::Value::Null,
        };
        parts
            .iter()
            .map(|(key, mark, confirmed)| ((*key).to_owned(), state(key, *mark, confirmed)))
            .collect()
    }
    const NOW: &str = "2026-02-15T02:00:00Z";

    #[test]
    fn a_part_never_fetched_is_asked_for_and_an_equal_mark_is_not() {
        let plan = [
            part("2023", Some("a")),
            part("2024", Some("b")),
            part("2025", Some("c")),
        ];
        let known = known(&[
            ("2023", Some("a"), "2026-02-14T02:00:00Z"),
            ("2024", Some("old"), "2026-02-14T02:00:00Z"),
        ]);
        let asks = decide(&plan, &known, &Harvest::default(), NOW.parse().unwrap());
        assert_eq!(asks, [Ask::Confirmed, Ask::Yes, Ask::Yes]);
    }

    #[test]
    fn without_a_mark_every_counts_from_the_confirmation() {
        let plan = [part("all", None)];
        let harvest = Harvest {
            every: Every::Week,
            ..Harvest::default()
        };
        let fresh = known(&[("all", None, "2026-02-12T02:00:00Z")]);
        assert_eq!(decide(&plan, &fresh, &harvest, NOW.parse().unwrap()), [Ask::NotYet]);
        let old = known(&[("all", None, "2026-02-08T02:00:00Z")]);
        assert_eq!(decide(&plan, &old, &harvest, NOW.parse().unwrap()), [Ask::Yes]);
    }

    #[test]
    fn the_newest_parts_are_rechecked_and_the_older_ones_rotate_longest_unconfirmed_first() {
        let plan: Vec<Part> = ["1", "2", "3", "4", "5"].iter().map(|key| part(key, None)).collect();
        let known = known(&[
            ("1", None, "2026-02-01T02:00:00Z"),
            ("2", None, "2026-01-01T02:00:00Z"),
            ("3", None, "2026-02-14T20:00:00Z"),
            ("4", None, "2026-02-01T03:00:00Z"),
            ("5", None, "2026-02-14T20:00:00Z"),
        ]);
        let harvest = Harvest {
            recheck_parts: 1,
            rotate_parts: 2,
            ..Harvest::default()
        };
        let asks = decide(&plan, &known, &harvest, NOW.parse().unwrap());
        assert_eq!(asks, [Ask::Yes, Ask::Yes, Ask::NotYet, Ask::NotYet, Ask::Yes]);
    }

    #[test]
    fn another_request_for_the_same_part_is_asked_for() {
        let mut plan = [part("all", Some("a"))];
        plan[0].detail = serde_json::json!({"codes": ["101"]});
        let known = known(&[("all", Some("a"), "2026-02-14T02:00:00Z")]);
        assert_eq!(
            decide(&plan, &known, &Harvest::default(), NOW.parse().unwrap()),
            [Ask::Yes]
        );
    }
}
