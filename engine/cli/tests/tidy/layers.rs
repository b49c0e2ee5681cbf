//! Which crate may use which.

/// The crates with the height of their layer. Crates on one layer do not know each other.
const LAYERS: &[(&str, u32)] = &[
    ("roundhouse-base", 0),
    ("roundhouse-runtime", 1),
    ("roundhouse-store", 2),
    ("roundhouse-net", 2),
    ("roundhouse", 3),
    ("roundhouse-verify", 4),
    ("roundhouse-ffi", 4),
    ("roundhouse-measure", 4),
    ("roundhouse-cli", 5),
];

/// The dependencies of a crate's manifest that are not below it. A crate may name itself, to test
/// itself with a feature on.
pub(crate) fn upward(path: &str, manifest: &str) -> Vec<String> {
    let Some((name, layer)) = name(manifest).and_then(|name| Some((name, layer(name)?))) else {
        return unlisted(path, manifest);
    };
    dependencies(manifest)
        .filter(|(_, dependency)| *dependency != name)
        .filter(|(_, dependency)| self::layer(dependency).is_some_and(|below| below >= layer))
        .map(|(line, dependency)| {
            format!("{path}:{line}: `{name}` may not use `{dependency}`, which is not below it")
        })
        .collect()
}

/// A crate of the engine that has no layer yet would escape the rule.
fn unlisted(path: &str, manifest: &str) -> Vec<String> {
    match name(manifest) {
        Some(name) if path.starts_with("engine/") => vec![format!("{path}: `{name}` has no layer")],
        _ => Vec::new(),
    }
}

fn layer(name: &str) -> Option<u32> {
    LAYERS.iter().find(|(listed, _)| *listed == name).map(|(_, layer)| *layer)
}

/// The package's name; a manifest that is only a workspace has none.
fn name(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "[package]");
    lines.find_map(|line| line.strip_prefix("name = ")).map(|name| name.trim_matches('"'))
}

/// Every dependency of every kind, with its line.
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_dependencies = false;
    manifest.lines().enumerate().filter_map(move |(number, line)| {
        if let Some(section) = line.trim().strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_dependencies = section.ends_with("dependencies");
            // `[dependencies.name]`, a section of its own.
            let (kind, name) = section.rsplit_once('.')?;
            return kind.ends_with("dependencies").then_some((number + 1, name));
        }
        let end = line.find(['.', ' ', '='])?;
        is_dependencies.then_some((number + 1, &line[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_on_the_same_or_a_higher_layer_is_found() {
        let manifest = "[package]\nname = \"roundhouse-store\"\n\
            [dependencies]\nroundhouse-base.workspace = true\nroundhouse-net.workspace = true\n\
            [target.'cfg(loom)'.dependencies]\nroundhouse = { workspace = true }\n\
            [dev-dependencies.roundhouse-cli]\nworkspace = true\n";
        let lines: Vec<_> = upward("a/Cargo.toml", manifest)
            .iter()
            .map(|found| found.split('`').nth(3).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(lines, ["roundhouse-net", "roundhouse", "roundhouse-cli"]);
    }

    #[test]
    fn layers_below_and_the_crate_itself_are_fine() {
        let manifest = "[package]\nname = \"roundhouse-runtime\"\n[features]\nsim = []\n\
            [dependencies]\nroundhouse-base.workspace = true\nbytes.workspace = true\n\
            [dev-dependencies]\nroundhouse-runtime = { path = \".\", features = [\"sim\"] }\n";
        assert!(upward("engine/runtime/Cargo.toml", manifest).is_empty());
    }

    #[test]
    fn a_crate_of_the_engine_without_a_layer_is_found() {
        let manifest = "[package]\nname = \"roundhouse-new\"\n";
        assert_eq!(upward("engine/new/Cargo.toml", manifest).len(), 1);
        assert!(upward("examples/broker/Cargo.toml", manifest).is_empty());
    }
}
