use std::time::Duration;

use klimalade_lake::LOCK_LASTS;

use crate::house::House;

/// Between two looks at a lock; a live run renews it every five minutes.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Waits for a lock on an object store that a dead run left: true when it has run out or was given up. False as soon
/// as somebody renews it, when the night ends, and on local disk, where a lock ends with its process. At most as long
/// as a lock lasts.
pub(crate) async fn outlasts_lock(house: &House, owner: &str) -> bool {
    let is_file = house.lake.local_path(&format!("state/{owner}.lock"));
    if !matches!(is_file, Ok(None)) {
        return false;
    }
    let Ok(Some(first)) = house.lake.lock_holder(owner).await else {
        return true;
    };
    loop {
        let left = first.expires_at.duration_since(house.clock.now());
        if left.is_negative() {
            return true;
        }
        if left > LOCK_LASTS {
            return false;
        }
        let left = left.unsigned_abs() + Duration::from_secs(1);
        let wait = house.clock.sleep(left.min(LOOK_EVERY));
        if house.cancel.run_until_cancelled(wait).await.is_none() {
            return false;
        }
        match house.lake.lock_holder(owner).await {
            Ok(None) => return true,
            Ok(Some(now)) if now == first => {}
            _ => return false,
        }
    }
}
