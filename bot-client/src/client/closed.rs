//! How a connection ends.

use std::fmt;

use protocol::{CloseCode, Retry};

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The number in the server's close frame; [`Closed::NO_CODE`] or [`Closed::CUT`] where there was none.
    pub code: u16,
    /// The reason beside it, or what the network said.
    pub reason: String,
}

impl Closed {
    /// The close frame had no code.
    pub const NO_CODE: u16 = 1005;
    /// The stream ended without a close frame.
    pub const CUT: u16 = 1006;

    /// What a close frame says.
    pub(crate) fn read(payload: &[u8]) -> Closed {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return Closed { code: Closed::NO_CODE, reason: String::new() };
        };
        Closed { code: u16::from_be_bytes(*code), reason: String::from_utf8_lossy(reason).into_owned() }
    }

    /// May the client connect again by itself? A cut connection may; a code that this server never sends may not.
    pub fn retry(&self) -> Retry {
        match CloseCode::from_code(self.code) {
            Some(code) => code.retry(),
            None if self.code == Self::CUT => Retry::Yes,
            None => Retry::Never,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason.as_str() {
            "" => write!(f, "{}", self.code),
            reason => write!(f, "{} ({reason})", self.code),
        }
    }
}
