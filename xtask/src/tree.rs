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
    /// True when a module behind `#[cfg(test)]` brings the file in.
    is_declared_for_tests: bool,
}

impl TextFile {
    /// A file of the product, as far as nothing else declares it for tests.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), is_declared_for_tests: false }
    }

    /// True for Rust sources.
    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    /// True when the path ends with this extension.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// True for a Rust file that only tests use.
    pub(crate) fn is_test(&self) -> bool {
        self.is_declared_for_tests
            || self.path.contains("/tests/")
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
    mark_tests(&mut files);
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
            files.push(TextFile::new(below, text));
        }
    }
    Ok(())
}

/// Marks the files, and folders of files, that a module behind `#[cfg(test)]` brings in.
fn mark_tests(files: &mut [TextFile]) {
    let stems: Vec<String> = files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(|file| test_modules(&file.text).map(|name| format!("{}/{name}", place(file))))
        .collect();
    for file in files {
        file.is_declared_for_tests = stems.iter().any(|stem| {
            let rest = file.path.strip_prefix(stem.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
}

/// The folder in which the modules that a file declares are looked up.
fn place(file: &TextFile) -> &str {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    ["/mod", "/lib", "/main"].iter().find_map(|name| stem.strip_suffix(name)).unwrap_or(stem)
}

/// The names of the modules that a text declares for tests and keeps in files of their own.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    let mut is_for_tests = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with("#[") {
            is_for_tests |= line.starts_with("#[cfg(test)]");
            return None;
        }
        let is_declared = std::mem::take(&mut is_for_tests);
        let (_, name) = line.strip_suffix(';').unwrap_or_default().rsplit_once("mod ")?;
        is_declared.then_some(name)
    })
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
    fn a_module_behind_the_test_switch_is_found_with_its_folder() {
        let mut files = [
            TextFile::new("a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod testing;\nmod c;\n"),
            TextFile::new("a/src/b.rs", "#[cfg(test)]\nmod tests {\n}\nmod more;\n"),
            TextFile::new("a/src/b/more.rs", ""),
            TextFile::new("a/src/c/mod.rs", "#[cfg(test)]\nmod tests;\n"),
            TextFile::new("a/src/c/tests.rs", ""),
            TextFile::new("a/src/testing/mod.rs", ""),
            TextFile::new("a/src/testing_more.rs", ""),
        ];
        mark_tests(&mut files);
        let found: Vec<&str> =
            files.iter().filter(|file| file.is_test()).map(|file| file.path.as_str()).collect();
        assert_eq!(found, ["a/src/c/tests.rs", "a/src/testing/mod.rs"]);
    }

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
