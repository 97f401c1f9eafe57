//! Configuration in two stages: [`RawConfig`] as somebody wrote it, [`Config`] as checked. Nothing here is applied.
//!
//! `assets/server.toml` is the commented default; a test holds it equal to [`RawConfig::default`].

mod admin;
mod net;
mod record;
mod rooms;
mod subnet;
mod tickets;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use crate::record::RecordLimits;
pub use admin::AdminToken;
pub use net::{NetLimits, RawNet};
pub use record::RawRecord;
pub use rooms::{MAX_CAPACITY, RawPilots, RawRooms, RoomLimits};
pub use subnet::Subnet;
pub use tickets::{KeyText, RawTicketKey, RawTickets, TicketAlgorithm, TicketConfig, TicketKey};
pub use tls::{RawTls, TlsConfig, TlsSource};

/// Why a configuration was refused. Each says where and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a value of the wrong type.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what, in one line.
        message: String,
    },
    /// A value is out of its range.
    #[error("{key} = {value}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// The configuration as written: file, then flags over it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Address of the game and the page.
    pub listen: String,
    /// Address of `/metrics` and `/healthz`: `"auto"`, `"off"` or an address.
    pub admin: String,
    /// File with the token that operators show; empty: none is needed.
    pub admin_token_file: String,
    /// How log lines look: `"text"` or `"json"`.
    pub log_format: String,
    /// Seed of the rooms' maps and of all that is random in them; none draws one.
    pub seed: Option<u64>,
    /// Rooms.
    pub rooms: RawRooms,
    /// Connections.
    pub net: RawNet,
    /// https and wss.
    pub tls: RawTls,
    /// Who vouches for players.
    pub tickets: RawTickets,
    /// Recordings.
    pub record: RawRecord,
}

impl Default for RawConfig {
    fn default() -> Self {
        RawConfig {
            listen: "127.0.0.1:8080".into(),
            admin: "auto".into(),
            admin_token_file: String::new(),
            log_format: "text".into(),
            seed: None,
            rooms: RawRooms::default(),
            net: RawNet::default(),
            tls: RawTls::default(),
            tickets: RawTickets::default(),
            record: RawRecord::default(),
        }
    }
}

impl RawConfig {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// Not readable, not TOML, an unknown key, or a value of the wrong type.
    pub fn read(path: &Path) -> Result<RawConfig, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        RawConfig::parse(&text, path)
    }

    /// Reads TOML text; `path` is for the error.
    ///
    /// # Errors
    /// As [`RawConfig::read`].
    pub fn parse(text: &str, path: &Path) -> Result<RawConfig, ConfigError> {
        toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let message = format!("line {line}: {}", e.message().replace('\n', " "));
            ConfigError::Syntax { path: path.to_owned(), message }
        })
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first value that is out of its range.
    pub fn check(self) -> Result<Config, ConfigError> {
        let listen: SocketAddr = self.listen.parse().map_err(|_| ConfigError::Value {
            key: "listen",
            value: self.listen.clone(),
            expected: "an address like 127.0.0.1:8080 or 0.0.0.0:8080 or [::]:8080",
        })?;
        let tls = self.tls.check()?;
        let admin = admin::address(&self.admin, listen)?;
        Ok(Config {
            listen,
            admin,
            admin_token: admin::token(&self.admin_token_file, admin)?,
            log_format: LogFormat::from_name(self.log_format)?,
            seed: self.seed,
            rooms: self.rooms.check()?,
            net: self.net.check(tls.is_some())?,
            tls,
            tickets: self.tickets.check()?,
            record: self.record.check()?,
            assets: None,
        })
    }
}

fn secs(key: &'static str, value: u64) -> Result<Duration, ConfigError> {
    within(key, value, 1, 3600, "1 to 3600 seconds").map(Duration::from_secs)
}

fn within<T: PartialOrd + ToString>(
    key: &'static str,
    value: T,
    low: T,
    high: T,
    expected: &'static str,
) -> Result<T, ConfigError> {
    if value < low || value > high {
        return Err(ConfigError::Value { key, value: value.to_string(), expected });
    }
    Ok(value)
}

/// The checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address of the game and the page.
    pub listen: SocketAddr,
    /// Address of `/metrics` and `/healthz`; none: they are not served.
    pub admin: Option<SocketAddr>,
    /// What operators show; none: nothing.
    pub admin_token: Option<AdminToken>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Seed; none draws one.
    pub seed: Option<u64>,
    /// Rooms.
    pub rooms: RoomLimits,
    /// Connections.
    pub net: NetLimits,
    /// https and wss; none: http and ws.
    pub tls: Option<TlsConfig>,
    /// Join tickets; none: everybody may join.
    pub tickets: Option<TicketConfig>,
    /// Recordings.
    pub record: RecordLimits,
    /// Serve the page from this folder instead of the embedded one.
    pub assets: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    fn from_name(value: String) -> Result<LogFormat, ConfigError> {
        match &*value {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(ConfigError::Value { key: "log_format", value, expected: "\"text\" or \"json\"" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RawConfig, ConfigError> {
        RawConfig::parse(text, Path::new("x.toml"))
    }

    #[test]
    fn the_commented_default_is_the_built_in_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/server.toml");
        assert_eq!(RawConfig::read(&path).unwrap(), RawConfig::default());
        RawConfig::default().check().unwrap();
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = parse("listen = \"0.0.0.0:1\"\n[rooms]\ncapacty = 3\n").unwrap_err().to_string();
        assert!(error.contains("x.toml: line 3") && error.contains("capacty"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn values_out_of_range_say_what_would_be_right() {
        let tickets = |keys: &str| format!("[tickets]\nissuer = \"i\"\naudience = \"a\"\nkeys = [{keys}]");
        let key = "{ kid = \"a\", alg = \"HS256\", key = \"s\" }";
        for (text, word) in [
            ("listen = \"nowhere\"", "127.0.0.1:8080"),
            ("admin = \"maybe\"", "off"),
            ("log_format = \"xml\"", "json"),
            ("[rooms]\ncapacity = 0", "1 to 4000"),
            ("[rooms]\npilots = \"many\"", "auto"),
            ("[rooms]\nnew_per_min_per_ip = 0", "1 to 10000"),
            ("[net]\nping_secs = 0", "seconds"),
            ("[record]\nmax_mib = 1", "16 to 1048576 MiB"),
            ("[record]\nserve = true", "record.dir"),
            ("[record]\nflight_mib = 1000", "0 to 256 MiB"),
            ("[record]\ndir = \"r\"\nmax_mib = 16\nflight_mib = 9", "at most half"),
            ("[net]\nbytes_per_sec = 100", "4096 to"),
            ("[net]\nmax_per_ip = 0", "1 to 100000"),
            ("[net]\nconnects_per_sec_per_ip = 0", "1 to 10000"),
            ("[net]\ntrusted_proxies = [\"proxy\"]", "10.0.0.0/8"),
            ("[net]\nforwarded_hops = 0", "1 to 16"),
            ("[net]\nredirect_http = \"0.0.0.0:80\"", "tls.cert"),
            ("[net]\nredirect_http = \"80\"\n[tls]\ndev = true", "0.0.0.0:80"),
            ("[tls]\ncert = \"c.pem\"", "tls.key"),
            ("[tickets]\nissuer = \"i\"", "tickets.keys"),
            ("[tickets]\nleeway_secs = 301", "0 to 300"),
            ("[tickets]\nkeys = [{ kid = \"a\", alg = \"HS256\", key = \"s\" }]", "iss and aud"),
            (&tickets("{ kid = \"a\", alg = \"none\", key = \"s\" }"), "EdDSA"),
            (&tickets("{ kid = \"a\", alg = \"HS256\" }"), "key_file"),
            (&tickets("{ kid = \"a\", alg = \"HS256\", key = \"s\", key_file = \"f\" }"), "either"),
            (&tickets(&[key, key].join(",")), "a name for each key"),
            (&tickets(&[key, key, key].join(",")), "two while one replaces"),
            ("[tls]\nkey = \"k.pem\"", "tls.cert"),
            ("[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\ndev = true", "--dev-tls"),
            ("[net]\nallowed_origins = [\"example.org\"]", "https://"),
        ] {
            let error = parse(text).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_certificate_for_development_pins_no_browser_to_https() {
        let tls = |text| parse(text).unwrap().check().unwrap().tls;
        assert_eq!(tls(""), None);
        assert!(!tls("[tls]\ndev = true").unwrap().hsts);
        let files = "[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\n";
        assert!(tls(files).unwrap().hsts);
        assert!(!tls(&format!("{files}hsts = false")).unwrap().hsts);
    }

    #[test]
    fn the_admin_listener_is_beside_the_game_on_loopback() {
        let config = RawConfig { listen: "0.0.0.0:9000".into(), ..RawConfig::default() }.check().unwrap();
        assert_eq!(config.admin, Some("127.0.0.1:9001".parse().unwrap()));
        assert_eq!(config.rooms.pilots, 16);
    }
}
