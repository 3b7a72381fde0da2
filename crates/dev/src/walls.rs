//! DESIGN's walls, asked of cargo itself: who may name what, one version of each data crate, no banned crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::place::{Findings, say};

/// Crates that one crate of ours alone may name, in any role: only it knows their types.
const ALONE: [(&str, &str); 2] = [("reqwest", "klimalade-transport"), ("datafusion", "klimalade-engine")];
/// What of ours a connector may depend on (its tests: testkit besides).
const BELOW_CONNECTORS: [&str; 4] = [
    "klimalade-connect",
    "klimalade-format",
    "klimalade-model",
    "klimalade-transport",
];
/// Never two of these: their types meet at our boundaries.
const ONE_VERSION: [&str; 6] = [
    "arrow",
    "arrow-array",
    "datafusion",
    "object_store",
    "parquet",
    "reqwest",
];
/// deny.toml's bans, asserted where cargo-deny is not installed.
const BANNED: [&str; 4] = ["backoff", "native-tls", "openssl", "openssl-sys"];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None: a normal one.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

/// All walls; each breach is a finding.
pub(crate) fn assert_all(root: &Path) -> Result<Findings> {
    let metadata = cargo(root, &["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata cannot be read")?;
    let lock: Lock =
        toml::from_str(&fs::read_to_string(root.join("Cargo.lock"))?).context("Cargo.lock cannot be read")?;
    let mut findings = names(&metadata.packages);
    findings.extend(versions(&lock.package));
    findings.extend(registered(root)?);
    let connectors = metadata.packages.iter().filter(|package| is_connector(package));
    for package in connectors {
        // Tests included: a connector's tests compile no DataFusion.
        findings.extend(absent(root, &package.name, "normal,build,dev", "datafusion")?);
    }
    findings.extend(absent(root, "klimalade-model", "normal,build", "tokio")?);
    findings.extend(one_build(root)?);
    if findings.is_empty() {
        say(format!(
            "{} crates of ours, {} others: the walls stand",
            metadata.packages.len(),
            lock.package.len() - metadata.packages.len()
        ));
    }
    Ok(findings)
}

fn is_connector(package: &Package) -> bool {
    Path::new(&package.manifest_path)
        .parent()
        .and_then(Path::parent)
        .is_some_and(|folder| folder.ends_with("connectors"))
}

/// Direct dependencies.
fn names(packages: &[Package]) -> Findings {
    let mut findings = Findings::new();
    for package in packages {
        for dependency in &package.dependencies {
            for (name, only) in ALONE {
                if dependency.name == name && package.name != only {
                    findings.push(format!("{} names {name}; only {only} may", package.name));
                }
            }
            let ours = dependency.name.starts_with("klimalade-") && dependency.kind.as_deref() != Some("dev");
            if is_connector(package) && ours && !BELOW_CONNECTORS.contains(&dependency.name.as_str()) {
                findings.push(format!(
                    "the connector {} depends on {}; expected of ours only {}",
                    package.name,
                    dependency.name,
                    BELOW_CONNECTORS.join(", ")
                ));
            }
        }
    }
    findings
}

/// What Cargo.lock holds.
fn versions(packages: &[Locked]) -> Findings {
    let mut findings = Findings::new();
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        found.entry(&package.name).or_default().push(&package.version);
        if let Some(source) = package.source.as_deref().filter(|source| *source != REGISTRY) {
            findings.push(format!(
                "{} {} comes from {source}; expected crates.io",
                package.name, package.version
            ));
        }
    }
    for name in ONE_VERSION {
        match found.get(name).map(Vec::as_slice) {
            Some([_]) => {}
            Some(several) => findings.push(format!(
                "Cargo.lock holds {name} in the versions {}; expected one",
                several.join(", ")
            )),
            None => findings.push(format!("Cargo.lock holds no {name}")),
        }
    }
    for name in BANNED.iter().filter(|name| found.contains_key(*name)) {
        findings.push(format!(
            "Cargo.lock holds {name}, which deny.toml bans; cargo tree --invert {name}"
        ));
    }
    findings
}

/// The folders of connectors/ against the registry of the command line.
fn registered(root: &Path) -> Result<Findings> {
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(root.join("connectors")).context("connectors/ cannot be read")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            folders.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let registry: BTreeSet<String> = klimalade_cli::registry()
        .entries()
        .map(|entry| entry.name.to_owned())
        .collect();
    let missing = folders
        .difference(&registry)
        .map(|name| format!("connectors/{name} is not in crates/cli/src/connectors.rs"));
    let homeless = registry
        .difference(&folders)
        .map(|name| format!("the registry has {name}, connectors/ has not"));
    Ok(missing.chain(homeless).collect())
}

/// A finding where `package` reaches `name` over edges of these kinds.
fn absent(root: &Path, package: &str, edges: &str, name: &str) -> Result<Findings> {
    let reached = tree(root, &["--package", package, "--edges", edges])?
        .iter()
        .any(|line| line.split(' ').next() == Some(name));
    let finding =
        || format!("{package} reaches {name}; cargo tree --package {package} --edges {edges} --invert {name}");
    Ok(reached.then(finding).into_iter().collect())
}

/// Tests and the binary must use every crate with the same features, else cargo compiles DataFusion once for each.
fn one_build(root: &Path) -> Result<Findings> {
    let features = ["--format", "{p} {f}"];
    let binary = tree(
        root,
        &[&["--package", "klimalade-cli", "--edges", "normal"], &features[..]].concat(),
    )?;
    let tests = tree(
        root,
        &[&["--workspace", "--edges", "normal,dev"], &features[..]].concat(),
    )?;
    let finding = |line: &String| {
        let name = line.split(' ').next().unwrap_or_default();
        let others: Vec<&str> = tests
            .iter()
            .filter(|other| other.split(' ').next() == Some(name))
            .map(String::as_str)
            .collect();
        format!(
            "{name} has other features in tests than in the binary, so everything above it is compiled twice\n  binary: {line}\n  tests:  {}",
            others.join("\n          ")
        )
    };
    Ok(binary
        .difference(&tests)
        .filter(|line| !line.starts_with("klimalade-"))
        .map(finding)
        .collect())
}

/// The distinct lines of `cargo tree`: name and version, features where asked for. (Each subtree is printed once,
/// marked `(*)` after that; with --no-dedupe the tree of this workspace does not end.)
fn tree(root: &Path, arguments: &[&str]) -> Result<BTreeSet<String>> {
    let fixed = [
        "tree",
        "--locked",
        "--prefix",
        "none",
        "--target",
        "x86_64-unknown-linux-gnu",
    ];
    let text = cargo(root, &[&fixed[..], arguments].concat())?;
    Ok(text
        .lines()
        .map(|line| line.replace(" (*)", "").replace(" (proc-macro)", "").trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cargo cannot be started")?;
    if !output.status.success() {
        bail!(
            "cargo {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).context("cargo printed no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, path: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest_path: format!("/house/{path}/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
        }
    }

    #[test]
    fn a_second_crate_that_names_reqwest_is_found_also_in_tests() {
        let found = names(&[
            package("klimalade-transport", "crates/transport", &[("reqwest", None)]),
            package("klimalade-demo", "crates/demo", &[("reqwest", Some("dev"))]),
        ]);
        assert_eq!(found, ["klimalade-demo names reqwest; only klimalade-transport may"]);
    }

    #[test]
    fn a_connector_may_use_testkit_in_its_tests_and_never_the_lake() {
        let good = package(
            "klimalade-wfs",
            "connectors/wfs",
            &[("klimalade-model", None), ("klimalade-testkit", Some("dev"))],
        );
        let bad = package("klimalade-wfs", "connectors/wfs", &[("klimalade-lake", None)]);
        assert_eq!(names(&[good]), Findings::new());
        assert_eq!(names(&[bad]).len(), 1);
    }

    #[test]
    fn two_versions_a_ban_and_a_foreign_source_are_each_found() {
        let locked = |name: &str, version: &str, source: &str| Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            source: Some(source.to_owned()),
        };
        let mut packages: Vec<Locked> = ONE_VERSION.iter().map(|name| locked(name, "1.0.0", REGISTRY)).collect();
        assert_eq!(versions(&packages), Findings::new());
        packages.push(locked("arrow", "2.0.0", REGISTRY));
        packages.push(locked("openssl", "1.0.0", REGISTRY));
        packages.push(locked("other", "1.0.0", "git+https://example.org/other"));
        assert_eq!(versions(&packages).len(), 3);
    }
}
