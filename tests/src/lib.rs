//! klimalade-tests
