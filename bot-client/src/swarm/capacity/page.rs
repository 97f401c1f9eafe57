//! What a search found, as one page that needs nothing else. Text only.

use std::fmt::Write as _;

use super::{Capacity, LONGEST_INTERVAL, Trial};
use crate::swarm::page::{HEAD, Plot, escape};

/// The page.
pub fn page(capacity: &Capacity) -> String {
    let mut trials: Vec<&Trial> = capacity.trials.iter().collect();
    trials.sort_by_key(|trial| trial.players);
    let (first, last) = (trials.first().map_or(0, |t| t.players), trials.last().map_or(1, |t| t.players));
    let limit = LONGEST_INTERVAL * capacity.tick_ms;
    // What is far beyond the limit would press the rest flat.
    let most = 2.0 * limit;
    let over_players =
        |f: fn(&Trial) -> f64| trials.iter().map(move |t| (f64::from(t.players), f(t).min(most)));
    let mut plot = Plot::new((f64::from(first), f64::from(last)), most, "ms");
    plot.label(f64::from(first), &first.to_string());
    if let Some(knee) = capacity.knee.filter(|&knee| knee != first && knee != last) {
        plot.label(f64::from(knee), &knee.to_string());
    }
    if last != first {
        plot.label(f64::from(last), &last.to_string());
    }
    plot.line("first", over_players(|trial| trial.interval_p99_ms));
    plot.line("second", [(f64::from(first), limit), (f64::from(last), limit)].into_iter());
    let figure = plot
        .done("Interval between snapshots, p99, over players", &[("first", "p99, ms"), ("second", "limit")]);
    let heading = match (capacity.knee, &capacity.stopped) {
        (Some(knee), None) => format!("Drift Arena holds {knee} players"),
        (Some(knee), Some(_)) => format!("Drift Arena holds {knee} players, so far"),
        (None, _) => "Drift Arena: no number of players found".into(),
    };
    let mut html = format!("{HEAD}<h1>{heading}</h1>\n{figure}<pre>");
    for trial in &capacity.trials {
        let _ = writeln!(html, "{}", escape(&trial.to_string()));
    }
    let _ = writeln!(html, "\n{}</pre>", escape(&capacity.to_string()));
    let arguments = capacity.environment.arguments.join(" ");
    let _ = writeln!(html, "<p><code>bot-client {}</code></p>", escape(&arguments));
    html
}
