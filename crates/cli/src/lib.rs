//! klimalade-cli
