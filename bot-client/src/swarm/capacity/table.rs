//! What a search found, for people: one line a trial, and a plot of the intervals over the number of players.

use std::fmt;

use super::{Capacity, LEAST_DELIVERED, LONGEST_INTERVAL, Limit, Trial};

/// Characters of the longest bar.
const WIDTH: usize = 48;

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (delivered, interval) = (known(self.delivered_percent), known(self.interval_p99_ms));
        let (players, latency) = (self.players, known(self.latency_p99_ms));
        write!(
            f,
            "{players:>5} players  delivered {delivered:>5} %  interval p99 {interval:>6} ms  \
             input→snapshot p99 {latency:>6} ms"
        )?;
        if let Some(us) = self.cpu_us_per_player_tick {
            write!(f, "  {us:>4.1} µs CPU")?;
        }
        write!(f, "  {}", if self.held { "holds" } else { "does not hold" })?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The worse of two trials with the same number says more.
        let mut trials: Vec<&Trial> = self.trials.iter().collect();
        trials
            .sort_by(|a, b| a.players.cmp(&b.players).then(b.interval_p99_ms.total_cmp(&a.interval_p99_ms)));
        trials.dedup_by_key(|trial| trial.players);
        let limit = LONGEST_INTERVAL * self.tick_ms;
        let most = 2.0 * limit;
        let column = |ms: f64| ((ms / most).clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
        writeln!(f, "players  interval p99 (the mark is at {LONGEST_INTERVAL} ticks, {limit:.0} ms)")?;
        for trial in &trials {
            let (length, mark) = (column(trial.interval_p99_ms), column(limit));
            let cell = |n: usize| match (n < length, n == mark) {
                (true, true) => '▌',
                (true, false) => '█',
                (false, true) => '┊',
                (false, false) => ' ',
            };
            let bar: String = (0..=WIDTH).map(cell).collect();
            let (delivered, interval) = (known(trial.delivered_percent), known(trial.interval_p99_ms));
            let word = if trial.held { "" } else { "  no" };
            writeln!(f, "{:>7}  {bar} {interval} ms, {delivered} %{word}", trial.players)?;
        }
        let smallest = trials.first().map_or(0, |trial| trial.players);
        let bounds = format!("delivered >= {LEAST_DELIVERED} %, interval p99 <= {limit:.0} ms, twice");
        match (self.knee, &self.stopped, self.limit) {
            (Some(knee), None, _) => write!(f, "knee     {knee} players: {bounds}")?,
            (Some(knee), Some(_), _) => write!(f, "knee     {knee} players so far: {bounds}")?,
            (None, Some(_), _) => {
                let once = trials.iter().filter(|trial| trial.held).map(|trial| trial.players).max();
                let once = once.map_or_else(String::new, |once| format!("; {once} players held once"));
                write!(f, "knee     none so far{once}")?;
            }
            (None, None, Limit::NotTried) => write!(f, "knee     not found in so many trials")?,
            (None, None, _) => write!(f, "knee     none: not even {smallest} held")?,
        }
        if let Some(Trial { players, why: Some(why), .. }) = self.end() {
            write!(f, "\n         {players} players did not hold: {why}")?;
        }
        let advice = match self.limit {
            Limit::Server => None,
            Limit::Generator => Some(
                "that is the generator limit, not the server's: give the swarm a core of its own (--pin), or a machine",
            ),
            Limit::Room => Some(
                "that is the room's size, not the server's limit: start it with a larger --room-capacity",
            ),
            Limit::NotTried => Some("more was not tried").filter(|_| self.stopped.is_none()),
        };
        if let Some(advice) = advice {
            write!(f, "\n         {advice}")?;
        }
        self.stopped.as_ref().map_or(Ok(()), |why| write!(f, "\n         the search ended early: {why}"))
    }
}

/// A figure, where there is one.
fn known(figure: f64) -> String {
    if figure.is_nan() { "–".into() } else { format!("{figure:.1}") }
}
