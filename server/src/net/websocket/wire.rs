//! The byte stream below a connection, as the connection sees it: nothing here ever waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use mio::net::TcpStream;
use rustls::{ServerConnection, StreamOwned};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of which each call does what can be done now, or says [`ErrorKind::WouldBlock`].
pub(in crate::net) trait Wire: Read + Write {
    /// True if a read that leaves room in its buffer has taken all there is, and that more arrives is told anew.
    const TELLS: bool;

    /// Ends our half, once all that was written before has gone out.
    ///
    /// # Errors
    /// It would block: call again. Or there is nobody to tell.
    fn shutdown(&mut self) -> io::Result<()>;
}

/// A socket that left the runtime of its handshake, to be watched by a shard.
#[derive(Debug)]
pub(in crate::net) enum Socket {
    /// As it is.
    Plain(TcpStream),
    /// Under TLS.
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Socket {
    /// What the system knows it by.
    pub(in crate::net) fn source(&mut self) -> &mut TcpStream {
        match self {
            Socket::Plain(stream) => stream,
            Socket::Secure(stream) => &mut stream.sock,
        }
    }
}

impl Wire for TcpStream {
    const TELLS: bool = true;

    fn shutdown(&mut self) -> io::Result<()> {
        TcpStream::shutdown(self, Shutdown::Write)
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    /// What rustls has taken off the socket may be more than one read gives.
    const TELLS: bool = false;

    fn shutdown(&mut self) -> io::Result<()> {
        // Said once; only what is left of it goes out when this is called again.
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

/// A stream of a runtime, during one poll of its task: what would block has noted whom to wake.
pub(super) struct Polled<'a, 'b, S> {
    pub stream: &'a mut S,
    pub context: &'a mut Context<'b>,
}

fn now<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for Polled<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        now(Pin::new(&mut *self.stream).poll_read(self.context, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Polled<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(Pin::new(&mut *self.stream).poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        now(Pin::new(&mut *self.stream).poll_flush(self.context))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire for Polled<'_, '_, S> {
    /// Only a read that would block notes whom to wake.
    const TELLS: bool = false;

    fn shutdown(&mut self) -> io::Result<()> {
        now(Pin::new(&mut *self.stream).poll_shutdown(self.context))
    }
}
