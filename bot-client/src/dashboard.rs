//! A running swarm on a whole terminal: figures, and the latency of the last minute as a curve. Drawn a few times a second.

use std::collections::VecDeque;
use std::io::{self, Read, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bot_client::swarm::{Phase, Progress};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, enable_raw_mode};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, LegendPosition, Paragraph};
use ratatui::{DefaultTerminal, Frame, Terminal, try_restore};

/// How many looks the curve goes back: a minute of four a second.
const REMEMBERED: usize = 240;

/// What terminals send for Ctrl-C in raw mode, and for Esc; what other keys send may begin with Esc.
const CONTROL_C: u8 = 3;
const ESC: u8 = 27;

/// The screen; the terminal is given back when this is dropped, and on a panic.
pub(crate) struct Dashboard {
    /// None once it is gone.
    terminal: Option<DefaultTerminal>,
    scene: Scene,
    /// Set by the thread that reads keys.
    asked: Arc<AtomicBool>,
}

impl Dashboard {
    /// Takes the terminal.
    pub(crate) fn open(title: String, bots: u32, duration: Duration) -> io::Result<Dashboard> {
        let terminal = take()?;
        let asked = Arc::new(AtomicBool::new(false));
        read_keys(Arc::clone(&asked));
        let scene = Scene { title, bots, duration, history: VecDeque::new(), newest: None };
        Ok(Dashboard { terminal: Some(terminal), scene, asked })
    }

    /// Shows how it is getting on. True if somebody has asked for the end.
    pub(crate) fn show(&mut self, progress: Progress) -> bool {
        self.scene.note(progress);
        if let Some(mut terminal) = self.terminal.take() {
            // A terminal that is gone is no reason to end a measurement.
            match terminal.draw(|frame| self.scene.draw(frame)) {
                Ok(_) => self.terminal = Some(terminal),
                Err(_) => forget(terminal),
            }
        }
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        if let Some(mut terminal) = self.terminal.take()
            && terminal.show_cursor().is_err()
        {
            forget(terminal);
        }
        let _ = try_restore();
    }
}

/// As `ratatui::try_init` does, except that what it leaves behind for a panic prints to stderr, and so panics itself where
/// the terminal is gone.
fn take() -> io::Result<DefaultTerminal> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _ = try_restore();
        hook(info);
    }));
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)?;
    Terminal::new(CrosstermBackend::new(stdout()))
}

/// Dropped, it would complain on stderr that it cannot show the cursor, and panic because that is gone too.
fn forget(terminal: DefaultTerminal) {
    std::mem::forget(terminal);
}

/// Notes when somebody asks for the end, for as long as there is a terminal. A thread does it, because crossterm's own poll
/// never returns once there is none.
fn read_keys(asked: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut keys = [0; 32];
        while let Ok(read @ 1..) = stdin().read(&mut keys) {
            if ends(&keys[..read]) {
                asked.store(true, Ordering::Relaxed);
            }
        }
    });
}

/// Raw mode leaves Ctrl-C to us.
fn ends(keys: &[u8]) -> bool {
    match keys {
        [ESC, rest @ ..] => rest.is_empty(),
        keys => keys.iter().any(|key| matches!(key, b'q' | b'Q' | &CONTROL_C)),
    }
}

/// What is on the screen.
struct Scene {
    title: String,
    bots: u32,
    duration: Duration,
    /// Latency p50 and p99 of the moment, ms; oldest first.
    history: VecDeque<(f64, f64)>,
    newest: Option<Progress>,
}

impl Scene {
    fn note(&mut self, progress: Progress) {
        self.newest = Some(progress);
        // Before the first whole second there is nothing to draw.
        if matches!(progress.phase, Phase::Measure { .. }) && progress.second_p99_ms > 0.0 {
            if self.history.len() == REMEMBERED {
                self.history.pop_front();
            }
            self.history.push_back((progress.second_p50_ms, progress.second_p99_ms));
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let Some(progress) = self.newest else { return };
        let rows = [
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(7),
            Constraint::Min(6),
            Constraint::Length(1),
        ];
        let [title, bar, figures, curve, foot] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(Line::from(self.title.as_str()).bold(), title);
        let (share, label) = match progress.phase {
            Phase::Ramp => (
                share(f64::from(progress.playing), f64::from(self.bots)),
                format!("connecting {}/{}", progress.playing, self.bots),
            ),
            Phase::Measure { elapsed } => {
                let (elapsed, all) = (elapsed.as_secs_f64(), self.duration.as_secs_f64());
                (share(elapsed, all), format!("{elapsed:.0} of {all:.0} s"))
            }
        };
        frame.render_widget(
            Gauge::default().ratio(share).label(label).gauge_style(Style::new().fg(Color::Blue)),
            bar,
        );
        frame.render_widget(Paragraph::new(lines(progress, self.bots)).block(Block::bordered()), figures);
        self.draw_curve(frame, curve);
        frame.render_widget(Line::from("q or Ctrl-C ends the run and prints the table").dim(), foot);
    }

    fn draw_curve(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let first = REMEMBERED - self.history.len();
        let points = |of: fn(&(f64, f64)) -> f64| -> Vec<(f64, f64)> {
            self.history.iter().enumerate().map(|(n, both)| ((first + n) as f64, of(both))).collect()
        };
        let (p50, p99) = (points(|both| both.0), points(|both| both.1));
        let top = p99.iter().fold(10.0, |top: f64, &(_, ms)| top.max(ms * 1.1));
        let line = |name, color, data| {
            let set = Dataset::default().name(name).marker(Marker::Braille).graph_type(GraphType::Line);
            set.style(Style::new().fg(color)).data(data)
        };
        let sets = vec![line("p99", Color::Yellow, &p99), line("p50", Color::Cyan, &p50)];
        let x = Axis::default().bounds([0.0, (REMEMBERED - 1) as f64]).labels(["a minute ago", "now"]);
        let y = Axis::default().bounds([0.0, top]).labels([
            "0".into(),
            format!("{:.0}", top / 2.0),
            format!("{top:.0} ms"),
        ]);
        let title = "input to snapshot, second by second";
        frame.render_widget(
            Chart::new(sets)
                .legend_position(Some(LegendPosition::TopLeft))
                .x_axis(x)
                .y_axis(y)
                .block(Block::bordered().title(title)),
            area,
        );
    }
}

fn share(part: f64, whole: f64) -> f64 {
    (part / whole.max(1e-9)).clamp(0.0, 1.0)
}

fn lines(progress: Progress, bots: u32) -> Vec<Line<'static>> {
    let Progress { playing, failed, returning, lost, .. } = progress;
    let mut first = format!("bots             {playing} of {bots} playing");
    for (count, what) in [(failed, "failed"), (returning, "coming back"), (lost, "lost")] {
        if count > 0 {
            first += &format!(", {count} {what}");
        }
    }
    let trouble = failed + lost > 0;
    let late = progress.lag_p99_ms > bot_client::swarm::report::MOST_LAG_MS;
    let lag = format!(
        "own lateness     p99 {:.1} ms{}",
        progress.lag_p99_ms,
        if late { ": INVALID if it stays so" } else { "" }
    );
    let gap = match progress.interval_p99_ms {
        gap if gap.is_nan() => "snapshot gap     none came within a second".to_owned(),
        gap => format!("snapshot gap     p99 {gap:.1} ms"),
    };
    let red = |text: String, bad: bool| if bad { Line::from(text).red() } else { Line::from(text) };
    vec![
        red(first, trouble),
        Line::from(format!("snapshots        {} from the server", progress.snapshots)),
        Line::from(format!(
            "input→snapshot   p50 {:.1}  p99 {:.1} ms",
            progress.latency_p50_ms, progress.latency_p99_ms
        )),
        red(gap, progress.interval_p99_ms.is_nan()),
        red(lag, late),
    ]
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn screen(scene: &Scene, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| scene.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_screen_tells_what_the_table_will() {
        let title = "Drift Arena under 100 bots".to_owned();
        let duration = Duration::from_secs(10);
        let mut scene = Scene { title, bots: 100, duration, history: VecDeque::new(), newest: None };
        assert_eq!(screen(&scene, 80, 24).trim(), "", "nothing is known yet");
        let ramp = Progress::at(Phase::Ramp);
        scene.note(Progress { playing: 40, ..ramp });
        let text = screen(&scene, 80, 24);
        assert!(text.contains("connecting 40/100") && text.contains("q or Ctrl-C"), "{text}");
        let measure = Progress::at(Phase::Measure { elapsed: Duration::from_secs(4) });
        for n in 1..REMEMBERED + 5 {
            scene.note(Progress {
                playing: 99,
                lost: 1,
                second_p99_ms: n as f64,
                lag_p99_ms: 6.0,
                ..measure
            });
        }
        assert_eq!(scene.history.len(), REMEMBERED);
        let text = screen(&scene, 80, 24);
        for part in ["4 of 10 s", "99 of 100 playing, 1 lost", "INVALID", "a minute ago", "p99"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // However small, it does not panic.
        for (width, height) in [(1, 1), (20, 5), (300, 100)] {
            screen(&scene, width, height);
        }
    }

    #[test]
    fn q_and_control_c_end_it_and_other_keys_do_not() {
        for keys in ["q", "Q", "\x03", "\x1b", "xq"] {
            assert!(ends(keys.as_bytes()), "{keys:?}");
        }
        // Enter, an arrow, Alt-q.
        for keys in ["c", "\r", "\x1b[A", "\x1bq"] {
            assert!(!ends(keys.as_bytes()), "{keys:?}");
        }
    }
}
