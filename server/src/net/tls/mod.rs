//! TLS under the HTTP connections: the handshake, and a certificate that can be exchanged while the server runs.
//!
//! One provider, ring, named wherever one is needed: a second one in the build would panic at run time.

mod pair;
mod watch;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

use crate::config::{TlsConfig, TlsSource};
use crate::metrics::Metrics;
use pair::{Pair, Texts};

pub use pair::PairError;

/// The only protocol inside: WebSockets start as HTTP/1.1.
const PROTOCOL: &[u8] = b"http/1.1";

/// To somebody who speaks plain HTTP here. Not a redirect: the address that was meant is not known yet.
const SPEAKS_TLS: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 58\r\nConnection: close\r\n\r\nthis port speaks https: write https:// before the address\n";

/// TLS of one listener.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    /// Where the pair comes from; none: it was made for this run.
    files: Option<Files>,
    /// What was in the files at the start.
    in_use: Option<Texts>,
    /// Somebody wants the files to be read again.
    asked: Notify,
    /// Send `Strict-Transport-Security`.
    pub(super) hsts: bool,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// The pair for new connections; open ones keep theirs.
#[derive(Debug)]
struct Shown(RwLock<Pair>);

impl Shown {
    fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
    }

    fn pair(&self) -> Pair {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair().key)
    }
}

impl Tls {
    /// Reads the pair, or makes one for loopback and `addresses`. `metrics` shows when it ends and what became of
    /// reloads.
    ///
    /// # Errors
    /// There is no usable pair in the files.
    pub fn new(
        config: &TlsConfig,
        addresses: &[IpAddr],
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Tls>, PairError> {
        let provider = Arc::new(provider());
        let (pair, files, in_use) = match &config.source {
            TlsSource::Dev => (Pair::dev(addresses, &provider)?, None, None),
            TlsSource::Files { cert, key } => {
                let texts = Texts::read(cert, key)?;
                let pair = texts.pair(cert, key, &provider)?;
                (pair, Some(Files { cert: cert.clone(), key: key.clone() }), Some(texts))
            }
        };
        watch::note_end(&pair, &metrics);
        let shown = Arc::new(Shown(RwLock::new(pair)));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        let (config, hsts, asked) = (Arc::new(server), config.hsts, Notify::new());
        Ok(Arc::new(Tls { config, shown, files, in_use, asked, hsts, metrics }))
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> String {
        self.shown.pair().fingerprint()
    }

    /// Shakes hands. Whoever speaks plain HTTP is told so. Must be given a time limit.
    pub(super) async fn accept<S>(&self, mut stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut acceptor = Acceptor::default();
        let mut buffer = [0; 1024];
        let mut first = true;
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // TLS begins with the number of a handshake record, HTTP with a method.
            if std::mem::take(&mut first) && buffer[0].is_ascii_uppercase() {
                stream.write_all(SPEAKS_TLS.as_bytes()).await?;
                stream.shutdown().await?;
                return Err(io::Error::other("plain HTTP"));
            }
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                acceptor.read_tls(&mut rest)?;
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(hello)) => {
                    return StartHandshake::from_parts(hello, stream).into_stream(self.config.clone()).await;
                }
                Err((error, mut alert)) => {
                    let mut out = Vec::new();
                    alert.write_all(&mut out)?;
                    stream.write_all(&out).await?;
                    stream.shutdown().await?;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plain_http_is_told_has_the_length_that_it_says() {
        let (head, body) = SPEAKS_TLS.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
