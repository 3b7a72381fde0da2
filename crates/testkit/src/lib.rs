//! klimalade-testkit
