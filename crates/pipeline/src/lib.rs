//! klimalade-pipeline
