//! Every way the server ends a connection, and whether to try again: one table for server, logs, metrics and clients.

/// May a client connect again by itself after a close?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would be refused again.
    Never,
    /// With back-off.
    Yes,
    /// Once, after a pause.
    Once,
    /// When the player asks for it.
    OnRequest,
}

/// Generates [`CloseCode`] and its table from one list, so that no row can be forgotten.
macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $label:literal, $retry:ident, $reason:literal;)*) => {
        /// Every way the server ends a connection: the numbers of the WebSocket close frame.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCode { $($(#[$doc])* $name,)* }

        impl CloseCode {
            /// All of them, in the order of their numbers.
            pub const ALL: &[CloseCode] = &[$(CloseCode::$name,)*];

            /// The number in the close frame.
            pub fn code(self) -> u16 {
                match self { $(CloseCode::$name => $code,)* }
            }

            /// A short name for logs and metrics.
            pub fn label(self) -> &'static str {
                match self { $(CloseCode::$name => $label,)* }
            }

            /// May the client try again by itself?
            pub fn retry(self) -> Retry {
                match self { $(CloseCode::$name => Retry::$retry,)* }
            }

            /// The reason in the close frame, for people.
            pub fn reason(self) -> &'static str {
                match self { $(CloseCode::$name => $reason,)* }
            }
        }
    };
}

close_codes! {
    /// The player left.
    Left = 1000, "left", Never, "goodbye";
    /// The endpoint goes away.
    GoingAway = 1001, "going_away", Yes, "going away";
    /// Not WebSocket.
    ProtocolError = 1002, "protocol_error", Never, "WebSocket protocol error";
    /// A text frame on the binary subprotocol, or the reverse.
    WrongFrameType = 1003, "wrong_frame_type", Never, "wrong frame type for this subprotocol";
    /// Text that is not UTF-8.
    BadText = 1007, "bad_text", Never, "text that is not UTF-8";
    /// A message over the size limit.
    TooLarge = 1009, "too_large", Never, "message too large";
    /// The room failed.
    RoomFailed = 1011, "room_failed", Yes, "the room failed";
    /// `Hello.protocol` is another number.
    WrongProtocol = 4000, "wrong_protocol", Never, "another protocol version: reload the page or update the client";
    /// A newer connection took the seat.
    Replaced = 4001, "replaced", Never, "replaced by a newer connection";
    /// Parked for too long.
    Parked = 4002, "parked", OnRequest, "idle for too long";
    /// The client does not keep up.
    TooSlow = 4003, "too_slow", Yes, "too slow to keep up";
    /// Too many messages.
    RateLimit = 4004, "rate_limit", Once, "too many messages";
    /// No seat left.
    RoomFull = 4005, "room_full", Yes, "the room is full";
    /// The server stops.
    ShuttingDown = 4006, "shutting_down", Yes, "the server is shutting down";
    /// The join ticket is missing, expired or forged.
    BadTicket = 4007, "bad_ticket", Never, "bad ticket";
    /// An operator removed the player.
    Kicked = 4008, "kicked", Never, "kicked";
    /// A message that is well framed but wrong.
    Malformed = 4009, "malformed", Never, "malformed or unexpected message";
    /// No `Hello` in time.
    NoHello = 4010, "no_hello", Never, "no Hello in time";
    /// No room or no capacity left.
    Overloaded = 4011, "overloaded", Yes, "overloaded, or too many rooms";
}

impl CloseCode {
    /// The code of a number; none for numbers that this server never sends.
    pub fn from_code(code: u16) -> Option<CloseCode> {
        Self::ALL.iter().copied().find(|c| c.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_are_distinct_and_ordered() {
        assert!(CloseCode::ALL.is_sorted_by_key(|c| c.code()));
        for &code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(code.code()), Some(code));
            assert!(code.reason().len() <= 123, "a close frame carries at most 123 bytes of reason");
        }
        assert_eq!(CloseCode::from_code(4999), None);
    }
}
