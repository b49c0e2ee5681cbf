//! Compiling C programs against the library under test, and running them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Where the header is; tests run in the package's directory.
pub(crate) const INCLUDE: &str = "../include";

/// Where the programs are.
pub(crate) const EXAMPLES: &str = "../examples/c";

/// The warnings that no program and no header may cause.
pub(crate) const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"];

/// The shared library that cargo built with this test: it lies where the test does.
pub(crate) fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.with_file_name("libroundhouse_ffi.so");
    assert!(library.exists(), "{} is not there: cargo builds it with the tests", library.display());
    library
}

/// A directory with the library under the names that it is linked and loaded by.
pub(crate) fn stage(directory: &Path) -> PathBuf {
    let staged = directory.join("lib");
    std::fs::create_dir_all(&staged).unwrap();
    for name in ["libroundhouse.so", "libroundhouse.so.0.1"] {
        let link = staged.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(library(), link).unwrap();
        }
    }
    staged
}

/// Finds the mistakes of a program, and what it or the library does not give back.
pub(crate) const SANITIZERS: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Whether a tool is there. Where it is not, the test says so and does without, but in CI it fails.
pub(crate) fn is_there(tool: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let missing = format!("NOT TESTED HERE: {tool} is missing (.ci/install-tools installs it)");
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    // Not by a macro, whose output a test that passes does not show.
    writeln!(std::io::stderr().lock(), "{missing}").unwrap();
    false
}

/// Compiles a program with `cc`, by a standard such as `-std=c99`, and returns where it is.
pub(crate) fn compile(standard: &str, flags: &[&str], source: &Path, scratch: &Path) -> PathBuf {
    let staged = stage(scratch);
    let program = scratch.join(source.file_stem().unwrap());
    let mut cc = Command::new("cc");
    cc.args([standard, "-D_DEFAULT_SOURCE", "-Wstrict-prototypes", "-g", "-O1"]).args(WARNINGS);
    cc.args(flags);
    cc.args(["-I", INCLUDE]).arg(source).arg("-o").arg(&program);
    cc.arg("-L").arg(&staged).arg(format!("-Wl,-rpath,{}", staged.display()));
    cc.args(["-lroundhouse", "-lpthread"]);
    succeed(&mut cc);
    program
}

/// Compiles a program in C++17 and returns where it is.
pub(crate) fn compile_cpp(source: &Path, scratch: &Path) -> PathBuf {
    let staged = stage(scratch);
    let program = scratch.join("program");
    let mut cc = Command::new("c++");
    cc.args(["-std=c++17", "-fno-exceptions", "-g", "-O1"]).args(WARNINGS);
    cc.args(["-I", INCLUDE]).arg(source).arg("-o").arg(&program);
    cc.arg("-L").arg(&staged).arg(format!("-Wl,-rpath,{}", staged.display()));
    succeed(cc.arg("-lroundhouse"));
    program
}

/// Makes a certificate of localhost for TLS, and its key, in a directory that it returns.
pub(crate) fn make_certificate(scratch: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let directory = scratch.join("tls");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    directory
}

/// Runs a command that must succeed and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// Starts a command whose output is read while it runs.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).spawn().unwrap()
}
