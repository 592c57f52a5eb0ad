//! The project's own text files.
//!
//! Owns which files belong to the project. Must not know any rule about their contents.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// A text file of the project.
#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    /// Path below the root, with `/` between its parts.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

impl TextFile {
    /// True for Rust sources.
    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    /// True when the path ends with this extension.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// True for a Rust file that only tests use, by its place or name.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/benches/")
    }
}

/// Reads every text file of the project, in the order of their paths.
///
/// What is built, downloaded or made while running is left out, and so are binary files.
pub(crate) fn read(root: &Path) -> anyhow::Result<Vec<TextFile>> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

/// Adds the files below one folder.
fn walk(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let name = entry.file_name();
        if kind.is_dir() {
            if !NOT_OURS.iter().any(|other| name == *other) {
                walk(root, &path, files)?;
            }
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(&path)?)
        {
            let below = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            files.push(TextFile { path: below, text });
        }
    }
    Ok(())
}

/// Folders that hold nothing written by hand; the same as in `.gitignore`, and git's own.
const NOT_OURS: [&str; 8] = [
    ".git",
    "target",
    "node_modules",
    "__pycache__",
    "jeton-data",
    "jeton-config",
    "artifacts",
    "coverage",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_files_and_binary_files_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src", "target", "sub/target"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("src/a.rs"), "a").unwrap();
        fs::write(root.path().join("src/b.bin"), [0xff, 0xfe]).unwrap();
        fs::write(root.path().join("target/c.rs"), "c").unwrap();
        fs::write(root.path().join("sub/target/d.rs"), "d").unwrap();
        let paths: Vec<String> =
            read(root.path()).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["src/a.rs"]);
    }
}
