//! The `[tls]` section: whether the server speaks https and wss, and with which certificate.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// The certificate and those that vouch for it, PEM; empty: none.
    pub cert: String,
    /// Its private key, PEM; empty: none.
    pub key: String,
    /// Make a certificate for this run that no browser trusts, for trying things out.
    pub dev: bool,
    /// Tell browsers to come by https only from now on.
    pub hsts: bool,
}

impl Default for RawTls {
    fn default() -> Self {
        RawTls { cert: String::new(), key: String::new(), dev: false, hsts: true }
    }
}

impl RawTls {
    pub(super) fn check(self) -> Result<Option<TlsConfig>, ConfigError> {
        let bad = |key, value: &str, expected| {
            Err(ConfigError::Value { key, value: format!("{value:?}"), expected })
        };
        let source = match (self.cert.as_str(), self.key.as_str(), self.dev) {
            ("", "", false) => return Ok(None),
            ("", "", true) => TlsSource::Dev,
            (cert, _, true) => {
                return bad("tls.cert", cert, "no files together with tls.dev (--dev-tls)");
            }
            (_, "", false) => return bad("tls.key", "", "the private key of tls.cert (--tls-key FILE)"),
            ("", _, false) => return bad("tls.cert", "", "the certificate of tls.key (--tls-cert FILE)"),
            (cert, key, false) => TlsSource::Files { cert: cert.into(), key: key.into() },
        };
        // Browsers would refuse plain http to every port of that name, for a year.
        let hsts = self.hsts && source != TlsSource::Dev;
        Ok(Some(TlsConfig { source, hsts }))
    }
}

/// How the server speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Where the certificate comes from.
    pub source: TlsSource,
    /// Send `Strict-Transport-Security`; never with [`TlsSource::Dev`].
    pub hsts: bool,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// Out of two PEM files, read again when they change.
    Files {
        /// The certificate and those that vouch for it.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made for this run.
    Dev,
}
