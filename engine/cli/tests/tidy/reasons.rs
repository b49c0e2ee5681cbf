//! Why each dependency is there.

/// The lines of `[workspace.dependencies]` whose group (lines without a blank one between them)
/// has no comment above them.
pub(crate) fn missing(path: &str, manifest: &str) -> Vec<String> {
    let mut is_table = false;
    let mut has_reason = false;
    let mut found = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            is_table = line == "[workspace.dependencies]";
            has_reason = false;
        } else if line.trim().is_empty() {
            has_reason = false;
        } else if line.starts_with('#') {
            has_reason = true;
        } else if is_table && !has_reason {
            let name = line.split([' ', '.', '=']).next().unwrap_or(line);
            found.push(format!("{path}:{}: `{name}` has no reason above it", number + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_outside_any_explained_group_is_found() {
        let manifest = "[workspace.dependencies]\n# why\na = \"1\"\nb = \"1\"\n\nc = \"1\"\n\
            [workspace.lints]\nd = \"deny\"\n";
        assert_eq!(missing("Cargo.toml", manifest), ["Cargo.toml:6: `c` has no reason above it"]);
    }
}
