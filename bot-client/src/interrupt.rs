//! How somebody ends this program before it is done: Ctrl-C, and on Unix SIGTERM, or SIGHUP from a terminal that is closed.
//! Whoever listens has to end by itself, and takes its servers along.

use tokio::sync::watch;

/// Resolves when somebody wants this program to end. Listens from the call on, which has to be in a runtime.
#[cfg(unix)]
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    use std::task::Poll;
    use tokio::signal::unix::{SignalKind, signal};

    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !ignores_hangups() {
        kinds.push(SignalKind::hangup());
    }
    // Without any of them the time limit, or a kill, remains.
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(move |context| {
        let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// True if it was started with `nohup`, and is to outlive its terminal. Only Linux tells.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is number 1, the lowest bit.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Resolves when somebody wants this program to end.
#[cfg(not(unix))]
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await; // no signals here: the time limit, or a kill, remains
    }
}

/// The same for who asks more than once, and must not miss what came in between.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on; in a runtime only.
    pub(crate) fn listen() -> Stop {
        let (asked, stop) = watch::channel(false);
        let interrupted = interrupted();
        tokio::spawn(async move {
            interrupted.await;
            asked.send_replace(true);
        });
        Stop(stop)
    }

    /// Resolves once it was asked for, and at once from then on.
    pub(crate) async fn asked(&self) {
        // An error would be that nobody listens any more, which is at the end of the runtime.
        let _ = self.0.clone().wait_for(|&asked| asked).await;
    }

    /// Was it asked for?
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}
