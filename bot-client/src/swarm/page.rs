//! A report as one page that needs nothing else: the figures and three plots as inline SVG, readable on a phone.
//! Text only: writes no files.

use std::fmt::Write as _;

use super::report::Report;
use super::stats::Micros;

/// What the plots are made of.
#[derive(Debug, Clone, Default)]
pub struct Charts {
    /// Share of inputs, 0 to 1, and the latency that it did not exceed, ms; ascending.
    pub latency: Vec<(f64, f64)>,
    /// The same without correction for coordinated omission.
    pub latency_raw: Vec<(f64, f64)>,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// Interval between snapshots, ms, and how many there were up to half a millisecond longer.
    pub intervals: Vec<(f64, u64)>,
}

/// One second of the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Second {
    /// Its end, s since the window opened.
    pub at: f64,
    /// Latency in it, ms; NaN if there was none, as with all of these.
    pub latency_p50: f64,
    /// The same, 99th percentile.
    pub latency_p99: f64,
    /// Interval between snapshots, ms, 99th percentile.
    pub interval_p99: f64,
}

/// Width of a bar of intervals, µs.
pub(super) const BAR_US: u64 = 500;

/// Points of a percentile curve: as many between 90 and 99 % as between 99 and 99.9 %.
pub(super) fn curve(us: &Micros) -> Vec<(f64, f64)> {
    let nines = (f64::from(u32::try_from(us.count()).unwrap_or(u32::MAX).max(1))).log10().min(5.0);
    let steps = 60;
    let shares = (0..=steps).map(|n| 1.0 - 10f64.powf(-nines * f64::from(n) / f64::from(steps)));
    shares.map(|share| (share, us.quantile(share) as f64 / 1000.0)).collect()
}

// A plot's frame within its 360 x 200 units.
const LEFT: f64 = 38.0;
const RIGHT: f64 = 352.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 168.0;

/// A plot: axes first, then what is in it.
pub(super) struct Plot {
    svg: String,
    to_x: (f64, f64),
    to_y: f64,
}

impl Plot {
    /// Over x from `x.0` to `x.1` and y from 0 to at least `y`.
    pub(super) fn new(x: (f64, f64), y: f64, unit: &str) -> Plot {
        let step = nice(y / 4.0);
        let lines = (y / step).ceil().max(1.0);
        let mut plot = Plot { svg: String::new(), to_x: (x.0, (x.1 - x.0).max(1e-9)), to_y: lines * step };
        plot.svg.push_str("<svg viewBox=\"0 0 360 200\" role=\"img\">");
        for n in 0..=lines as u32 {
            let value = f64::from(n) * step;
            let y = plot.y(value);
            let _ = write!(
                plot.svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>"
            );
            let _ = write!(
                plot.svg,
                "<text x=\"{}\" y=\"{:.1}\" class=\"end\">{}</text>",
                LEFT - 4.0,
                y + 4.0,
                plain(value)
            );
        }
        let _ = write!(plot.svg, "<text x=\"{LEFT}\" y=\"9\">{unit}</text>");
        plot
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (x - self.to_x.0) / self.to_x.1
    }

    fn y(&self, y: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (y / self.to_y).clamp(0.0, 1.0)
    }

    pub(super) fn label(&mut self, x: f64, text: &str) {
        let (x, y) = (self.x(x), BOTTOM + 14.0);
        // In the middle of a place at the rim, half of it would be cut off.
        let class = if x > RIGHT - 12.0 { "end" } else { "middle" };
        let _ = write!(self.svg, "<text x=\"{x:.1}\" y=\"{y}\" class=\"{class}\">{text}</text>");
    }

    /// A line, broken where there is nothing: where y is NaN.
    pub(super) fn line(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let points: Vec<_> = points.collect();
        for part in points.split(|(_, y)| y.is_nan()).filter(|part| !part.is_empty()) {
            // A point alone is drawn, too: the line's ends are round.
            let alone = if part.len() == 1 { part } else { &[] };
            let part: Vec<_> = part
                .iter()
                .chain(alone)
                .map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y)))
                .collect();
            let _ = write!(self.svg, "<polyline class=\"{class}\" points=\"{}\"/>", part.join(" "));
        }
    }

    fn bar(&mut self, from: f64, to: f64, height: f64) {
        let (x0, x1, y) = (self.x(from), self.x(to), self.y(height));
        let (width, height) = ((x1 - x0 - 0.3).max(0.5), BOTTOM - y);
        let _ = write!(
            self.svg,
            "<rect x=\"{x0:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    /// The plot under its heading, with the names of its lines.
    pub(super) fn done(mut self, heading: &str, legend: &[(&str, &str)]) -> String {
        let mut x = LEFT;
        for (class, name) in legend {
            let _ = write!(
                self.svg,
                "<line class=\"{class}\" x1=\"{x}\" y1=\"193\" x2=\"{}\" y2=\"193\"/>",
                x + 14.0
            );
            let _ = write!(self.svg, "<text x=\"{}\" y=\"197\">{name}</text>", x + 18.0);
            x += 34.0 + 5.6 * name.chars().count() as f64;
        }
        format!("<figure><figcaption>{heading}</figcaption>{}</svg></figure>\n", self.svg)
    }
}

/// A round number of at least `x`.
fn nice(x: f64) -> f64 {
    let power = 10f64.powf(x.max(1e-3).log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|&step| step >= x * 0.999).unwrap_or(10.0 * power)
}

pub(super) fn plain(x: f64) -> String {
    if !x.is_finite() {
        return "–".into();
    }
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page.
pub fn page(report: &Report, charts: &Charts) -> String {
    let mut html = format!("{HEAD}<h1>Drift Arena under {} bots</h1>\n", report.bots.connected);
    let env = &report.environment;
    let known = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".into(), escape);
    let _ = writeln!(
        html,
        "<p>{}, {:.0} s. {}, {} cores, kernel {}, commit {}.</p>\n<p><code>bot-client {}</code></p>",
        escape(&report.url),
        report.window_seconds,
        known(&env.cpu),
        env.cores,
        known(&env.kernel),
        known(&env.commit),
        escape(&env.arguments.join(" ")),
    );
    if let Some(why) = report.why_invalid() {
        let _ = writeln!(html, "<p class=\"invalid\">INVALID: {}</p>", escape(&why));
    }
    let tiles = [
        ("snapshots per second and client", plain(report.snapshots.per_second_per_client)),
        ("latency p99, ms", plain(report.latency_ms.p99)),
        ("interval p99, ms", plain(report.interval_ms.p99)),
        ("mean snapshot, bytes", plain(report.snapshot_bytes.mean.round())),
        ("instability ratio", plain(report.instability_ratio)),
        (
            "lost or without a seat",
            (report.bots.failed + report.disconnects.values().sum::<u32>()).to_string(),
        ),
    ];
    html.push_str("<div class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(html, "<div><b>{value}</b>{name}</div>");
    }
    html.push_str("</div>\n");
    html.push_str(&latency_curve(charts));
    html.push_str(&time_series(charts));
    html.push_str(&intervals(charts));
    let _ = writeln!(
        html,
        "<details><summary>All figures</summary><pre>{}</pre></details>",
        escape(&report.to_string())
    );
    html
}

fn latency_curve(charts: &Charts) -> String {
    // Nines on a straight line: 90 % is 1, 99 % is 2.
    let nines = |share: f64| -(1.0 - share).max(1e-9).log10();
    let both = charts.latency.iter().chain(&charts.latency_raw);
    let (most, top) = both.fold((1.0, 1.0), |(x, y), &(share, ms)| (nines(share).max(x), ms.max(y)));
    let mut plot = Plot::new((0.0, most), top, "ms");
    for (at, name) in [(0.0, "0"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %")] {
        if at <= most {
            plot.label(at, name);
        }
    }
    plot.line("second", charts.latency_raw.iter().map(|&(share, ms)| (nines(share), ms)));
    plot.line("first", charts.latency.iter().map(|&(share, ms)| (nines(share), ms)));
    plot.done("From input to snapshot, by percentile", &[("first", "corrected"), ("second", "uncorrected")])
}

fn time_series(charts: &Charts) -> String {
    let end = charts.seconds.last().map_or(1.0, |second| second.at);
    let start = charts.seconds.first().map_or(0.0, |second| second.at);
    let top = charts.seconds.iter().fold(1.0, |top: f64, s| top.max(s.latency_p99).max(s.interval_p99));
    let mut plot = Plot::new((start, end), top, "ms");
    for part in 0..=4 {
        let at = start + (end - start) * f64::from(part) / 4.0;
        plot.label(at, &format!("{} s", plain((at * 10.0).round() / 10.0)));
    }
    plot.line("third", charts.seconds.iter().map(|s| (s.at, s.interval_p99)));
    plot.line("second", charts.seconds.iter().map(|s| (s.at, s.latency_p99)));
    plot.line("first", charts.seconds.iter().map(|s| (s.at, s.latency_p50)));
    let legend = [("first", "latency p50"), ("second", "latency p99"), ("third", "interval p99")];
    plot.done("Second by second", &legend)
}

fn intervals(charts: &Charts) -> String {
    let all: u64 = charts.intervals.iter().map(|(_, count)| count).sum();
    let share = |count: u64| 100.0 * count as f64 / all.max(1) as f64;
    let top = charts.intervals.iter().map(|&(_, count)| share(count)).fold(1.0, f64::max);
    let end = charts.intervals.last().map_or(1.0, |&(ms, _)| ms + BAR_US as f64 / 1000.0).max(50.0);
    let mut plot = Plot::new((0.0, end), top, "% of intervals");
    for part in 0..=4 {
        let at = end * f64::from(part) / 4.0;
        plot.label(at, &format!("{at:.0} ms"));
    }
    for &(ms, count) in &charts.intervals {
        plot.bar(ms, ms + BAR_US as f64 / 1000.0, share(count));
    }
    plot.done("Between two snapshots of a client", &[])
}

pub(super) const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Drift Arena load test</title>\n<style>\n\
:root{color-scheme:light dark}\n\
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\n\
h1{font-size:1.4rem;line-height:1.2}\n.invalid{background:#b3261e;color:#fff;padding:.5rem;font-weight:bold}\n\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.5rem}\n\
.tiles div{border:1px solid #8888;border-radius:.4rem;padding:.5rem;font-size:.85rem}\n.tiles b{display:block;font-size:1.4rem}\n\
figure{margin:1.5rem 0}\nfigcaption{font-weight:bold}\nsvg{width:100%;height:auto}\n\
svg text{font-size:10px;fill:currentColor}\n.end{text-anchor:end}\n.middle{text-anchor:middle}\n.grid{stroke:#8886;stroke-width:.5}\n\
.first,.second,.third{fill:none;stroke-width:1.6;stroke-linecap:round}\n.first{stroke:#2a7de1}\n.second{stroke:#e1702a}\n.third{stroke:#2aa35a}\n\
rect{fill:#2a7de1}\npre{font-size:.75rem;overflow-x:auto}\n</style>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_nothing_else() {
        let mut report = Report::empty();
        report.environment.arguments = vec!["swarm".into(), "--json=<&>".into()];
        let second =
            |n: u32| Second { at: f64::from(n), latency_p50: 9.0, latency_p99: 20.0, interval_p99: 40.0 };
        let charts = Charts {
            latency: vec![(0.0, 5.0), (0.9, 9.0), (0.999, 30.0)],
            latency_raw: vec![(0.0, 5.0), (0.9, 8.0)],
            seconds: (1..5).map(second).collect(),
            intervals: vec![(33.0, 90), (33.5, 10)],
        };
        let page = page(&report, &charts);
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!((page.matches("<polyline").count(), page.matches("<rect").count()), (5, 2));
        assert!(page.contains("--json=&lt;&amp;&gt;") && !page.contains("NaN") && !page.contains("inf"));
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    }

    #[test]
    fn nothing_measured_is_an_empty_page_and_not_a_crash() {
        assert!(!page(&Report::empty(), &Charts::default()).contains("NaN"));
    }

    #[test]
    fn a_curve_has_as_many_nines_as_there_are_values_for() {
        let mut us = Micros::default();
        (1..=1000).for_each(|n| us.record_value(n * 1000));
        let curve = curve(&us);
        assert_eq!(curve[0].0, 0.0);
        let (share, ms) = *curve.last().unwrap();
        assert!((share - 0.999).abs() < 1e-9 && (998.0..=1000.0).contains(&ms), "{share} {ms}");
        assert_eq!((nice(9.0), nice(10.0), nice(0.3)), (10.0, 10.0, 0.5));
    }
}
