//! Programs that a machine with only Rust on it lacks. Tests that need one are skipped there with a printed reason;
//! where `CI` is set they are required.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's root folder.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are in the project").to_owned()
}

/// True if `program args…` succeeds. Otherwise says that `test` is skipped and why.
///
/// # Panics
/// It does not succeed and `CI` is set.
pub fn available(test: &str, program: &str, args: &[&str]) -> bool {
    let works = Command::new(program).args(args).output().is_ok_and(|out| out.status.success());
    if !works {
        let reason = format!("`{program} {}` does not work here", args.join(" "));
        assert!(std::env::var_os("CI").is_none(), "{test} is required in CI, but {reason}");
        println!("skipped: {test}: {reason}");
    }
    works
}
