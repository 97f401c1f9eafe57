//! Exchanges the certificate while the server runs: on request, and when its files change. A bad pair changes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::pair::{Pair, PairError, Texts};
use super::{Files, Tls};
use crate::metrics::Metrics;

/// How often the files are read: a few KiB, so a file notification would not be worth its trouble, and links that come
/// to point elsewhere, as certbot's do, are followed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A certificate that ends sooner is worth a warning a day.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);

impl Tls {
    /// Reads the files again now, whether they have changed or not. Does nothing if there are none.
    pub fn reload(&self) {
        self.asked.notify_one();
    }

    /// Watches the files until `stop`. The first look is at those that are in use.
    pub(crate) async fn watch(self: Arc<Tls>, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tried = self.in_use.clone();
        let mut seen = tried.clone();
        let mut warned = Instant::now();
        loop {
            let asked = tokio::select! {
                _ = looks.tick() => false,
                () = self.asked.notified() => true,
                () = stop.cancelled() => return,
            };
            if warned.elapsed() >= WARN_EVERY {
                warned = Instant::now();
                note_end(&self.shown.pair(), &self.metrics);
            }
            let Some(files) = self.files.clone() else { continue };
            let (texts, pair) = match tokio::task::spawn_blocking(move || files.look()).await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::error!(%error, "looking at the certificate's files failed");
                    continue;
                }
            };
            // Two files are never written at the same moment: what has changed is tried, once, when it has stayed so
            // for another look.
            if asked || (texts == seen && texts != tried) {
                tried.clone_from(&texts);
                self.exchange(pair);
            }
            seen = texts;
        }
    }

    fn exchange(&self, pair: Result<Pair, PairError>) {
        let result = match pair {
            Ok(pair) => {
                tracing::info!(fingerprint = pair.fingerprint(), "new connections get the new certificate");
                note_end(&pair, &self.metrics);
                self.shown.replace(pair);
                "ok"
            }
            Err(error) => {
                tracing::error!(%error, "the certificate stays as it was");
                "failed"
            }
        };
        self.metrics.tls_reloads.get_or_create(&result.into()).inc();
    }
}

impl Files {
    /// What is in the files, none if they cannot be read, and whether it would do.
    fn look(&self) -> (Option<Texts>, Result<Pair, PairError>) {
        match Texts::read(&self.cert, &self.key) {
            Ok(texts) => {
                let pair = texts.pair(&self.cert, &self.key, &super::provider());
                (Some(texts), pair)
            }
            Err(error) => (None, Err(error)),
        }
    }
}

/// Shows when a certificate ends, and warns if that is soon.
pub(super) fn note_end(pair: &Pair, metrics: &Metrics) {
    metrics.tls_certificate_expiry.set(pair.expires);
    let left = pair.left();
    if left.is_zero() {
        tracing::warn!("the TLS certificate has expired: clients refuse it");
    } else if left < WARN_BEFORE {
        tracing::warn!(days = left.as_secs() / (24 * 3600), "the TLS certificate expires soon");
    }
}
