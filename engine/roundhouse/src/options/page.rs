//! The page about options, `docs/options.md`, made from the table.

use super::{OptionInfo, Options, Preset, Rank};

/// The text of `docs/options.md`, in Markdown.
pub fn options_page() -> String {
    [
        INTRODUCTION,
        &overview(),
        "\n## Presets\n\nA preset decides these options and leaves the others.\n",
        &presets(),
        "\n## Primary options\n",
        &sections(Rank::Primary),
        "\n## Secondary options\n\nThe defaults do, except on unusual hosts.\n",
        &sections(Rank::Secondary),
    ]
    .concat()
}

/// One line per option.
fn overview() -> String {
    let head = "\n| option | type | default | what it does |\n|---|---|---|---|\n";
    let rows = Options::table().iter().map(|info| {
        let OptionInfo { key, kind, .. } = info;
        let (default, summary) = (info.default_value(), info.summary());
        format!("| [`{key}`](#{key}) | {kind} | `{default}` | {summary} |\n")
    });
    head.to_owned() + &rows.collect::<String>()
}

/// A column per preset and a row per option on which they differ, found by comparing them.
fn presets() -> String {
    let presets = Preset::ALL.map(Options::for_preset);
    let row = |info: &OptionInfo| {
        let values = presets.each_ref().map(|options| format!("`{}`", info.value_in(options)));
        let differ = values.iter().any(|value| *value != values[0]);
        differ.then(|| format!("| `{}` | {} |\n", info.key, values.join(" | ")))
    };
    // `preset` is the table's first row and differs by definition: it makes the head.
    let mut rows = Options::table().iter().filter_map(row);
    let head = rows.next().unwrap_or_default();
    format!("\n{head}|---|---|---|---|\n{}", rows.collect::<String>())
}

fn sections(rank: Rank) -> String {
    Options::table().iter().filter(|info| info.rank == rank).map(section).collect()
}

fn section(info: &OptionInfo) -> String {
    format!(
        "\n### {}\n\n{}\n\n{}\n\n- Allowed: {}.\n- Default: `{}`.\n- Variable: `{}`.\n",
        info.key,
        info.summary(),
        info.details(),
        info.allowed(),
        info.default_value(),
        info.env_name(),
    )
}

const INTRODUCTION: &str = "\
# Options

This page is made from the table in `engine/roundhouse/src/options/table.rs`; to change it, change
the table and run `UPDATE_DOCS=1 cargo test -p roundhouse --test options_page`.

An option can be set in four ways. Where several are used, the program applies them in its own order
and the last one counts.

- In Rust, by its field: `options.shards = 4`.
- By its key: `options.set(\"memory\", \"1GiB\")`, the way C and the command line use.
- In a TOML document without section headers: `memory = \"1GiB\"`. Numbers and booleans may be
  written without quotes; a number where a size is expected is bytes.
- By an environment variable, if the program reads them: `ROUNDHOUSE_MEMORY=1GiB`.

Keys and variables that do not exist are errors. Sizes are binary: `K`, `KB` and `KiB` all mean 1024
bytes. Times need their unit: `250us`, `10ms`, `1s`, `5min`, `1h`.
";
