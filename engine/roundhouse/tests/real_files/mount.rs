//! Small file systems in files. Only root may mount them: for everybody else a test that needs one
//! says that it did nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, gone with this.
pub(crate) struct Mount {
    pub(crate) path: PathBuf,
}

impl Mount {
    /// Makes an ext4 of so many bytes in the file `image`, and mounts it.
    pub(crate) fn make(image: &Path, bytes: u64, path: &Path) -> Option<Mount> {
        std::fs::File::create(image).ok()?.set_len(bytes).ok()?;
        let is_made = run(Command::new("mkfs.ext4").arg("-q").arg("-F").arg(image));
        if is_made { Mount::of(image, path) } else { None }
    }

    /// Mounts the one that is in the file `image`.
    pub(crate) fn of(image: &Path, path: &Path) -> Option<Mount> {
        std::fs::create_dir_all(path).ok()?;
        let is_mounted = run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(path));
        is_mounted.then(|| Mount { path: path.to_owned() })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Detached at once, and let go when the last file in it is closed.
        run(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

/// Runs a command, and says whether it succeeded.
pub(crate) fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Says that nothing was tested; for the superuser in CI that is a failure.
pub(crate) fn skip(what: &str) {
    let message = format!(
        "NOT TESTED HERE: {what}: this user, or this system, cannot mount an ext4 from a file"
    );
    let is_ours = std::env::var_os("CI").is_some() && rustix::process::geteuid().is_root();
    assert!(!is_ours, "{message}");
    // Not by a macro, whose output a test that passes does not show.
    writeln!(std::io::stderr().lock(), "{message}").expect("standard error takes a line");
}
