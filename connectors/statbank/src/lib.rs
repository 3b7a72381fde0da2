//! klimalade-statbank
