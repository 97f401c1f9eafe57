//! A certificate and its private key: read and checked, or made for one run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as RustlsError, InconsistentKeys};
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;

/// How long a certificate that was made for one run is good.
const DEV_DAYS: u32 = 90;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why a pair cannot be used; each says which file and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not PEM.
    #[error("{} is not a PEM file: {source}", .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// Where it breaks off.
        source: pem::Error,
    },
    /// The file of the certificate has none.
    #[error("{} has no certificate in it: -----BEGIN CERTIFICATE----- is expected", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file of the key has none.
    #[error("{} has no private key in it: -----BEGIN PRIVATE KEY----- is expected, without a password", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// What is in the file is no X.509 certificate.
    #[error("{} has a certificate that cannot be read: {source}", .path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: x509_cert::der::Error,
    },
    /// Neither RSA, ECDSA nor Ed25519, or broken.
    #[error("{} has a private key that cannot be used: {source}", .path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RustlsError,
    },
    /// Two halves of different pairs.
    #[error("the key in {} does not belong to the certificate in {}", .key.display(), .cert.display())]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Dev(#[from] rcgen::Error),
}

/// A certificate that can be shown, and until when.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// Seconds since 1970: when the first certificate of the chain ends.
    pub(super) expires: u64,
}

/// What is in the two files, unread.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Texts {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// Says nothing of what is in them.
impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Texts")
    }
}

impl Texts {
    pub(super) fn read(cert: &Path, key: &Path) -> Result<Texts, PairError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| PairError::Unreadable { path: path.to_owned(), source })
        };
        Ok(Texts { cert: read(cert)?, key: read(key)? })
    }

    /// Checks that the two belong together. The paths are for the error.
    pub(super) fn pair(&self, cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<Pair, PairError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<_, _>>()
            .map_err(|source| PairError::NotPem { path: cert.to_owned(), source })?;
        if chain.is_empty() {
            return Err(PairError::NoCertificate { path: cert.to_owned() });
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            pem::Error::NoItemsFound => PairError::NoKey { path: key.to_owned() },
            source => PairError::NotPem { path: key.to_owned(), source },
        })?;
        Pair::new(chain, private, provider).map_err(|why| match why {
            Unfit::Certificate(source) => PairError::BadCertificate { path: cert.to_owned(), source },
            Unfit::Key(RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                PairError::Mismatch { cert: cert.to_owned(), key: key.to_owned() }
            }
            Unfit::Key(source) => PairError::BadKey { path: key.to_owned(), source },
        })
    }
}

enum Unfit {
    Certificate(x509_cert::der::Error),
    Key(RustlsError),
}

impl Pair {
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
    ) -> Result<Pair, Unfit> {
        let mut expires = u64::MAX;
        for der in &chain {
            let certificate = x509_cert::Certificate::from_der(der).map_err(Unfit::Certificate)?;
            let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
            expires = expires.min(end.as_secs());
        }
        let key = CertifiedKey::from_der(chain, key, provider).map_err(Unfit::Key)?;
        Ok(Pair { key: Arc::new(key), expires })
    }

    /// A self-signed pair for this machine's loopback names and `addresses`.
    pub(super) fn dev(addresses: &[IpAddr], provider: &CryptoProvider) -> Result<Pair, PairError> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let mut names = vec!["localhost".to_owned()];
        for address in loopback.iter().chain(addresses).filter(|address| !address.is_unspecified()) {
            let name = address.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let key = rcgen::KeyPair::generate()?;
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "Drift Arena, for development");
        params.not_before = (SystemTime::now() - DAY).into();
        params.not_after = (SystemTime::now() + DEV_DAYS * DAY).into();
        let certificate = params.self_signed(&key)?;
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let made = Pair::new(vec![certificate.der().clone()], private, provider);
        Ok(made.unwrap_or_else(|_| unreachable!("a pair that was just made fits")))
    }

    /// Time until the first certificate of the chain ends; zero if it has.
    pub(super) fn left(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_secs(self.expires).saturating_sub(now)
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub(super) fn fingerprint(&self) -> String {
        let leaf = self.key.cert.first().map(|der| der.as_ref()).unwrap_or_default();
        let bytes: Vec<String> = Sha256::digest(leaf).iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }
}
