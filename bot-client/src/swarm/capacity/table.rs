//! What a search found, for people: one line a trial, and a plot of the intervals over the number of players.

use std::fmt;

use super::{Capacity, LEAST_DELIVERED, LONGEST_INTERVAL, Limit, Trial};

/// Characters of the longest bar.
const WIDTH: usize = 48;

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { players, delivered_percent, interval_p99_ms, latency_p99_ms, .. } = self;
        write!(
            f,
            "{players:>5} players  delivered {delivered_percent:>5.1} %  interval p99 {interval_p99_ms:>6.1} ms  \
             input→snapshot p99 {latency_p99_ms:>6.1} ms"
        )?;
        if let Some(us) = self.cpu_us_per_player_tick {
            write!(f, "  {us:>4.1} µs CPU")?;
        }
        if self.lost > 0 {
            write!(f, "  {} lost", self.lost)?;
        }
        write!(f, "  {}", if self.held { "holds" } else { "does not hold" })?;
        if self.generator_limited {
            write!(f, " (the swarm itself was at its limit)")?;
        }
        Ok(())
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
        for trial in trials {
            let (length, mark) = (column(trial.interval_p99_ms), column(limit));
            let cell = |n: usize| match (n < length, n == mark) {
                (true, true) => '▌',
                (true, false) => '█',
                (false, true) => '┊',
                (false, false) => ' ',
            };
            let bar: String = (0..=WIDTH).map(cell).collect();
            let Trial { players, interval_p99_ms, delivered_percent, held, .. } = trial;
            let word = if *held { "" } else { "  no" };
            writeln!(f, "{players:>7}  {bar} {interval_p99_ms:.1} ms, {delivered_percent:.1} %{word}")?;
        }
        match self.knee {
            Some(knee) => write!(
                f,
                "knee     {knee} players: delivered >= {LEAST_DELIVERED} %, interval p99 <= {limit:.0} ms, twice"
            )?,
            None if self.limit == Limit::NotTried => write!(f, "knee     not found in so many trials")?,
            None => write!(
                f,
                "knee     none: not even {} held",
                self.trials.iter().map(|t| t.players).min().unwrap_or(0)
            )?,
        }
        match self.limit {
            Limit::Server => Ok(()),
            Limit::Generator => write!(
                f,
                "\n         that is the generator limit, not the server's: give the swarm a core of its own (--pin), or a machine"
            ),
            Limit::NotTried => write!(f, "\n         more was not tried"),
        }
    }
}
