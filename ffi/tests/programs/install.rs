//! An installed library, used the way programs of others use it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::examples::echo_in_every_protocol;
use crate::toolbox::{EXAMPLES, INCLUDE, is_there, library, succeed};

/// Every program in `examples/c`: how many directories it is given, and what else. `echo.c` has a test of its own.
const PROGRAMS: &[(&str, usize, &[&str])] = &[
    ("bench.c", 1, &["many", "0.05"]),
    ("echo.c", 0, &[]),
    ("embed_epoll.c", 1, &["50"]),
    ("follow.c", 1, &["50"]),
    ("log.c", 1, &["20"]),
    ("log.cpp", 1, &["20"]),
    ("two_engines.c", 2, &[]),
];

#[test]
fn programs_build_against_an_installed_prefix_with_both_compilers() {
    let tools = ["make", "cmake", "pkg-config", "clang", "clang++", "gcc", "g++", "python3"];
    if !tools.into_iter().all(is_there) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let prefix = scratch.path().join("prefix");
    install(&prefix, &static_library(scratch.path()));
    for (number, (cc, cxx)) in [("gcc", "g++"), ("clang", "clang++")].into_iter().enumerate() {
        let place = scratch.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        let is_first = number == 0;
        for program in PROGRAMS {
            let built = by_pkg_config(cc, cxx, program.0, &prefix, &place);
            // What both compilers make of a program does the same: one of each language says so.
            if is_first || program.0.starts_with("log") {
                run(&built, program, &prefix, &place);
            }
        }
        by_cmake(cc, cxx, is_first, &prefix, &place);
    }
    let mut python = Command::new("python3");
    python.arg(Path::new(EXAMPLES).join("log.py")).arg(prefix.join("lib/libroundhouse.so"));
    assert_eq!(succeed(python.arg(scratch.path().join("store of log.py")).arg("5")), "5 lines\n");
}

#[test]
fn no_program_is_left_out() {
    let names = std::fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap().file_name());
    let sources: BTreeSet<String> = names
        .map(|name| name.into_string().unwrap())
        .filter(|name| [".c", ".cpp"].iter().any(|end| name.ends_with(end)))
        .collect();
    assert_eq!(sources, PROGRAMS.iter().map(|program| program.0.to_owned()).collect());
    let cmake = std::fs::read_to_string(Path::new(EXAMPLES).join("CMakeLists.txt")).unwrap();
    for name in sources {
        let target = name.trim_end_matches(".c");
        assert!(cmake.contains(target), "CMake does not build {name}");
    }
}

/// `make install` of the library under test: what is built for a release is the same but faster.
fn install(prefix: &Path, static_library: &Path) {
    let mut make = Command::new("make");
    make.arg("install").arg(format!("PREFIX={}", prefix.display()));
    make.arg(format!("SHARED={}", library().display()));
    // Whatever make this test runs under is not asked.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    succeed(make.arg(format!("STATIC={}", static_library.display())));
    let mut objdump = Command::new("objdump");
    let head = succeed(objdump.arg("-p").arg(prefix.join("lib/libroundhouse.so")));
    let soname = head.lines().find(|line| line.contains("SONAME")).unwrap();
    let loaded = soname.split_whitespace().last().unwrap();
    assert!(prefix.join("lib").join(loaded).exists(), "nothing is called {loaded}");
}

/// Makes the static library out of what cargo built for this test: building it anew takes minutes.
fn static_library(scratch: &Path) -> PathBuf {
    let source = scratch.join("all.rs");
    std::fs::write(&source, "pub use roundhouse_ffi::*;\n").unwrap();
    let built = library();
    let dependencies = built.parent().unwrap();
    let made = scratch.join("libroundhouse.a");
    // The compiler that made them: cargo lies beside it.
    let mut rustc = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
    rustc.args(["--edition=2024", "--crate-type=staticlib", "--crate-name=roundhouse_static"]);
    rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
    let rlib = built.with_extension("rlib");
    rustc.arg("--extern").arg(format!("roundhouse_ffi={}", rlib.display()));
    succeed(rustc.arg("-o").arg(&made).arg(&source));
    succeed(Command::new("strip").arg("-g").arg(&made));
    made
}

fn by_pkg_config(cc: &str, cxx: &str, source: &str, prefix: &Path, place: &Path) -> PathBuf {
    let mut ask = Command::new("pkg-config");
    ask.args(["--cflags", "--libs", "roundhouse"]);
    let answer = succeed(ask.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")));
    let (compiler, standard) =
        if source.contains(".cpp") { (cxx, "-std=c++17") } else { (cc, "-std=c99") };
    let program = place.join(source.replace('.', "-"));
    let mut compile = Command::new(compiler);
    compile.args([standard, "-D_DEFAULT_SOURCE"]).arg(Path::new(EXAMPLES).join(source));
    succeed(compile.arg("-o").arg(&program).args(answer.split_whitespace()).arg("-lpthread"));
    program
}

fn run(built: &Path, program: &(&str, usize, &[&str]), prefix: &Path, place: &Path) {
    let (source, stores, arguments) = program;
    let libraries = prefix.join("lib");
    if *source == "echo.c" {
        return echo_in_every_protocol(built, &libraries, place);
    }
    // Gone when the program has ended: a store of the default size is large.
    let scratch = tempfile::tempdir_in(place).unwrap();
    let mut command = Command::new(built);
    command.env("LD_LIBRARY_PATH", libraries);
    command
        .args((0..*stores).map(|store| scratch.path().join(format!("store {store} of {source}"))));
    succeed(command.args(*arguments));
}

/// Builds all programs; with the static library only if that is asked for, since linking it takes long.
fn by_cmake(cc: &str, cxx: &str, is_static: bool, prefix: &Path, place: &Path) {
    let build = place.join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(EXAMPLES).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg(format!("-DCMAKE_C_COMPILER={cc}")).arg(format!("-DCMAKE_CXX_COMPILER={cxx}"));
    succeed(configure.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    let mut make = Command::new("cmake");
    make.arg("--build").arg(&build);
    if !is_static {
        let sources = PROGRAMS.iter().map(|program| program.0.replace(".cpp", "_cpp"));
        make.arg("--target").args(sources.map(|source| source.replace(".c", "")));
    }
    succeed(make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    let programs: &[&str] = if is_static { &["log", "log_cpp", "log_static"] } else { &["log"] };
    for program in programs {
        let scratch = tempfile::tempdir_in(place).unwrap();
        let store = scratch.path().join(format!("store of {program} by cmake"));
        succeed(Command::new(build.join(program)).arg(store).arg("20"));
    }
}

/// What `cargo cinstall` reads has the names that the Makefile installs; installing that tool takes minutes.
#[test]
fn cargo_c_installs_what_the_makefile_installs() {
    let manifest = std::fs::read_to_string("Cargo.toml").unwrap();
    let (_, metadata) = manifest.split_once("[package.metadata.capi.header]").unwrap();
    let (metadata, _) = metadata.split_once("\n[lints]").unwrap();
    let names = metadata.lines().filter_map(|line| line.strip_prefix("name = "));
    assert_eq!(names.collect::<Vec<_>>(), ["\"roundhouse\""; 3], "header, library and pkg-config");
    for line in ["subdirectory = false", "generation = false", "filename = \"roundhouse\""] {
        assert!(metadata.lines().any(|other| other == line), "{line}");
    }
    let (_, assets) = metadata.split_once("asset = [{ from = \"").unwrap();
    assert_eq!(assets.split('"').next(), Some("../include/*"));
    let makefile = std::fs::read_to_string("Makefile").unwrap();
    for header in std::fs::read_dir(INCLUDE).unwrap() {
        let header = header.unwrap().file_name().into_string().unwrap();
        assert!(
            makefile.contains(&format!("../include/{header}")),
            "make does not install {header}"
        );
    }
    for name in ["libroundhouse.so", "libroundhouse.a", "pkgconfig/roundhouse.pc"] {
        assert!(makefile.contains(&format!("$(lib)/{name}")), "make does not install {name}");
    }
}
