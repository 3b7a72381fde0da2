//! The lake: a local folder or a prefix of an object store, and what makes it safe to read while it is written.
//! Raw layer, states, locks, the commit, the Parquet writer of a partition, verify and vacuum.

mod commit;
mod constant;
mod error;
mod geo;
mod hash;
mod key;
mod lake;
mod lock;
mod next;
mod options;
mod partition;
mod raw;
mod state;
mod store;
mod vacuum;
mod verify;

pub use commit::{CommitPlan, Committed, Replacement};
pub use constant::{Constant, ConstantValue, constant_text};
pub use error::{Error, is_locked};
pub use lake::{Lake, LocalFile};
pub use lock::{Holder, LOCK_LASTS, OwnerLock};
pub use options::{Now, OpenOptions};
pub use partition::{PartitionWriter, StagedFile, WriterOptions};
pub use raw::{INPUT_SCHEME, ManifestRef};
pub use state::{Areas, Counts, OwnerState, PartState, PartitionState, Publishes, STATE_VERSION, SnapshotRef};
pub use store::Listed;
pub use vacuum::Vacuumed;
pub use verify::Finding;
