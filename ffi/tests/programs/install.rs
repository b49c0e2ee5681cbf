//! An installed library, used the way programs of others use it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolbox::{EXAMPLES, library, succeed};

#[test]
fn programs_build_against_an_installed_prefix_with_both_compilers() {
    let tools = ["make", "cmake", "pkg-config", "clang", "gcc"];
    if !tools.iter().all(|tool| is_there(tool)) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let prefix = scratch.path().join("prefix");
    install(&prefix, &static_library(scratch.path()));
    for (number, (cc, cxx)) in [("gcc", "g++"), ("clang", "clang++")].into_iter().enumerate() {
        let place = scratch.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        by_pkg_config(cc, "log.c", &["-std=c99"], &prefix, &place);
        by_pkg_config(cxx, "log.cpp", &["-std=c++17"], &prefix, &place);
        by_cmake(cc, cxx, &prefix, &place);
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

fn by_pkg_config(compiler: &str, source: &str, flags: &[&str], prefix: &Path, place: &Path) {
    let mut ask = Command::new("pkg-config");
    ask.args(["--cflags", "--libs", "roundhouse"]);
    let answer = succeed(ask.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")));
    let program = place.join(source.replace('.', "-"));
    let mut compile = Command::new(compiler);
    compile.args(flags).arg("-D_DEFAULT_SOURCE").arg(Path::new(EXAMPLES).join(source));
    compile.arg("-o").arg(&program).args(answer.split_whitespace());
    succeed(&mut compile);
    let mut run = Command::new(&program);
    run.env("LD_LIBRARY_PATH", prefix.join("lib"));
    succeed(run.arg(place.join(format!("store of {source}"))).arg("20"));
}

fn by_cmake(cc: &str, cxx: &str, prefix: &Path, place: &Path) {
    let build = place.join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(EXAMPLES).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg(format!("-DCMAKE_C_COMPILER={cc}")).arg(format!("-DCMAKE_CXX_COMPILER={cxx}"));
    succeed(configure.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    let mut make = Command::new("cmake");
    make.arg("--build").arg(&build);
    succeed(make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    for program in ["log", "log_cpp", "log_static"] {
        let store = place.join(format!("store of {program} by cmake"));
        succeed(Command::new(build.join(program)).arg(store).arg("20"));
    }
}

/// Whether a tool is there. Where it is not, the test says so and does nothing, but in CI it fails.
fn is_there(tool: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let missing = format!("NOT TESTED HERE: {tool} is missing (.ci/install-tools installs it)");
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    // Not by a macro, whose output a test that passes does not show.
    writeln!(std::io::stderr().lock(), "{missing}").unwrap();
    false
}
