//! The head of a frame (RFC 6455 5.2), as far as it can be judged alone.

use fastwebsockets::OpCode;
use protocol::CloseCode;

use super::reader::Violation;

/// Most payload of a control frame (RFC 6455 5.5), bytes.
pub(super) const MAX_CONTROL: u64 = 125;

/// The most bytes that a head can take: two, eight of length, four of mask.
pub(super) const MAX_HEAD: usize = 14;

/// What a client says before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub fin: bool,
    pub opcode: OpCode,
    /// Bytes of payload: anything up to 2^63.
    pub len: u64,
    pub mask: [u8; 4],
}

impl Head {
    /// The head that `bytes` begin with, and how many of them it takes; none if more must come first.
    ///
    /// # Errors
    /// The rule that it breaks, as soon as that is certain.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Violation> {
        let violation = |reason| Err((CloseCode::ProtocolError, reason));
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let fin = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return violation("reserved bits without an extension");
        }
        let Ok(opcode) = OpCode::try_from(first & 0x0f) else { return violation("an unknown opcode") };
        if second & 0x80 == 0 {
            return violation("client frames must be masked");
        }
        let (len, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(None),
            },
            len => (u64::from(len), rest),
        };
        let least = match second & 0x7f {
            126 => 126,
            127 => 1 << 16,
            _ => 0,
        };
        if len < least || len >> 63 != 0 {
            return violation("a length in more bytes than it needs");
        }
        let head = Head { fin, opcode, len, mask: [0; 4] };
        if head.is_control() && !fin {
            return violation("a control frame in fragments");
        }
        if head.is_control() && len > MAX_CONTROL {
            return violation("a control frame over 125 bytes");
        }
        let Some((&mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Head { mask, ..head }, bytes.len() - rest.len())))
    }

    /// True for close, ping and pong.
    pub(super) fn is_control(&self) -> bool {
        matches!(self.opcode, OpCode::Close | OpCode::Ping | OpCode::Pong)
    }
}

/// Appends the masked bytes in the clear. `done` bytes of the same payload came before.
pub(super) fn unmask(masked: &[u8], mask: [u8; 4], done: u64, out: &mut Vec<u8>) {
    let turn = (done % 4) as usize;
    let mask = [0, 1, 2, 3].map(|i| mask[(turn + i) % 4]);
    let from = out.len();
    out.extend_from_slice(masked);
    let (fours, tail) = out[from..].as_chunks_mut::<4>();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_whole_or_waits() {
        let bytes = [0x82, 0xfe, 1, 0, 9, 8, 7, 6, 5];
        for n in 0..8 {
            assert_eq!(Head::parse(&bytes[..n]), Ok(None), "{n} bytes");
        }
        let head = Head { fin: true, opcode: OpCode::Binary, len: 256, mask: [9, 8, 7, 6] };
        assert_eq!(Head::parse(&bytes), Ok(Some((head, 8))));
    }

    #[test]
    fn lengths_take_as_few_bytes_as_they_can() {
        let long = |len: u64| [&[0x82, 0xff][..], &len.to_be_bytes(), &[0; 4]].concat();
        assert!(Head::parse(&long(65_535)).is_err());
        assert!(Head::parse(&long(1 << 63)).is_err());
        assert_eq!(Head::parse(&long(65_536)).unwrap().unwrap().1, MAX_HEAD);
        assert!(Head::parse(&[0x82, 0xfe, 0, 125]).is_err());
    }

    #[test]
    fn a_payload_in_pieces_is_the_same_payload() {
        let mask = [0x11, 0x22, 0x44, 0x88];
        let plain: Vec<u8> = (0..50).collect();
        let masked: Vec<u8> = plain.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]).collect();
        for cut in 0..50 {
            let mut out = Vec::new();
            unmask(&masked[..cut], mask, 0, &mut out);
            unmask(&masked[cut..], mask, cut as u64, &mut out);
            assert_eq!(out, plain, "cut at {cut}");
        }
    }
}
