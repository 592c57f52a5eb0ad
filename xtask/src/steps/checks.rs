//! Steps that look at the product without running it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::{Workshop, output, run};
use crate::report::{say, warn_loudly};
use crate::tools::{self, provide};

/// Sources are formatted.
pub(super) fn fmt(workshop: &Workshop) -> anyhow::Result<String> {
    run(&mut workshop.cargo(&["fmt", "--all", "--check"]))?;
    if workshop.path(FUZZ_MANIFEST).exists() {
        run(&mut workshop.cargo(&["fmt", "--manifest-path", FUZZ_MANIFEST, "--check"]))?;
    }
    Ok(String::new())
}

/// No lint complains, in any target of any crate.
pub(super) fn clippy(workshop: &Workshop) -> anyhow::Result<String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--quiet"];
    run(workshop.cargo(&arguments).args(["--", "-D", "warnings"]))?;
    Ok(String::new())
}

/// The documentation builds without warnings.
pub(crate) fn docs(workshop: &Workshop) -> anyhow::Result<String> {
    let arguments = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
    run(workshop.cargo(&arguments).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(String::new())
}

/// The domain and everything that it uses compile where the standard library does not exist.
///
/// The compiler is given a system root that holds `core` and `alloc` only. Whatever asks for `std`
/// anywhere below the domain then fails, and no second target has to be fetched.
pub(super) fn no_std(workshop: &Workshop) -> anyhow::Result<String> {
    let host = host_triple(workshop)?;
    let bare = bare_system_root(workshop, &host)?;
    let flags = format!("--sysroot={}", bare.display());
    prove_that_std_is_absent(workshop, &host, &flags)?;
    let arguments = ["check", "--package", "jeton-domain", "--locked", "--quiet", "--target"];
    run(workshop.cargo(&arguments).arg(&host).env("RUSTFLAGS", &flags))?;
    Ok("jeton-domain and its dependencies, without std".to_owned())
}

/// Licences, duplicates and sources are as `deny.toml` wants them.
pub(super) fn deny(workshop: &Workshop) -> anyhow::Result<String> {
    provide(workshop, tools::DENY)?;
    run(&mut workshop.cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    let mut advisories = workshop.cargo(&["deny", "check", "advisories"]);
    let answer = advisories.output().context("cannot start cargo deny")?;
    let told = String::from_utf8_lossy(&answer.stderr);
    if answer.status.success() {
        return Ok("advisories checked".to_owned());
    }
    if DATABASE_ABSENT.iter().any(|text| told.contains(text)) {
        warn_loudly("advisories are UNCHECKED: their database cannot be fetched here");
        return Ok("advisories UNCHECKED: no database here".to_owned());
    }
    say(told.trim());
    bail!("an advisory names a dependency");
}

/// The machine that the compiler runs on.
fn host_triple(workshop: &Workshop) -> anyhow::Result<String> {
    let told = output(workshop.command("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// Makes a system root that has no `std`.
fn bare_system_root(workshop: &Workshop, host: &str) -> anyhow::Result<PathBuf> {
    let told = output(workshop.command("rustc").args(["--print", "target-libdir"]))?;
    let bare = workshop.target("bare-system-root");
    if bare.exists() {
        fs::remove_dir_all(&bare)?;
    }
    let libraries = bare.join("lib/rustlib").join(host).join("lib");
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(Path::new(told.trim()))? {
        let entry = entry?;
        let name = entry.file_name();
        if BARE_LIBRARIES.iter().any(|library| name.to_string_lossy().starts_with(library)) {
            fs::copy(entry.path(), libraries.join(&name))?;
        }
    }
    Ok(bare)
}

/// Compiles one line that needs `std`: it must fail, or the proof would prove nothing.
fn prove_that_std_is_absent(workshop: &Workshop, host: &str, flags: &str) -> anyhow::Result<()> {
    let probe = workshop.target("bare-system-root/probe.rs");
    let metadata = workshop.target("bare-system-root/probe.rmeta");
    let compiles = |text: &str| -> anyhow::Result<bool> {
        fs::write(&probe, text)?;
        let mut rustc = workshop.command("rustc");
        rustc.args(["--crate-type", "lib", "--emit", "metadata", "--target", host, flags, "-o"]);
        rustc.arg(&metadata).arg(&probe);
        Ok(crate::process::succeeds(&mut rustc))
    };
    if !compiles("#![no_std]\nextern crate alloc;\n")? {
        bail!("the bare system root does not even serve core and alloc");
    }
    if compiles("#![no_std]\nextern crate std;\n")? {
        bail!("the bare system root still serves std");
    }
    Ok(())
}

/// The fuzz targets are a workspace of their own.
const FUZZ_MANIFEST: &str = "fuzz/Cargo.toml";

/// Beginnings of the libraries that exist without an operating system.
const BARE_LIBRARIES: [&str; 3] = ["libcore-", "liballoc-", "libcompiler_builtins-"];

/// What cargo-deny says when the database, not a dependency, is the trouble.
const DATABASE_ABSENT: [&str; 2] =
    ["failed to fetch advisory database", "failed to load advisory database"];
