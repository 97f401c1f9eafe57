//! The live line of a running swarm: redrawn in place on a terminal, a plain line every two seconds elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use bot_client::swarm::{Phase, Progress};
use indicatif::{ProgressBar, ProgressStyle};

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// Where progress is shown: stderr, so that stdout has the table alone.
pub(crate) struct Line {
    bots: u32,
    duration: Duration,
    bar: Option<ProgressBar>,
    printed: Option<Instant>,
}

impl Line {
    pub(crate) fn new(bots: u32, duration: Duration) -> Line {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:16} {wide_msg}");
            ProgressBar::new(u64::from(bots))
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Line { bots, duration, bar, printed: None }
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        let (position, length) = match progress.phase {
            Phase::Ramp => (u64::from(progress.playing), u64::from(self.bots)),
            Phase::Measure { elapsed } => (elapsed.as_millis() as u64, self.duration.as_millis() as u64),
        };
        let text = describe(progress, self.bots, self.duration);
        match &self.bar {
            Some(bar) => {
                bar.set_length(length);
                bar.set_position(position);
                bar.set_message(text);
            }
            None if self.printed.is_none_or(|at| at.elapsed() >= PLAIN_EVERY) => {
                self.printed = Some(Instant::now());
                eprintln!("{text}");
            }
            None => {}
        }
    }

    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn describe(progress: Progress, bots: u32, duration: Duration) -> String {
    let Progress { phase, playing, failed, returning, lost, latency_p50_ms: p50, latency_p99_ms: p99 } =
        progress;
    let mut text = match phase {
        Phase::Ramp => format!("connecting {playing}/{bots}"),
        Phase::Measure { elapsed } => {
            let (elapsed, all) = (elapsed.as_secs_f64(), duration.as_secs_f64());
            format!(
                "playing {playing}/{bots}, {elapsed:.0}/{all:.0} s, input→snapshot p50 {p50:.1} p99 {p99:.1} ms"
            )
        }
    };
    for (count, what) in [(failed, "failed"), (returning, "coming back"), (lost, "lost")] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_trouble_only_when_there_is_some() {
        let progress = Progress {
            phase: Phase::Ramp,
            playing: 7,
            failed: 0,
            returning: 0,
            lost: 0,
            latency_p50_ms: 0.0,
            latency_p99_ms: 0.0,
        };
        let second = Duration::from_secs(1);
        assert_eq!(describe(progress, 9, second), "connecting 7/9");
        let progress = Progress { failed: 2, lost: 1, ..progress };
        assert_eq!(describe(progress, 9, second), "connecting 7/9, 2 failed, 1 lost");
    }
}
