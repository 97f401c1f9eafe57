//! From a handshake to a connection: who drives it from now on.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustls::StreamOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::websocket::{Connection, Pager, Socket, drive};
use super::{Homes, Service};
use crate::config::NetLimits;
use crate::metrics::Metrics;
use crate::outbox::Outbox;

/// A connection that has been agreed to.
pub(super) struct Handover<V: Service, H> {
    pub service: V,
    pub agreement: V::Agreement,
    pub client: IpAddr,
    pub limits: Arc<NetLimits>,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
    /// What it holds as long as it lasts.
    pub held: H,
}

impl<V: Service, H: Send + 'static> Handover<V, H> {
    /// Hands it over to a shard, if there are any. Otherwise a task drives it over the stream of type `S` on which the
    /// handshake was served.
    pub(super) fn to<S>(
        self,
        homes: Option<Homes<V::Ingress, V::Egress>>,
        upgraded: Upgraded,
        tasks: &TaskTracker,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Some(homes) = homes {
            let berth = homes.next();
            match detach(upgraded) {
                Ok((socket, early)) => {
                    let (connection, held) = self.open(berth.outbox(), &early);
                    berth.settle(socket, connection, Box::new(held));
                }
                Err(error) => tracing::warn!(%error, "a connection could not be moved to its shard"),
            }
            return;
        }
        let Ok(parts) = upgraded.downcast::<TokioIo<S>>() else {
            unreachable!("the accept loop served a stream of this type");
        };
        let stop = self.stop.clone();
        let (pager, outbox) = Pager::new();
        let (connection, held) = self.open(outbox, &parts.read_buf);
        tasks.spawn(async move {
            drive(parts.io.into_inner(), connection, pager, stop).await;
            drop(held);
        });
    }

    /// `early`: hyper may have read the first frames already.
    fn open(self, outbox: Arc<Outbox>, early: &[u8]) -> (Connection<V::Ingress, V::Egress>, H) {
        let halves = self.service.open(self.agreement, self.client, outbox.clone());
        let connection = Connection::open(halves, self.client, outbox, early, self.limits, self.metrics);
        (connection, self.held)
    }
}

/// Takes the socket below a connection off the runtime that has watched it so far.
fn detach(upgraded: Upgraded) -> io::Result<(Socket, Bytes)> {
    let from_runtime = |stream: TcpStream| stream.into_std().map(mio::net::TcpStream::from_std);
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Ok((Socket::Plain(from_runtime(parts.io.into_inner())?), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>() {
        Ok(parts) => {
            let (stream, tls): (TcpStream, _) = parts.io.into_inner().into_inner();
            let stream = StreamOwned::new(tls, from_runtime(stream)?);
            Ok((Socket::Secure(Box::new(stream)), parts.read_buf))
        }
        Err(_) => Err(io::Error::other("it is not over a socket")),
    }
}
