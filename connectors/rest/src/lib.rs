//! klimalade-rest
