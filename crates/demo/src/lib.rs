//! klimalade-demo
