//! klimalade-format
