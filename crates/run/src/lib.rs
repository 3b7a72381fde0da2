//! klimalade-run
