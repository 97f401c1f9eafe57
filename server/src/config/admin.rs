//! Who may use the admin listener: its address and its token.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ConfigError;

/// Shortest token, in bytes: 16 random letters and digits are beyond guessing.
const SHORTEST: usize = 16;

/// What operators show. Kept as a hash, so that it cannot end up in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    fn new(token: &str) -> AdminToken {
        AdminToken(Sha256::digest(token).into())
    }

    /// True if this is it. Takes as long whichever part differs.
    pub fn is(&self, shown: &str) -> bool {
        AdminToken::new(shown).0.ct_eq(&self.0).into()
    }
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

/// Where the admin listener is; none: nowhere.
pub(super) fn address(text: &str, listen: SocketAddr) -> Result<Option<SocketAddr>, ConfigError> {
    let bad = |expected| ConfigError::Value { key: "admin", value: text.to_owned(), expected };
    match text {
        "off" => Ok(None),
        "auto" => {
            // Port 0 draws a free port; so does its neighbour then.
            let port = match listen.port() {
                0 => 0,
                port => {
                    port.checked_add(1).ok_or(bad("no port follows 65535: name an address, or \"off\""))?
                }
            };
            Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
        }
        _ => text.parse().map(Some).map_err(|_| bad("\"auto\", \"off\", or an address like 127.0.0.1:8081")),
    }
}

/// The token for a listener at `address`, from the file named by `path` if that is not empty.
pub(super) fn token(path: &str, address: Option<SocketAddr>) -> Result<Option<AdminToken>, ConfigError> {
    if path.is_empty() {
        return match address {
            Some(address) if !address.ip().to_canonical().is_loopback() => Err(ConfigError::Value {
                key: "admin",
                value: address.to_string(),
                expected: "a loopback address; or set admin_token_file, the file with the token that operators show",
            }),
            _ => Ok(None),
        };
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: Path::new(path).to_owned(), source })?;
    let token = text.trim();
    if token.len() < SHORTEST || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ConfigError::Value {
            key: "admin_token_file",
            value: path.to_owned(),
            expected: "a file with one token of 16 or more visible ASCII characters, as `openssl rand -hex 16` prints",
        });
    }
    Ok(Some(AdminToken::new(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_there_must_be_a_token() {
        let at = |address: &str| Some(address.parse().unwrap());
        for free in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(token("", at(free)).unwrap(), None, "{free}");
        }
        assert_eq!(token("", None).unwrap(), None);
        for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            let error = token("", at(open)).unwrap_err().to_string();
            assert!(error.contains("admin_token_file") && error.contains(open), "{error}");
        }
        assert!(token("/does/not/exist", None).unwrap_err().to_string().contains("/does/not/exist"));
        let file = std::env::temp_dir().join(format!("drift-arena-token-{}", std::process::id()));
        let path = file.to_str().unwrap();
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let good = token(path, at("0.0.0.0:1")).unwrap().unwrap();
        assert!(good.is("0123456789abcdef") && !good.is("0123456789abcdee") && !good.is(""));
        assert!(!format!("{good:?}").contains("0123"));
        for bad in ["", "short\n", "0123456789 abcdef"] {
            std::fs::write(&file, bad).unwrap();
            let error = token(path, None).unwrap_err().to_string();
            assert!(error.contains("16 or more"), "{error}");
        }
        std::fs::remove_file(&file).unwrap();
    }
}
