//! Join tickets: a signed word of somebody the operator trusts on who a player is. A JWT (RFC 7519) with `iss`, `aud`,
//! `exp`, `sub` and maybe `nbf` and `name`; looked at when a connection joins, and never again.

mod signing;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::name;
use crate::config::{KeyText, TicketAlgorithm, TicketConfig, TicketKey};

/// Longest ticket that is looked at, bytes.
const MAX_LEN: usize = 2048;

/// Longest `sub`, bytes.
const MAX_SUB: usize = 128;

/// Shortest secret, bytes: as long as what it makes. What is shorter can be guessed offline from any ticket.
const MIN_SECRET: usize = 32;

/// Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Who a ticket is for. The same player has the same id at each visit; it is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PlayerId(Arc<str>);

/// Whoever made the tickets may have put a person's name into it.
impl fmt::Debug for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlayerId")
    }
}

/// What a good ticket says.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) id: PlayerId,
    /// Cleaned; counts instead of what the player calls itself.
    pub(super) name: Option<String>,
}

/// Why a ticket is not good, for the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadTicket {
    Missing,
    Malformed,
    Expired,
    Early,
    /// Another issuer or audience.
    Foreign,
    UnknownKey,
    /// The signature, or its algorithm, is not that of the key.
    Forged,
}

impl BadTicket {
    /// For the player.
    pub(super) fn text(self) -> &'static str {
        match self {
            BadTicket::Missing => "this server asks for a join ticket",
            BadTicket::Malformed => "this is no join ticket",
            BadTicket::Expired => "the join ticket has expired",
            BadTicket::Early => "the join ticket is not valid yet",
            BadTicket::Foreign => "the join ticket is for another game",
            BadTicket::UnknownKey => "the join ticket is signed with a key that this server does not know",
            BadTicket::Forged => "the join ticket's signature is wrong",
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error("ticket key {kid}: cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The key.
        kid: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too short.
    #[error("ticket key {kid}: an HS256 secret has at least 32 bytes; `openssl rand -base64 32` makes one")]
    Short {
        /// The key.
        kid: String,
    },
    /// Not what EdDSA needs.
    #[error("ticket key {kid}: EdDSA needs an Ed25519 {half} key in PEM: -----BEGIN {} KEY-----", .half.to_uppercase())]
    NotEd25519 {
        /// The key.
        kid: String,
        /// `public` or `private`.
        half: &'static str,
    },
    /// It could not be used.
    #[error("ticket key {kid}: {why}")]
    Unusable {
        /// The key.
        kid: String,
        /// What is wrong.
        why: String,
    },
}

/// Checks tickets.
pub struct Tickets {
    keys: Vec<Key>,
}

struct Key {
    kid: String,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.kid)).finish()
    }
}

impl Tickets {
    /// Reads the keys.
    ///
    /// # Errors
    /// A key cannot be read, or is none for its algorithm.
    pub fn new(config: &TicketConfig) -> Result<Tickets, KeyError> {
        signing::install();
        let key = |key: &TicketKey| {
            let text = read(key)?;
            let (algorithm, decoding) = match key.algorithm {
                TicketAlgorithm::Hs256 => {
                    (Algorithm::HS256, DecodingKey::from_secret(secret(&key.kid, &text)?))
                }
                TicketAlgorithm::EdDsa => {
                    let wrong = || KeyError::NotEd25519 { kid: key.kid.clone(), half: "public" };
                    let raw = public_ed25519(&text).ok_or_else(wrong)?;
                    (Algorithm::EdDSA, DecodingKey::from_ed_der(&raw))
                }
            };
            // The key says which algorithm counts, never the ticket.
            let mut validation = Validation::new(algorithm);
            validation.leeway = config.leeway.as_secs();
            validation.validate_nbf = true;
            validation.set_issuer(&[&config.issuer]);
            validation.set_audience(&[&config.audience]);
            validation.required_spec_claims = HashSet::from(["iss", "aud", "exp", "sub"].map(str::to_owned));
            Ok(Key { kid: key.kid.clone(), decoding, validation })
        };
        Ok(Tickets { keys: config.keys.iter().map(key).collect::<Result<_, _>>()? })
    }

    /// Who a ticket is for.
    pub(super) fn check(&self, ticket: &str) -> Result<Holder, BadTicket> {
        if ticket.len() > MAX_LEN {
            return Err(BadTicket::Malformed);
        }
        let head = jsonwebtoken::decode_header(ticket).map_err(|_| BadTicket::Malformed)?;
        let key = match (&head.kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid == *kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let key = key.ok_or(BadTicket::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(ticket, &key.decoding, &key.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => BadTicket::Expired,
                ErrorKind::ImmatureSignature => BadTicket::Early,
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => BadTicket::Foreign,
                ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => BadTicket::Forged,
                _ => BadTicket::Malformed,
            })?
            .claims;
        if claims.sub.is_empty() || claims.sub.len() > MAX_SUB {
            return Err(BadTicket::Malformed);
        }
        let name = claims.name.map(|name| name::clean(&name)).filter(|name| !name.is_empty());
        Ok(Holder { id: PlayerId(claims.sub.into()), name })
    }
}

/// What a ticket is to say, for [`mint`].
#[derive(Debug, Clone)]
pub struct Order {
    /// The key's name.
    pub kid: String,
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `aud`.
    pub audience: String,
    /// Who it is for.
    pub sub: String,
    /// What to call that player; none leaves it to the player.
    pub name: Option<String>,
    /// For how long it is good, from now on.
    pub ttl: Duration,
}

/// Makes a ticket with a secret, or with an Ed25519 private key in PEM. For development: in earnest, the service that
/// knows the players makes them.
///
/// # Errors
/// The key is neither.
pub fn mint(order: &Order, key: &str) -> Result<String, KeyError> {
    #[derive(Serialize)]
    struct Minted<'a> {
        #[serde(flatten)]
        claims: Claims,
        aud: &'a str,
        exp: u64,
    }
    signing::install();
    let kid = order.kid.clone();
    let (algorithm, encoding) = if key.contains("-----BEGIN") {
        let der = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes());
        let der = der.map_err(|_| KeyError::NotEd25519 { kid: kid.clone(), half: "private" })?;
        (Algorithm::EdDSA, EncodingKey::from_ed_der(der.secret_pkcs8_der()))
    } else {
        (Algorithm::HS256, EncodingKey::from_secret(secret(&kid, key)?))
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = Claims { iss: order.issuer.clone(), sub: order.sub.clone(), name: order.name.clone() };
    let minted = Minted { claims, aud: &order.audience, exp: (now + order.ttl).as_secs() };
    let head = Header { kid: Some(kid.clone()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&head, &minted, &encoding).map_err(|error| match error.kind() {
        ErrorKind::InvalidEddsaKey => KeyError::NotEd25519 { kid, half: "private" },
        _ => KeyError::Unusable { kid, why: error.to_string() },
    })
}

fn read(key: &TicketKey) -> Result<String, KeyError> {
    match &key.text {
        KeyText::Inline(text) => Ok(text.clone()),
        KeyText::File(path) => std::fs::read_to_string(path).map_err(|source| KeyError::Unreadable {
            kid: key.kid.clone(),
            path: path.clone(),
            source,
        }),
    }
}

/// A file's last line end is not part of the secret.
fn secret<'a>(kid: &str, text: &'a str) -> Result<&'a [u8], KeyError> {
    let bytes = text.trim_end_matches(['\r', '\n']).as_bytes();
    if bytes.len() < MIN_SECRET { Err(KeyError::Short { kid: kid.into() }) } else { Ok(bytes) }
}

fn public_ed25519(pem: &str) -> Option<Vec<u8>> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let info = SubjectPublicKeyInfoRef::from_der(&der).ok()?;
    let raw = info.subject_public_key.as_bytes()?;
    (info.algorithm.oid == ED25519 && raw.len() == 32).then(|| raw.to_vec())
}

#[cfg(test)]
mod tests;
