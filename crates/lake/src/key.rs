use klimalade_model::{Fault, Result};

/// Refuses what is no key: a path out of the lake, an empty segment, a character that some store or shell would read
/// otherwise. Errors: Bug; names from outside are checked where they are read.
pub(crate) fn check_key(key: &str) -> Result<()> {
    let good = !key.is_empty() && key.split('/').all(is_name);
    if good {
        Ok(())
    } else {
        Err(Fault::bug("not a key of the lake").found(format!("{key:?}")))
    }
}

/// Refuses an owner name that cannot be a file name of its own. Errors: Settings.
pub(crate) fn check_owner(owner: &str) -> Result<()> {
    // state/<owner>.json and state/<owner>.next.json stand in one folder: an owner `x.next` would be read as the
    // unfinished commit of `x`.
    if is_name(owner) && !owner.ends_with(".next") && !owner.starts_with('.') {
        return Ok(());
    }
    Err(Fault::settings("not a name for an owner")
        .found(format!("{owner:?}"))
        .expected("letters a-z, digits, `_`, `-` and `.`, not ending in `.next`")
        .hint("rename the pipeline's folder or its instance"))
}

/// Refuses a part key that cannot be a folder. Errors: Contract: part keys come from a connector's plan.
pub(crate) fn check_part_key(part_key: &str) -> Result<()> {
    if is_name(part_key) && !part_key.starts_with('.') {
        return Ok(());
    }
    Err(Fault::contract("a part's key cannot be a folder name")
        .found(format!("{part_key:?}"))
        .expected("[A-Za-z0-9._=-], not beginning with a dot"))
}

fn is_name(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._=-".contains(&byte))
}
