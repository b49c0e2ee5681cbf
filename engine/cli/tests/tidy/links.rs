//! Links from one document to another.

/// The relative links of a Markdown text at `path` for whose target `exists` is false. Both paths
/// are relative to the repository's root; what follows a `#` is not checked.
pub(crate) fn dead(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut is_code = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for target in relative_targets(line) {
            if !exists(format!("{folder}/{target}").trim_start_matches('/')) {
                found.push(format!("{path}:{}: nothing at `{target}`", number + 1));
            }
        }
    }
    found
}

fn relative_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let (link, _) = rest.split_once(')')?;
        // `[text](target "title")` and `[text](target#heading)`
        let target = link.split([' ', '#']).next()?;
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        (!target.is_empty() && !is_elsewhere).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nothing_is_found_relative_to_its_document() {
        let text = "See [a](a.md#part), [b](../b.md \"title\") and [c](c.md).\n";
        let found = dead("docs/d.md", text, |path| path == "docs/a.md" || path == "docs/../b.md");
        assert_eq!(found, ["docs/d.md:1: nothing at `c.md`"]);
    }

    #[test]
    fn links_to_elsewhere_headings_and_code_are_not_checked() {
        let text = "[a](https://example.org/a) [b](#b) [c](mailto:c@example.org)\n\
            ```\n[d](d.md)\n```\n";
        assert!(dead("README.md", text, |_| false).is_empty());
    }
}
