use std::collections::BTreeMap;

use crate::Error;

/// CKAN's ids of licences beside the codes of the code list `licences`. Portals write them as the old list of Open
/// Definition has them (`cc-by`) and as SPDX has them (`CC-BY-4.0`). `cc-by` names no version. Ids that leave the
/// terms open (`other-at`, `notspecified`) are not here: somebody reads the terms and says so in the settings.
const KNOWN: [(&str, &str); 7] = [
    ("cc-zero", "cc0_1_0"),
    ("cc0", "cc0_1_0"),
    ("cc0-1.0", "cc0_1_0"),
    ("cc-by", "cc_by"),
    ("cc-by-4.0", "cc_by_4_0"),
    ("cc-by 4.0", "cc_by_4_0"),
    ("cc_by_4_0", "cc_by_4_0"),
];

/// The code of a package's licence. The settings go first: the operator has read the terms. An id that is missing is
/// the empty one.
pub(crate) fn code_of(
    package: &str,
    licence_id: Option<&str>,
    title: Option<&str>,
    own: &BTreeMap<String, String>,
) -> Result<String, Error> {
    let id = licence_id.unwrap_or_default().trim();
    let same = |known: &str| known.eq_ignore_ascii_case(id);
    if let Some((_, code)) = own.iter().find(|(known, _)| same(known)) {
        return Ok(code.clone());
    }
    if let Some((_, code)) = KNOWN.iter().find(|(known, _)| same(known)) {
        return Ok((*code).to_owned());
    }
    Err(Error::UnknownLicence {
        package: package.to_owned(),
        id: id.to_owned(),
        title: title.unwrap_or_default().to_owned(),
    })
}

/// The ids that need no setting.
pub(crate) fn known() -> String {
    KNOWN.map(|(id, _)| id).join(", ")
}
