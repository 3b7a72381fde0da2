use jiff::Timestamp;
use klimalade_lake::PartState;
use klimalade_model::{Fault, Page, Part, Result};

use crate::{drift::remember, mapper::PartRows, provenance::Provenance, publish::PartResult, work::Work};

/// From a part's pages to its rows.
impl Work<'_> {
    pub(crate) async fn map_pages(
        &mut self,
        part: Part,
        mut state: PartState,
        pages: Vec<Page>,
        changed: bool,
    ) -> Result<PartResult> {
        let place = format!("{} part {}", self.owner.name, part.key);
        let columns = if changed {
            self.columns_of(&part, &pages).await
        } else {
            Vec::new()
        };
        self.look_for_drift(&part, &columns)?;
        let number = self.provenances.number(self.provenance(&state)?);
        let rows: PartRows = self
            .mapper
            .map(self.owner, self.connector.clone(), &part, pages, number)
            .await
            .map_err(|fault| self.with_drift(fault, &columns).at(place))?;
        if !self.is_based() {
            remember(&mut self.columns, &columns);
        }
        state.mapping_hash.clone_from(&self.mapping_hash);
        state.counts = rows.counts.clone();
        Ok(PartResult {
            part,
            state: Some(state),
            rows: Some(rows),
            changed,
            fault: None,
            number,
        })
    }

    fn provenance(&self, state: &PartState) -> Result<Provenance> {
        let seen: Timestamp = state
            .first_seen_at
            .parse()
            .map_err(|source| Fault::bug("a state holds no time").because(source))?;
        let from_part = |name: &str| {
            state
                .part
                .detail
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let licence = from_part("licence_code").or_else(|| self.owner.definition.licence_code.clone());
        let licence = licence.ok_or_else(|| {
            Fault::settings("the pipeline names no licence")
                .at(self.owner.name.clone())
                .hint("licence_code = \"cc_by_4_0\"")
        })?;
        if !self.house.schemas.code_list("licences")?.contains(&licence) {
            return Err(Fault::settings("the licence is not in the code list")
                .found(licence)
                .hint("klimalade schema licences"));
        }
        Ok(Provenance {
            source_id: self.house.source_id(self.owner),
            retrieved_at: seen.as_microsecond(),
            snapshot_sha256: state.snapshot.manifest_sha256.clone(),
            source_version: from_part("source_version").or_else(|| state.part.change_mark.clone()),
            licence_code: licence,
        })
    }
}
