//! How a connection ends: one word for the peer, the room, the logs and the metrics.

use std::borrow::Cow;

use protocol::{CloseCode, Retry};

/// How a connection ends, as far as the peer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Farewell {
    /// The server ends it: a `Bye` and a close frame.
    Bye {
        /// Why.
        code: CloseCode,
        /// How long the client should wait before it connects again, ms.
        retry_ms: u32,
        /// The reason in the close frame.
        reason: Cow<'static, str>,
    },
    /// The peer sent a close frame: answer it with the same code; none if it named none.
    Answer(Option<u16>),
    /// The socket is dead: there is nobody to tell.
    Dead,
}

impl Farewell {
    /// A `Bye` with the code's own reason.
    pub fn bye(code: CloseCode) -> Farewell {
        Farewell::Bye { code, retry_ms: 0, reason: Cow::Borrowed(code.reason()) }
    }

    /// A `Bye` that says what was wrong.
    pub fn because(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Farewell {
        Farewell::Bye { code, retry_ms: 0, reason: reason.into() }
    }

    /// The same, with a time to wait before the next attempt.
    #[must_use]
    pub fn retry_after(mut self, ms: u32) -> Farewell {
        if let Farewell::Bye { retry_ms, .. } = &mut self {
            *retry_ms = ms;
        }
        self
    }

    /// True if whoever is sent off like this does not come back to the seat: who left, and who would be refused again.
    pub fn is_final(&self) -> bool {
        match self {
            Farewell::Bye { code, .. } => matches!(code.retry(), Retry::Never | Retry::Once),
            Farewell::Answer(code) => matches!(code, None | Some(1000)),
            Farewell::Dead => false,
        }
    }

    /// A name for logs and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Farewell::Bye { code, .. } => code.label(),
            Farewell::Answer(Some(1000) | None) => CloseCode::Left.label(),
            Farewell::Answer(_) => "closed_by_peer",
            Farewell::Dead => "lost",
        }
    }
}
