//! Rebuilds the crate when a file of pipelines/ comes, goes or changes: the copies in the binary are made from it.
fn main() {
    println!("cargo:rerun-if-changed=../../pipelines");
}
