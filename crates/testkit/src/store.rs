//! An object store that fails by script.
