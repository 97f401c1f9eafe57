//! Whose certificates a client believes on wss, and the TLS handshake. Plain ws needs none of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whose certificates are believed. Cheap to clone; the default is [`Trust::system`].
#[derive(Debug, Clone, Default)]
pub struct Trust(Kind);

#[derive(Debug, Clone, Default)]
enum Kind {
    /// Looked up at the first wss connection.
    #[default]
    System,
    Chosen(Arc<ClientConfig>),
}

/// Why a file cannot say whom to trust.
#[derive(Debug, thiserror::Error)]
pub enum BadAuthority {
    /// It could not be read, or is not PEM.
    #[error("cannot read certificates from {}: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the format said.
        why: String,
    },
    /// There is none in it.
    #[error("{} has no certificate in it: -----BEGIN CERTIFICATE----- is expected", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Trust {
    /// Those that this machine trusts: its own list and not one built in, so that a company's authority counts and one
    /// that the system's maker has dropped does not.
    pub fn system() -> Trust {
        Trust(Kind::System)
    }

    /// Only those that the certificates in a PEM file vouch for, or are.
    ///
    /// # Errors
    /// There is no certificate in the file.
    pub fn only(path: &Path) -> Result<Trust, BadAuthority> {
        let unreadable = |why: String| BadAuthority::Unreadable { path: path.to_owned(), why };
        let mut roots = RootCertStore::empty();
        let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(BadAuthority::Empty { path: path.to_owned() });
        }
        Ok(Trust(Kind::Chosen(config(roots))))
    }

    /// Anybody's: whoever sits on the line can read and change everything. For servers of one's own.
    pub fn anybody() -> Trust {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let verifier = Arc::new(Anybody(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions().expect(SUITES);
        let config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Trust(Kind::Chosen(finished(config)))
    }

    /// Shakes hands over a stream with whoever claims to be `host`: a name or an address, an IPv6 one in brackets or
    /// not. The swarm and [`crate::Client`] do it by themselves.
    ///
    /// # Errors
    /// Its certificate is not believed, it speaks no TLS, or the stream broke.
    pub async fn connect<S>(&self, stream: S, host: &str) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
            .map_err(|_| io::Error::other("no certificate can be for such a name"))?;
        let config = match &self.0 {
            Kind::Chosen(config) => config.clone(),
            Kind::System => system().await?,
        };
        TlsConnector::from(config).connect(name, stream).await
    }
}

const SUITES: &str = "ring has suites for TLS 1.2 and 1.3";

/// Read once a process: it takes milliseconds, and many connections ask.
async fn system() -> io::Result<Arc<ClientConfig>> {
    static SYSTEM: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // A list of hundreds may have some that cannot be read; it is of use nevertheless.
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        match (usable, found.errors.first()) {
            (0, Some(error)) => Err(format!("the system's list of authorities cannot be read: {error}")),
            (0, None) => Err("the system has no list of authorities to trust".to_owned()),
            _ => Ok(config(roots)),
        }
    };
    let looked = match SYSTEM.get() {
        Some(known) => known.clone(),
        None => tokio::task::spawn_blocking(move || SYSTEM.get_or_init(read).clone())
            .await
            .unwrap_or_else(|error| Err(error.to_string())),
    };
    looked.map_err(io::Error::other)
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().expect(SUITES);
    finished(config.with_root_certificates(roots).with_no_client_auth())
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Every bot is a player who comes for the first time: none gets a cheaper handshake because another was there.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// Believes every certificate, but not that a server has one whose key it does not have.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
