//! A task that drives one connection over any stream of its runtime, on the runtime's clock.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Desk};
use super::wire::Polled;
use crate::bell::Bell;
use crate::net::{Egress, Ingress};
use crate::outbox::Outbox;

/// How the outbox of a connection calls its task.
#[derive(Debug)]
pub(in crate::net) struct Pager {
    bell: Arc<Bell>,
    rung: Arc<Notify>,
}

impl Pager {
    /// A pager, and the outbox that calls by it.
    pub(in crate::net) fn new() -> (Pager, Arc<Outbox>) {
        let rung = Arc::new(Notify::new());
        let task = rung.clone();
        let bell = Arc::new(Bell::new(move || task.notify_one()));
        let outbox = Arc::new(Outbox::at(bell.clone(), 0));
        (Pager { bell, rung }, outbox)
    }
}

/// Drives a connection to its end.
pub(in crate::net) async fn drive<S, I: Ingress, E: Egress>(
    mut stream: S,
    mut connection: Connection<I, E>,
    pager: Pager,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut desk = Desk::default();
    let mut called = Vec::new();
    let mut rung = pin!(pager.rung.notified());
    let mut timer = pin!(sleep_until(connection.deadline()));
    let mut stopped = pin!(stop.cancelled());
    poll_fn(|context| {
        loop {
            // Everything that may wake us is asked before the turn, so that nothing is missed.
            while rung.as_mut().poll(context).is_ready() {
                rung.set(pager.rung.notified());
            }
            pager.bell.answer(&mut called);
            let stopping = stop.is_cancelled() || stopped.as_mut().poll(context).is_ready();
            connection.look(false);
            connection.call();
            let mut wire = Polled { stream: &mut stream, context };
            if !connection.turn(&mut wire, &mut desk, Instant::now(), stopping) {
                return Poll::Ready(());
            }
            if connection.wants_more() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            timer.as_mut().reset(connection.deadline());
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}
