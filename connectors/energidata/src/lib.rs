//! klimalade-energidata
