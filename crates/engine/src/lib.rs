//! klimalade-engine
