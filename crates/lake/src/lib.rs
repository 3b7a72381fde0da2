//! klimalade-lake
