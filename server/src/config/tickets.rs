//! The `[tickets]` section: who vouches for players, and how that is checked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, within};

/// Keys at a time: one in use, and one that is being rotated in or out.
const MAX_KEYS: usize = 2;

/// `[tickets]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTickets {
    /// Who makes tickets: the claim `iss`.
    pub issuer: String,
    /// For whom they are made: the claim `aud`.
    pub audience: String,
    /// Seconds that clocks may differ.
    pub leeway_secs: u64,
    /// What tickets are signed with; none: everybody may join.
    pub keys: Vec<RawTicketKey>,
}

/// One of `tickets.keys`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTicketKey {
    /// Its name in a ticket's head.
    pub kid: String,
    /// `HS256` or `EdDSA`.
    pub alg: String,
    /// The secret, or the public key in PEM.
    #[serde(default)]
    pub key: String,
    /// A file with it.
    #[serde(default)]
    pub key_file: String,
}

/// Keys stay out of logs.
impl std::fmt::Debug for RawTicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawTicketKey").field("kid", &self.kid).field("alg", &self.alg).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RawTickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawTickets").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Default for RawTickets {
    fn default() -> Self {
        RawTickets { issuer: String::new(), audience: String::new(), leeway_secs: 30, keys: Vec::new() }
    }
}

impl RawTickets {
    pub(super) fn check(self) -> Result<Option<TicketConfig>, ConfigError> {
        let bad = |key, value: String, expected| Err(ConfigError::Value { key, value, expected });
        let leeway = within("tickets.leeway_secs", self.leeway_secs, 0, 300, "0 to 300 seconds")?;
        if self.keys.is_empty() {
            if !self.issuer.is_empty() || !self.audience.is_empty() {
                return bad("tickets.keys", "[]".into(), "one or two keys beside tickets.issuer");
            }
            return Ok(None);
        }
        if self.keys.len() > MAX_KEYS {
            return bad(
                "tickets.keys",
                self.keys.len().to_string(),
                "one key, or two while one replaces the other",
            );
        }
        for (key, value) in [("tickets.issuer", &self.issuer), ("tickets.audience", &self.audience)] {
            if value.is_empty() {
                return bad(key, "\"\"".into(), "what tickets have as iss and aud, beside tickets.keys");
            }
        }
        let mut keys: Vec<TicketKey> = Vec::new();
        for RawTicketKey { kid, alg, key, key_file } in self.keys {
            let algorithm = match alg.as_str() {
                "HS256" => TicketAlgorithm::Hs256,
                "EdDSA" => TicketAlgorithm::EdDsa,
                _ => return bad("tickets.keys.alg", alg, "\"HS256\" or \"EdDSA\""),
            };
            if kid.is_empty() || keys.iter().any(|other| other.kid == kid) {
                return bad(
                    "tickets.keys.kid",
                    format!("{kid:?}"),
                    "a name for each key, and another for the other",
                );
            }
            let text = match (key.is_empty(), key_file.is_empty()) {
                (false, true) => KeyText::Inline(key),
                (true, false) => KeyText::File(key_file.into()),
                _ => return bad("tickets.keys.key", kid, "either key or key_file for it"),
            };
            keys.push(TicketKey { kid, algorithm, text });
        }
        let (issuer, audience) = (self.issuer, self.audience);
        Ok(Some(TicketConfig { issuer, audience, leeway: Duration::from_secs(leeway), keys }))
    }
}

/// How tickets are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketConfig {
    /// The claim `iss` of every ticket.
    pub issuer: String,
    /// The claim `aud`.
    pub audience: String,
    /// By how much clocks may differ, up to 300 s.
    pub leeway: Duration,
    /// One or two.
    pub keys: Vec<TicketKey>,
}

/// What tickets are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketKey {
    /// Its name in a ticket's head.
    pub kid: String,
    /// The only algorithm that counts with it.
    pub algorithm: TicketAlgorithm,
    /// Where it is.
    pub text: KeyText,
}

/// A signature's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketAlgorithm {
    /// HMAC with SHA-256 and a secret that both ends have.
    Hs256,
    /// Ed25519; the server has the public key only.
    EdDsa,
}

/// Where a key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyText {
    /// In the configuration.
    Inline(String),
    /// In a file.
    File(PathBuf),
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyText::Inline(_) => f.write_str("Inline"),
            KeyText::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
