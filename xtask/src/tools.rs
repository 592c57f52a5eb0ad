//! Tools that a step needs and that a fresh machine lacks.
//!
//! Owns which version of each tool is used and where it is installed: below the target folder,
//! never among the user's own programs. Debian packages are installed only by the superuser.

use anyhow::{Context, bail};

use crate::process::{Workshop, output, run, succeeds};
use crate::report::say;

/// A cargo subcommand at a fixed version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Runs fuzz targets.
pub(crate) const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };

/// Checks licences, sources and duplicates of dependencies.
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Installs a tool unless it is there.
pub(crate) fn provide(workshop: &Workshop, tool: Tool) -> anyhow::Result<()> {
    if workshop.has(tool.name) {
        return Ok(());
    }
    say(&format!("  {} is not here; installing {}", tool.name, tool.version));
    let root = workshop.target("tools");
    let mut install = workshop.cargo(&["install", "--locked", "--quiet", "--version"]);
    install.arg(tool.version).arg("--root").arg(&root).arg(tool.name);
    run(&mut install)
}

/// True where tests are run by nextest: only where somebody has installed it.
///
/// Building it takes longer on a small machine than it saves.
pub(crate) fn has_nextest(workshop: &Workshop) -> bool {
    succeeds(&mut workshop.cargo(&["nextest", "--version"]))
}

/// Makes sure that a program exists, from a Debian package where it does not.
pub(crate) fn provide_debian(
    workshop: &Workshop,
    program: &str,
    package: &str,
) -> anyhow::Result<()> {
    if workshop.has(program) {
        return Ok(());
    }
    install_debian(workshop, package)
        .with_context(|| format!("`{program}` is needed and cannot be installed"))
}

/// Installs a Debian package; refused for anyone but the superuser.
pub(crate) fn install_debian(workshop: &Workshop, package: &str) -> anyhow::Result<()> {
    let user = output(workshop.command("id").arg("-u"))?;
    if user.trim() != "0" || !workshop.has("apt-get") {
        bail!("install the Debian package {package}, or its like, and try again");
    }
    say(&format!("  {package} is not here; installing it"));
    run(workshop.command("apt-get").args(["update", "--quiet=2"]))?;
    run(workshop.command("apt-get").args(["install", "--yes", "--quiet=2", package]))
}
