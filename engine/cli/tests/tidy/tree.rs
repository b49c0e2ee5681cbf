//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the tree.
pub(crate) struct SourceFile {
    /// Relative to the repository's root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The repository's root, seen from the package's directory, in which cargo runs its tests. A path
/// fixed at compile time would name the wrong tree when several share one target directory.
pub(crate) fn root() -> PathBuf {
    PathBuf::from("../..")
}

/// Every file whose path ends in `suffix`, in the order of the paths.
pub(crate) fn sources(suffix: &str) -> Vec<SourceFile> {
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, suffix, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, directory: &Path, suffix: &str, found: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(directory).expect("the tree is readable");
    for entry in entries {
        let entry = entry.expect("the tree is readable");
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // A symbolic link is neither: following it could leave the tree.
        let kind = entry.file_type().expect("the tree is readable");
        if kind.is_dir() && !is_not_source(&name) {
            collect(root, &path, suffix, found);
        } else if kind.is_file() && name.ends_with(suffix) {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let path = path.strip_prefix(root).expect("the walk starts at the root");
            found.push(SourceFile { path: path.to_string_lossy().into_owned(), text });
        }
    }
}

/// Build output and hidden directories (version control, editors, caches).
fn is_not_source(directory: &str) -> bool {
    directory == "target" || directory.starts_with('.')
}

#[test]
fn the_walk_finds_this_file() {
    assert!(sources(".rs").iter().any(|file| file.path == "engine/cli/tests/tidy/tree.rs"));
}
