//! Installing the official clients, each major line beside the other.
//!
//! Versions are pinned in `clients/`: requirement files for Python, lock files for JavaScript.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::process::{Workshop, output, run, succeeds};
use crate::report::say;
use crate::tools::install_debian;

/// The language of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// The Python package `elasticsearch`.
    Python,
    /// The npm package `@elastic/elasticsearch`.
    JavaScript,
}

/// An official client of one major line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) language: Language,
    pub(super) major: u8,
}

impl Client {
    /// How the client is called on the command line and in folders.
    pub(super) fn name(self) -> String {
        match self.language {
            Language::Python => format!("python-{}", self.major),
            Language::JavaScript => format!("javascript-{}", self.major),
        }
    }

    /// Where it is installed.
    fn folder(self, workshop: &Workshop) -> PathBuf {
        workshop.target("clients").join(self.name())
    }

    /// The file that pins its version, below the root.
    fn pins(self) -> String {
        match self.language {
            Language::Python => format!("clients/python/requirements-{}.txt", self.major),
            Language::JavaScript => format!("clients/javascript/{}/package-lock.json", self.major),
        }
    }
}

/// Installs a client unless exactly these pins are installed already.
pub(super) fn install(workshop: &Workshop, client: Client) -> anyhow::Result<()> {
    let pins = fs::read_to_string(workshop.path(&client.pins()))
        .with_context(|| format!("cannot read {}", client.pins()))?;
    let folder = client.folder(workshop);
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    match client.language {
        Language::Python => install_python(workshop, client)?,
        Language::JavaScript => install_javascript(workshop, client)?,
    }
    fs::write(stamp, pins)?;
    Ok(())
}

/// The program that runs the scenario with a client.
pub(super) fn scenario(workshop: &Workshop, client: Client) -> Command {
    let folder = client.folder(workshop);
    match client.language {
        Language::Python => {
            let mut python = workshop.command(folder.join("bin/python"));
            python.arg("-B").arg(workshop.path("clients/python/scenario.py"));
            python
        }
        Language::JavaScript => {
            let mut node = workshop.command("node");
            node.arg(workshop.path("clients/javascript/scenario.js"));
            node.env("NODE_PATH", folder.join("node_modules"));
            node
        }
    }
}

/// A virtual environment with the pinned packages.
fn install_python(workshop: &Workshop, client: Client) -> anyhow::Result<()> {
    let folder = client.folder(workshop);
    let make = || {
        let mut make = workshop.command("python3");
        make.args(["-m", "venv"]).arg(&folder);
        make
    };
    if !succeeds(&mut make()) {
        // Debian keeps the part of Python that makes environments in a package of its own.
        install_debian(workshop, "python3-venv")?;
        run(&mut make())?;
    }
    let mut pip = workshop.command(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    run(pip.arg(workshop.path(&client.pins())))
}

/// A folder with the locked packages.
fn install_javascript(workshop: &Workshop, client: Client) -> anyhow::Result<()> {
    let Ok(version) = output(workshop.command("node").arg("--version")) else {
        bail!("node is needed to run the JavaScript client; install node 20 or newer");
    };
    say(&format!("  node {}", version.trim()));
    let folder = client.folder(workshop);
    fs::create_dir_all(&folder)?;
    let pinned = workshop.path("clients/javascript").join(client.major.to_string());
    for file in ["package.json", "package-lock.json"] {
        fs::copy(pinned.join(file), folder.join(file))?;
    }
    let mut npm = workshop.command("npm");
    run(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}
