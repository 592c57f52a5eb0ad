//! The line of crates: each uses only what stands to its left.
//!
//! Reads `cargo metadata`. Owns which crate of the project, and which library, a crate may name.

use anyhow::Context;
use serde_json::Value;

use crate::process::{Workshop, output};
use crate::report::Finding;

/// A package and what it asks for.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// Its name in `Cargo.toml`.
    pub(super) name: String,
    /// Path of its `Cargo.toml` below the root.
    pub(super) manifest: String,
    /// Everything it depends on, of every kind.
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Clone, Debug)]
pub(super) struct Dependency {
    /// The package's name, whatever it is called in the code.
    pub(super) name: String,
    /// True for dependencies of tests only.
    pub(super) is_for_tests: bool,
    /// Features asked for by this package.
    pub(super) features: Vec<String>,
}

/// Reads the project's packages: the workspace's, and the fuzz targets beside it.
pub(super) fn packages(workshop: &Workshop) -> anyhow::Result<Vec<Package>> {
    let root = workshop.root().to_string_lossy().into_owned();
    let mut packages = Vec::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        if workshop.path(manifest).exists() {
            let arguments = ["metadata", "--format-version", "1", "--no-deps", "--manifest-path"];
            let text = output(workshop.cargo(&arguments).arg(manifest))?;
            packages.extend(parse(&text, &root)?);
        }
    }
    Ok(packages)
}

/// Checks every package against the line and against what it must not know.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

/// Parses the answer of `cargo metadata`.
fn parse(text: &str, root: &str) -> anyhow::Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(text).context("cargo metadata is no JSON")?;
    let listed = metadata.get("packages").and_then(Value::as_array);
    listed.context("cargo metadata lists no packages")?.iter().map(|p| package(p, root)).collect()
}

fn package(value: &Value, root: &str) -> anyhow::Result<Package> {
    let manifest = text(value, "manifest_path")?;
    let listed = value.get("dependencies").and_then(Value::as_array);
    let dependencies = listed.context("a package without a list of dependencies")?;
    Ok(Package {
        name: text(value, "name")?,
        manifest: manifest.strip_prefix(root).unwrap_or(&manifest).trim_matches('/').to_owned(),
        dependencies: dependencies.iter().map(dependency).collect::<anyhow::Result<_>>()?,
    })
}

fn dependency(value: &Value) -> anyhow::Result<Dependency> {
    let features = value.get("features").and_then(Value::as_array);
    Ok(Dependency {
        name: text(value, "name")?,
        is_for_tests: value.get("kind").and_then(Value::as_str) == Some("dev"),
        features: features
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    })
}

fn text(value: &Value, member: &str) -> anyhow::Result<String> {
    let found = value.get(member).and_then(Value::as_str);
    Ok(found.with_context(|| format!("cargo metadata without {member}"))?.to_owned())
}

fn check_package(package: &Package) -> Vec<Finding> {
    if OUTSIDE.contains(&package.name.as_str()) {
        return Vec::new();
    }
    let Some(own_place) = place(&package.name) else {
        let text = format!(
            "{} stands nowhere in the line of crates; give it a place in xtask/src/walls",
            package.name
        );
        return vec![Finding::about(&package.manifest, text)];
    };
    let unknown = MUST_NOT_KNOW.iter().find(|(name, _)| *name == package.name);
    let unknown: &[Forbidden] = unknown.map_or(&[], |(_, forbidden)| forbidden);
    package
        .dependencies
        .iter()
        .filter_map(|dependency| {
            wrong_crate(package, own_place, dependency)
                .or_else(|| wrong_library(package, dependency, unknown))
        })
        .map(|text| Finding::about(&package.manifest, text))
        .collect()
}

/// Says what is wrong when a dependency is a crate of the project that is not to the left.
fn wrong_crate(package: &Package, own_place: usize, dependency: &Dependency) -> Option<String> {
    let name = &dependency.name;
    let kind = if dependency.is_for_tests { "tests of " } else { "" };
    if OUTSIDE.contains(&name.as_str()) {
        return Some(format!(
            "{kind}{} must not use {name}, which stands outside the line; \
             put what needs it into testkit/tests",
            package.name
        ));
    }
    let place = place(name)?;
    (place >= own_place).then(|| {
        format!(
            "{kind}{} must not use {name}: a crate uses only what stands to its left in {}",
            package.name,
            LINE.join(" <- ")
        )
    })
}

/// Says what is wrong when a dependency is something that the crate must not know.
///
/// Dependencies of tests are free: a test may look at an answer with any library.
fn wrong_library(
    package: &Package,
    dependency: &Dependency,
    unknown: &[Forbidden],
) -> Option<String> {
    if dependency.is_for_tests {
        return None;
    }
    let known = unknown.iter().find(|forbidden| {
        forbidden.name == dependency.name
            && (forbidden.features.is_empty()
                || dependency.features.iter().any(|f| forbidden.features.contains(&f.as_str())))
    })?;
    let feature = match known.features {
        [] => String::new(),
        features => format!(" with any of the features {}", features.join(", ")),
    };
    Some(format!(
        "{} must not use {}{feature}: it must not know {}",
        package.name, known.name, known.what
    ))
}

/// The place of a crate in the line, from the left.
fn place(name: &str) -> Option<usize> {
    LINE.iter().position(|crate_name| *crate_name == name)
}

/// A library that a crate must not use, because it must not know what the library is for.
#[derive(Clone, Copy, Debug)]
struct Forbidden {
    name: &'static str,
    /// Forbidden with one of these features only; empty: always.
    features: &'static [&'static str],
    what: &'static str,
}

const fn library(name: &'static str, what: &'static str) -> Forbidden {
    Forbidden { name, features: &[], what }
}

/// The line of crates, from the left.
const LINE: [&str; 6] =
    ["jeton-domain", "jeton-store", "jeton-realms", "jeton-authority", "jeton-rest", "jeton"];

/// Crates that may use the whole line and are used by none of it.
const OUTSIDE: [&str; 4] = ["jeton-testkit", "jeton-bench", "xtask", "jeton-fuzz"];

/// What each crate must not know, as libraries.
const MUST_NOT_KNOW: [(&str, &[Forbidden]); 5] = [
    (
        "jeton-domain",
        &[
            library("tokio", "async"),
            library("futures", "async"),
            library("serde", "the shapes of the wire"),
            library("serde_json", "JSON"),
            library("http", "HTTP"),
            library("hyper", "HTTP"),
            library("rustix", "the operating system"),
            library("getrandom", "where randomness comes from"),
            library("rand", "where randomness comes from"),
            library("tracing", "logs"),
        ],
    ),
    (
        "jeton-store",
        &[library("http", "HTTP"), library("hyper", "HTTP"), library("serde_json", "JSON")],
    ),
    (
        "jeton-realms",
        &[library("http", "HTTP"), library("hyper", "HTTP"), library("redb", "how rows are kept")],
    ),
    (
        "jeton-authority",
        &[
            library("http", "HTTP"),
            library("hyper", "HTTP"),
            library("serde_json", "JSON"),
            library("tokio-postgres", "SQL"),
            library("redb", "how rows are kept"),
        ],
    ),
    (
        "jeton-rest",
        &[
            Forbidden { name: "tokio", features: &["net", "full"], what: "sockets" },
            library("hyper", "sockets"),
            library("hyper-util", "sockets"),
            library("rustls", "sockets"),
            library("jeton-store", "storage"),
            library("getrandom", "where randomness comes from"),
            library("tokio-postgres", "SQL"),
            library("redb", "how rows are kept"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walls::texts;

    fn dependency(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), is_for_tests: false, features: Vec::new() }
    }

    fn found(name: &str, dependency: Dependency) -> Vec<String> {
        texts(&check(&[Package {
            name: name.to_owned(),
            manifest: "x/Cargo.toml".to_owned(),
            dependencies: vec![dependency],
        }]))
    }

    #[track_caller]
    fn refuses(name: &str, dependency: Dependency, part: &str) {
        let found = found(name, dependency);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    }

    #[test]
    fn a_crate_may_use_what_stands_to_its_left() {
        assert!(found("jeton-store", dependency("jeton-domain")).is_empty());
        assert!(found("jeton", dependency("jeton-rest")).is_empty());
    }

    #[test]
    fn a_crate_must_not_use_what_stands_to_its_right() {
        refuses("jeton-store", dependency("jeton-realms"), "jeton-store must not use jeton-realms");
    }

    #[test]
    fn tests_of_a_crate_keep_to_the_line_as_well() {
        let for_tests = Dependency { is_for_tests: true, ..dependency("jeton-authority") };
        refuses("jeton-realms", for_tests, "tests of jeton-realms must not use jeton-authority");
    }

    #[test]
    fn no_crate_of_the_line_uses_the_testkit_even_in_tests() {
        refuses("jeton", dependency("jeton-testkit"), "outside the line");
        let for_tests = Dependency { is_for_tests: true, ..dependency("jeton-testkit") };
        refuses("jeton-domain", for_tests, "outside the line");
    }

    #[test]
    fn the_testkit_may_use_the_whole_line() {
        assert!(found("jeton-testkit", dependency("jeton")).is_empty());
        assert!(found("jeton-testkit", dependency("hyper")).is_empty());
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        refuses("jeton-extras", dependency("serde"), "stands nowhere");
    }

    #[test]
    fn the_domain_knows_neither_async_nor_json() {
        refuses("jeton-domain", dependency("tokio"), "must not know async");
        refuses("jeton-domain", dependency("serde_json"), "must not know JSON");
    }

    #[test]
    fn rest_may_use_tokio_but_not_its_sockets() {
        assert!(found("jeton-rest", dependency("tokio")).is_empty());
        let with_net = Dependency { features: vec!["net".to_owned()], ..dependency("tokio") };
        refuses("jeton-rest", with_net, "must not know sockets");
    }

    #[test]
    fn rest_does_not_know_storage() {
        refuses("jeton-rest", dependency("jeton-store"), "must not know storage");
    }

    #[test]
    fn a_library_is_free_in_tests() {
        let for_tests = Dependency { is_for_tests: true, ..dependency("serde_json") };
        assert!(found("jeton-authority", for_tests).is_empty());
    }

    #[test]
    fn the_answer_of_cargo_is_parsed() {
        let text = r#"{"packages":[{"name":"jeton-store","manifest_path":"/x/store/Cargo.toml",
            "dependencies":[{"name":"tokio","kind":null,"features":["rt"]},
                            {"name":"proptest","kind":"dev","features":[]}]}]}"#;
        let packages = parse(text, "/x").unwrap();
        assert_eq!(packages[0].manifest, "store/Cargo.toml");
        assert_eq!(packages[0].dependencies[0].features, ["rt"]);
        assert!(packages[0].dependencies[1].is_for_tests);
    }

    #[test]
    fn an_answer_without_packages_is_an_error() {
        assert!(parse("{}", "/x").is_err());
    }
}
