//! What the tests of the common schema share.
use klimalade_model::{CodeList, Schemas};

/// The copies in the binary.
pub(crate) fn schemas() -> Schemas {
    Schemas::embedded().expect("the copies in the binary load")
}

/// A cell; an empty one is an empty text, a missing column fails.
pub(crate) fn cell<'a>(list: &'a CodeList, code: &str, column: &str) -> &'a str {
    assert!(
        list.header.iter().any(|name| name == column),
        "{} has no column {column}",
        list.name
    );
    list.get(code, column).unwrap_or_default()
}

/// Every word in a column of `list` is a code of `other`.
pub(crate) fn assert_each_in(list: &CodeList, column: &str, other: &CodeList) {
    for code in list.codes() {
        for part in cell(list, code, column).split_whitespace() {
            assert!(
                other.contains(part),
                "{} {code}: {column} {part} is not in {}",
                list.name,
                other.name
            );
        }
    }
}
