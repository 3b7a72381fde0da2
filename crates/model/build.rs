//! Rebuilds the crate when a file of schemas/ comes, goes or changes: the copies in the binary are made from it.
fn main() {
    println!("cargo:rerun-if-changed=../../schemas");
}
