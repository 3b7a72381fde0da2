//! klimalade-file
