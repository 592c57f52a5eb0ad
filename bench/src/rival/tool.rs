//! Where the rivals come from: the system's packages and a lock file of npm.
//!
//! Finds programs by name and, asked to, installs what is missing. Must not start any of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{BenchError, Outcome, Trying};
use crate::report::progress;

/// A rival as something that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The database.
    Postgres,
    /// The store in memory.
    Redis,
    /// The proxy.
    Nginx,
    /// The authorization server of Node.js.
    OidcProvider,
}

impl Tool {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Nginx => "nginx",
            Self::OidcProvider => "oidc-provider",
        }
    }

    /// Whether it can be started as things are.
    pub(crate) fn is_present(self, results: &Path) -> bool {
        let has_programs = self.programs().iter().all(|program| find(program).is_some());
        has_programs && (self != Self::OidcProvider || Modules::at(results).are_installed())
    }

    /// Makes sure that it can be started; installs it if it must.
    pub(crate) fn provide(self, results: &Path) -> Outcome<()> {
        if self.programs().iter().any(|program| find(program).is_none()) {
            install(self.package())?;
        }
        for program in self.programs() {
            need(program)?;
        }
        if self == Self::OidcProvider {
            return Modules::at(results).install();
        }
        Ok(())
    }

    /// Its version, as it tells it.
    pub(crate) fn version(self) -> Outcome<String> {
        if self == Self::OidcProvider {
            let pinned = MANIFEST.split_once(r#""oidc-provider": ""#);
            let pinned = pinned.and_then(|(_, rest)| rest.split('"').next());
            return Ok(pinned.unwrap_or_default().to_owned());
        }
        let program = self.programs().first().copied().unwrap_or_default();
        let flag = if self == Self::Nginx { "-v" } else { "--version" };
        let asked = Command::new(need(program)?).arg(flag).output();
        let said = asked.trying(|| format!("cannot run {program}"))?;
        let said = [said.stdout, said.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Ok(version_in(&said).unwrap_or_default().to_owned())
    }

    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "initdb"],
            Self::Redis => &["redis-server"],
            Self::Nginx => &["nginx"],
            Self::OidcProvider => &["node", "npm"],
        }
    }

    /// The system's package that holds its programs.
    const fn package(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql"],
            Self::Redis => &["redis-server"],
            Self::Nginx => &["nginx"],
            Self::OidcProvider => &["nodejs", "npm"],
        }
    }
}

/// The place of a program that must be there.
pub(super) fn need(program: &str) -> Outcome<PathBuf> {
    find(program).ok_or_else(|| BenchError::Setup(format!("there is no program {program}")))
}

/// Where a program is: on the path, or where packages put those that are not for everybody.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = fs::read_dir(POSTGRES_VERSIONS)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = versions.into_iter().rev().chain(std::env::split_paths(&path)).chain(system);
    folders.map(|folder| folder.join(program)).find(|place| place.is_file())
}

/// Installs packages of the system, without starting what they hold.
fn install(packages: &[&str]) -> Outcome<()> {
    let packages = packages.join(" ");
    let by_hand = format!("apt-get install --no-install-recommends {packages}");
    if find("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        return Err(BenchError::Setup(format!(
            "a rival is missing: install {packages}, for example with `{by_hand}`"
        )));
    }
    progress(&format!("installing {packages} from the system's packages"));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // A package that is installed at run level 1 does not start its service.
        command.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive");
        command.args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
        let output = command.output().trying(|| "cannot run apt-get".to_owned())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(BenchError::Setup(format!("`{by_hand}` failed: {said}")))
    };
    apt(&["update"])?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages.split(' '));
    apt(&arguments)
}

/// The packages of npm, which are installed as the lock file says.
#[derive(Debug)]
pub(super) struct Modules {
    folder: PathBuf,
}

impl Modules {
    /// Those below the directory for results, which outlives a run.
    pub(super) fn at(results: &Path) -> Self {
        Self { folder: results.join("oidc-provider") }
    }

    /// The server's script, beside what it imports.
    pub(super) fn script(&self) -> PathBuf {
        self.folder.join("server.mjs")
    }

    fn are_installed(&self) -> bool {
        let installed = self
            .files()
            .into_iter()
            .all(|(path, text)| fs::read_to_string(path).is_ok_and(|installed| installed == text));
        installed && self.mark().is_file()
    }

    fn install(&self) -> Outcome<()> {
        if self.are_installed() {
            return Ok(());
        }
        progress("installing oidc-provider from its lock file");
        let what = || format!("cannot write to {}", self.folder.display());
        fs::create_dir_all(&self.folder).trying(what)?;
        for (path, text) in self.files() {
            fs::write(path, text).trying(what)?;
        }
        let mut npm = Command::new(need("npm")?);
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&self.folder);
        let output = npm.output().trying(|| "cannot run npm".to_owned())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(BenchError::Setup(format!("`npm ci` failed: {said}")));
        }
        fs::write(self.mark(), "").trying(what)
    }

    /// Says that the installation went through.
    fn mark(&self) -> PathBuf {
        self.folder.join("node_modules").join(".complete")
    }

    fn files(&self) -> [(PathBuf, &'static str); 3] {
        [("package.json", MANIFEST), ("package-lock.json", LOCK), ("server.mjs", SCRIPT)]
            .map(|(name, text)| (self.folder.join(name), text))
    }
}

/// The first word that looks like a version.
fn version_in(said: &str) -> Option<&str> {
    let is_part = |char: char| char.is_ascii_digit() || char == '.';
    let parts = said.split(|char: char| !is_part(char)).map(|part| part.trim_matches('.'));
    parts.into_iter().find(|part| part.contains('.'))
}

const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
const MANIFEST: &str = include_str!("../../rivals/oidc-provider/package.json");
const LOCK: &str = include_str!("../../rivals/oidc-provider/package-lock.json");
const SCRIPT: &str = include_str!("../../rivals/oidc-provider/server.mjs");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some_and(|place| place.is_absolute()));
        assert!(matches!(need("no-such-program"), Err(BenchError::Setup(_))));
    }

    #[test]
    fn a_version_is_the_first_number_with_a_point() {
        let said = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)";
        assert_eq!(version_in(said), Some("15.18"));
        assert_eq!(version_in("nginx version: nginx/1.22.1\n"), Some("1.22.1"));
        assert_eq!(version_in("nothing."), None);
    }

    #[test]
    fn the_packages_of_npm_count_as_installed_when_they_are_those_of_the_lock_file() {
        let results = tempfile::tempdir().unwrap();
        let modules = Modules::at(results.path());
        assert!(!modules.are_installed());
        fs::create_dir_all(modules.folder.join("node_modules")).unwrap();
        for (path, text) in modules.files() {
            fs::write(path, text).unwrap();
        }
        fs::write(modules.mark(), "").unwrap();
        assert!(modules.are_installed());
        fs::write(modules.folder.join("package-lock.json"), "{}").unwrap();
        assert!(!modules.are_installed());
    }

    #[test]
    fn the_version_of_a_package_of_npm_is_the_pinned_one() {
        assert!(Tool::OidcProvider.version().unwrap().starts_with(|first: char| first != '0'));
    }
}
