use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use klimalade_lake::{Areas, Lake, OwnerState, Publishes};
use klimalade_model::{Result, Schemas};
use klimalade_pipeline::{Catalogue, Owner};

use crate::retire::clashes_with;

/// The states of all owners, read once a night and kept current by those that commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct States {
    standing: Arc<Mutex<BTreeMap<String, OwnerState>>>,
    /// Owners whose state cannot be read, and why: what their pipelines declare stands for it.
    unreadable: Arc<BTreeMap<String, String>>,
}

impl States {
    /// Errors: the store's. A state that cannot be read is the failure of its own owner.
    pub(crate) async fn read(lake: &Lake, catalogue: &Catalogue) -> Result<Self> {
        let (mut standing, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
        for (name, state) in lake.each_state().await? {
            let state = match state {
                Ok(state) => state,
                Err(fault) => {
                    unreadable.insert(name.clone(), fault.line());
                    let owners = catalogue.owners();
                    let Some(owner) = owners.iter().find(|owner| owner.name == name) else {
                        continue;
                    };
                    declared(owner)
                }
            };
            standing.insert(name, state);
        }
        Ok(Self {
            standing: Arc::new(Mutex::new(standing)),
            unreadable: Arc::new(unreadable),
        })
    }

    /// Another owner's newly committed state.
    pub(crate) fn keep(&self, state: &OwnerState) {
        self.lock().insert(state.owner.clone(), state.clone());
    }

    /// True when the owner has published and was not retired since.
    pub(crate) fn stands(&self, owner: &str) -> bool {
        self.lock()
            .get(owner)
            .is_some_and(|state| state.retired_at.is_none() && !state.partitions.is_empty())
    }

    /// Owners that were retired and have not come back, and since when.
    pub(crate) fn retired(&self) -> BTreeMap<String, String> {
        let standing = self.lock();
        let retired = standing.values();
        retired
            .filter_map(|state| Some((state.owner.clone(), state.retired_at.clone()?)))
            .collect()
    }

    /// When the agency last confirmed anything of an owner.
    pub(crate) fn newest_confirmation(&self, owner: &str) -> Option<String> {
        newest_confirmation(self.lock().get(owner)?)
    }

    /// Refuses an owner that would publish what another has published; gives what could not be looked at. Errors:
    /// Contract.
    pub(crate) fn clashes(&self, owner: &Owner, schemas: &Schemas) -> Result<Vec<String>> {
        clashes_with(self.lock().values(), owner, schemas)?;
        let others = self.unreadable.iter().filter(|(name, _)| **name != owner.name);
        Ok(others
            .map(|(name, text)| {
                format!("what {name} has published is not known, what it declares was looked at: {text}")
            })
            .collect())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, OwnerState>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the agency last confirmed any part.
pub(crate) fn newest_confirmation(state: &OwnerState) -> Option<String> {
    state.parts.values().map(|part| part.confirmed_at.clone()).max()
}

fn declared(owner: &Owner) -> OwnerState {
    let publishes = &owner.definition.publishes;
    OwnerState {
        publishes: Publishes {
            indicators: publishes.indicators.clone(),
            areas: publishes
                .areas
                .codes()
                .map_or(Areas::All, |codes| Areas::Only(codes.to_vec())),
        },
        ..OwnerState::new(&owner.name, &owner.definition.table, "")
    }
}
