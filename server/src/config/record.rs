//! The `[record]` section: what is kept of rooms, and where.

use serde::Deserialize;

use super::{ConfigError, within};
use crate::record::RecordLimits;

/// `[record]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecord {
    /// Folder for recordings of every room; empty: none.
    pub dir: String,
    /// Whether the page shows what is in it.
    pub serve: bool,
    /// Most that recordings there take, MiB.
    pub max_mib: u64,
    /// Memory for the flight recorder of each room, MiB; 0: none.
    pub flight_mib: usize,
}

impl Default for RawRecord {
    fn default() -> Self {
        RawRecord { dir: String::new(), serve: false, max_mib: 1024, flight_mib: 4 }
    }
}

impl RawRecord {
    pub(super) fn check(self) -> Result<RecordLimits, ConfigError> {
        let max = within("record.max_mib", self.max_mib, 16, 1 << 20, "16 to 1048576 MiB")?;
        let flight = within("record.flight_mib", self.flight_mib, 0, 256, "0 to 256 MiB")?;
        // One that is written into a full folder has its own space, and the recordings theirs.
        if !self.dir.is_empty() && flight as u64 > max / 2 {
            return Err(ConfigError::Value {
                key: "record.flight_mib",
                value: flight.to_string(),
                expected: "at most half of record.max_mib",
            });
        }
        if self.serve && self.dir.is_empty() {
            return Err(ConfigError::Value {
                key: "record.serve",
                value: "true".to_owned(),
                expected: "a folder to serve from: set record.dir, or --record",
            });
        }
        Ok(RecordLimits {
            dir: (!self.dir.is_empty()).then(|| self.dir.into()),
            serve: self.serve,
            max_bytes: max << 20,
            flight_bytes: flight << 20,
        })
    }
}
