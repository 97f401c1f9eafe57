//! What a running swarm shows: the dashboard where stdin and stdout are a terminal; else a line on stderr, redrawn in
//! place on a terminal, a plain one every two seconds elsewhere.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::time::{Duration, Instant};

use bot_client::swarm::{Phase, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::dashboard::Dashboard;

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// Where it is shown.
pub(crate) enum Screen {
    Whole(Box<Dashboard>),
    Line(Line),
}

impl Screen {
    /// Takes the terminal, if there is one.
    pub(crate) fn open(title: String, bots: u32, duration: Duration) -> Screen {
        if stdin().is_terminal() && stdout().is_terminal() {
            // A terminal that cannot do that still has lines.
            if let Ok(dashboard) = Dashboard::open(title, bots, duration) {
                return Screen::Whole(Box::new(dashboard));
            }
        }
        Screen::Line(Line::new(bots, duration))
    }

    /// True if somebody has asked for the end.
    pub(crate) fn show(&mut self, progress: Progress) -> bool {
        match self {
            Screen::Whole(dashboard) => dashboard.show(progress),
            Screen::Line(line) => {
                line.show(progress);
                false
            }
        }
    }

    /// Gives the terminal back.
    pub(crate) fn close(self) {
        if let Screen::Line(line) = self {
            line.clear();
        }
    }
}

/// A line on stderr, so that stdout has the table alone.
pub(crate) struct Line {
    bots: u32,
    duration: Duration,
    bar: Option<ProgressBar>,
    printed: Option<Instant>,
}

impl Line {
    fn new(bots: u32, duration: Duration) -> Line {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:16} {wide_msg}");
            ProgressBar::new(u64::from(bots))
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Line { bots, duration, bar, printed: None }
    }

    fn show(&mut self, progress: Progress) {
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
                // Nobody may read it.
                let _ = writeln!(stderr(), "{text}");
            }
            None => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn describe(progress: Progress, bots: u32, duration: Duration) -> String {
    let Progress { phase, playing, failed, returning, lost, .. } = progress;
    let (p50, p99) = (progress.latency_p50_ms, progress.latency_p99_ms);
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
        let progress = Progress { playing: 7, ..Progress::at(Phase::Ramp) };
        let second = Duration::from_secs(1);
        assert_eq!(describe(progress, 9, second), "connecting 7/9");
        let progress = Progress { failed: 2, lost: 1, ..progress };
        assert_eq!(describe(progress, 9, second), "connecting 7/9, 2 failed, 1 lost");
    }
}
