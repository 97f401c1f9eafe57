//! When bytes arrived, by the kernel's own account. A bot reads its socket when its turn has come, and what it measures
//! must not depend on that.

use std::io;
use std::net::TcpStream;
use std::time::SystemTime;

/// Reads sockets, and tells when what was read arrived.
#[cfg_attr(not(target_os = "linux"), derive(Default))]
pub(super) struct Stamps {
    /// Where the kernel writes it.
    #[cfg(target_os = "linux")]
    space: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl Default for Stamps {
    fn default() -> Stamps {
        Stamps { space: nix::cmsg_space!(nix::sys::time::TimeSpec) }
    }
}

#[cfg(target_os = "linux")]
impl Stamps {
    /// Has the kernel note when what comes in on a socket arrives, from a moment later on. False if it does not.
    pub(super) fn ask_for(socket: &TcpStream) -> bool {
        use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
        setsockopt(socket, ReceiveTimestampns, &true).is_ok()
    }

    /// Reads once: how many bytes, and when the last of them arrived if the kernel was asked to note it.
    pub(super) fn read(
        &mut self,
        socket: &TcpStream,
        room: &mut [u8],
    ) -> io::Result<(usize, Option<SystemTime>)> {
        use std::io::IoSliceMut;
        use std::os::fd::AsRawFd;
        use std::time::Duration;

        use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

        let mut parts = [IoSliceMut::new(room)];
        let space = Some(&mut self.space[..]);
        let read = recvmsg::<()>(socket.as_raw_fd(), &mut parts, space, MsgFlags::empty())?;
        // Without a stamp the bytes count all the same.
        let stamp = read.cmsgs().into_iter().flatten().find_map(|told| match told {
            ControlMessageOwned::ScmTimestampns(at) => Some(SystemTime::UNIX_EPOCH + Duration::from(at)),
            _ => None,
        });
        Ok((read.bytes, stamp))
    }
}

#[cfg(not(target_os = "linux"))]
impl Stamps {
    /// Only Linux notes for TCP when something arrives.
    pub(super) fn ask_for(_: &TcpStream) -> bool {
        false
    }

    /// Reads once.
    pub(super) fn read(
        &mut self,
        mut socket: &TcpStream,
        room: &mut [u8],
    ) -> io::Result<(usize, Option<SystemTime>)> {
        io::Read::read(&mut socket, room).map(|read| (read, None))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stamp_tells_when_something_arrived_and_not_when_it_was_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        let (mut stamps, mut room) = (Stamps::default(), [0; 8]);
        there.write_all(b"ab").unwrap();
        assert_eq!(stamps.read(&here, &mut room).unwrap(), (2, None), "nobody asked for it");
        if !Stamps::ask_for(&here) {
            eprintln!("not tested: this system does not stamp what arrives over TCP");
            return;
        }
        let mut once = || {
            let before = SystemTime::now();
            there.write_all(b"cde").unwrap();
            let after = SystemTime::now();
            std::thread::sleep(Duration::from_millis(30));
            let (read, stamp) = stamps.read(&here, &mut room).unwrap();
            assert_eq!(read, 3);
            (before, stamp, after)
        };
        // The first on a machine may have none: the kernel is about to begin.
        let (before, stamp, after) =
            (0..100).map(|_| once()).find(|(_, stamp, _)| stamp.is_some()).expect("a stamp");
        // The kernel's clock is the same one, and a process may read it a little behind.
        let (stamp, slack) = (stamp.unwrap(), Duration::from_millis(1));
        assert!((before - slack..=after + slack).contains(&stamp), "{stamp:?} of {before:?} to {after:?}");
        here.set_nonblocking(true).unwrap();
        assert_eq!(stamps.read(&here, &mut room).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
