//! Resume tokens: drawn from the system's entropy, known to the server only by their fingerprint.

use protocol::ResumeToken;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a resume token: enough to recognise it, useless for taking a seat.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a token.
    pub fn of(token: &ResumeToken) -> Fingerprint {
        Fingerprint(Sha256::digest(token.0).into())
    }
}

impl PartialEq for Fingerprint {
    /// Takes the same time whatever differs.
    fn eq(&self, other: &Fingerprint) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Fingerprint {}

/// Draws a token.
///
/// # Errors
/// The system has no randomness to give.
pub(super) fn draw() -> Result<ResumeToken, SysError> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(ResumeToken(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_one_token() {
        let (a, b) = (draw().unwrap(), draw().unwrap());
        assert!(a != b);
        assert!(Fingerprint::of(&a) == Fingerprint::of(&a));
        assert!(Fingerprint::of(&a) != Fingerprint::of(&b));
    }
}
