//! klimalade-dev
fn main() {}
