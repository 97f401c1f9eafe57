//! Golden files: kept copies of what goes over the wire, for this crate's tests and for other languages'.

use std::path::Path;

/// Compares with a file under `assets/golden`, or writes it when `UPDATE_GOLDEN=1` asks for that.
pub(crate) fn check(file: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        std::fs::write(&path, now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "the wire changed: {file} differs; if that is meant, run with UPDATE_GOLDEN=1");
}
