//! The standard table: which loads are measured, and how their figures are shown in the README. Runs nothing.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::profile::{Mix, Profile};
use super::report::table::Known;
use super::report::{Report, round};

/// One load of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name in the table.
    pub name: &'static str,
    /// How many players, in all rooms together.
    pub players: u32,
    /// Over how many rooms they are spread.
    pub rooms: u32,
    /// What they do.
    pub profile: Profile,
    /// True for TLS.
    pub tls: bool,
    /// True for the server of a tutorial.
    pub peer: bool,
}

/// What is measured: all of it, or what takes a few seconds.
pub fn cases(quick: bool) -> Vec<Case> {
    let one =
        |name, players| Case { name, players, rooms: 1, profile: Profile::Play, tls: false, peer: false };
    if quick {
        let tutorial = Case { peer: true, ..one("tutorial, 50 players", 50) };
        return vec![one("20 players", 20), one("50 players", 50), tutorial];
    }
    vec![
        one("100 players", 100),
        one("200 players", 200),
        one("500 players", 500),
        one("1000 players", 1000),
        one("2000 players", 2000),
        Case { rooms: 10, ..one("10 rooms of 100", 1000) },
        Case { profile: Profile::Crowd, ..one("crowd of 500", 500) },
        Case { tls: true, ..one("1000 players, TLS", 1000) },
        Case { peer: true, ..one("tutorial, 200 players", 200) },
        Case { peer: true, ..one("tutorial, 1000 players", 1000) },
    ]
}

impl Case {
    /// Its bots.
    pub fn mix(&self) -> Mix {
        Mix::only(self.profile)
    }

    /// Players in each room.
    pub fn room_capacity(&self) -> u32 {
        self.players.div_ceil(self.rooms.max(1))
    }
}

/// What a case gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The case's name.
    pub name: String,
    /// How many players.
    pub players: u32,
    /// False if the swarm itself was late, or somebody was lost: figures of time are not the server's then.
    pub valid: bool,
    /// Share of the ticks that a player got a snapshot of, %.
    pub delivered_percent: f64,
    /// Between two snapshots, 99th percentile, ms.
    pub interval_p99_ms: f64,
    /// From an input to its snapshot, ms.
    pub latency_p50_ms: f64,
    /// The same, 99th percentile.
    pub latency_p99_ms: f64,
    /// Mean length of a snapshot, bytes.
    pub snapshot_bytes: f64,
    /// Share of ticks that began a whole tick late or were given up, %, at most 100; none where the server does not say.
    pub missed_percent: Option<f64>,
    /// The server's CPU time, kernel included, by player and tick, µs.
    pub cpu_us_per_player_tick: Option<f64>,
    /// The server's resident memory, bytes.
    pub rss_bytes: Option<u64>,
    /// How late the swarm itself was, 99th percentile, ms.
    pub swarm_lag_p99_ms: f64,
}

impl Row {
    /// The figures of a run.
    pub fn of(case: &Case, report: &Report) -> Row {
        let missed = report.server.missed_ticks.zip(report.server.ticks.filter(|&ticks| ticks > 0));
        // Those that were given up are not among the ticks, and may be more.
        let share = |(missed, ticks)| round((100.0 * missed as f64 / ticks as f64).min(100.0));
        Row {
            name: case.name.into(),
            players: case.players,
            valid: report.valid && stayed(case, report),
            delivered_percent: round(
                100.0 * report.snapshots.per_second_per_client / f64::from(report.ticks_per_second.max(1)),
            ),
            interval_p99_ms: report.interval_ms.p99,
            latency_p50_ms: report.latency_ms.p50,
            latency_p99_ms: report.latency_ms.p99,
            snapshot_bytes: report.snapshot_bytes.mean,
            missed_percent: missed.map(share),
            cpu_us_per_player_tick: report.server.cpu_us_per_player_tick,
            rss_bytes: report.server.rss_bytes,
            swarm_lag_p99_ms: report.generator.schedule_lag_ms.p99,
        }
    }
}

/// True if all players came and stayed, on the seats that they took first.
pub fn stayed(case: &Case, report: &Report) -> bool {
    report.is_clean() && report.bots.connected == case.players && report.seats_lost() == 0
}

/// All rows of a day. Its JSON is stable: `schema` changes with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// Names this layout.
    pub schema: String,
    /// The day, as in 2026-11-22.
    pub date: String,
    /// Cores of the server and of the swarm; none if they were not pinned.
    pub pin: Option<String>,
    /// How long each row was measured, s.
    pub seconds: f64,
    /// Model of the CPU.
    pub cpu: Option<String>,
    /// Cores of the machine.
    pub cores: usize,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Commit that was measured.
    pub commit: Option<String>,
    /// The table.
    pub rows: Vec<Row>,
}

/// Names this layout.
pub const SCHEMA: &str = "drift-bench/1";
/// What the table stands between in the README.
pub const MARKS: (&str, &str) = ("<!-- bench:begin -->\n", "<!-- bench:end -->");

impl Bench {
    /// Rows that were measured now.
    pub fn new(rows: Vec<Row>, pin: Option<String>, seconds: f64, here: Environment) -> Bench {
        let Environment { commit, cpu, kernel, cores, unix_time, .. } = here;
        let (schema, date) = (SCHEMA.into(), date(unix_time));
        Bench { schema, date, pin, seconds, cpu, cores, kernel, commit, rows }
    }

    /// What one more connection costs the server beyond the first hundred, bytes; none if that was not measured.
    pub fn bytes_per_connection(&self) -> Option<u64> {
        let rss = |name: &str| self.rows.iter().find(|row| row.name == name)?.rss_bytes;
        Some(rss("1000 players")?.saturating_sub(rss("100 players")?) / 900)
    }

    /// The table as it stands in the README.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| | delivered | interval p99 | input to snapshot p50 / p99 | snapshot | missed ticks | server CPU per player and tick | server memory |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let unknown = || "–".to_owned();
            let missed = row.missed_percent.map_or_else(unknown, |x| format!("{x:.1} %"));
            let cpu = row.cpu_us_per_player_tick.map_or_else(unknown, |us| format!("{us:.1} µs"));
            let memory =
                row.rss_bytes.map_or_else(unknown, |b| format!("{:.1} MiB", b as f64 / f64::from(1 << 20)));
            let _ = writeln!(
                text,
                "| {}{} | {:.1} % | {:.1} ms | {:.1} / {:.1} ms | {:.0} B | {missed} | {cpu} | {memory} |",
                row.name,
                if row.valid { "" } else { " \\*" },
                Known(row.delivered_percent),
                Known(row.interval_p99_ms),
                Known(row.latency_p50_ms),
                Known(row.latency_p99_ms),
                Known(row.snapshot_bytes),
            );
        }
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        let pinned = self.pin.as_ref().map_or_else(
            || "neither pinned".into(),
            |pin| format!("server and swarm on cores {}", pin.replace('/', " and ")),
        );
        let _ = write!(
            text,
            "\n{}, {} cores, Linux {}, {}; {}, {pinned}, {:.0} s a row.",
            known(&self.cpu),
            self.cores,
            known(&self.kernel),
            self.date,
            known(&self.commit),
            self.seconds,
        );
        if let Some(bytes) = self.bytes_per_connection() {
            let _ = write!(
                text,
                " Beyond the first hundred a connection takes {:.1} KiB.",
                bytes as f64 / 1024.0
            );
        }
        if self.rows.iter().any(|row| !row.valid) {
            text.push_str(
                "\n\\* The swarm itself was late, or lost somebody: times are not the server's alone.",
            );
        }
        text.push('\n');
        text
    }
}

/// Puts a table between the marks of a text; none if it has no marks.
pub fn replace(text: &str, table: &str) -> Option<String> {
    let (head, rest) = text.split_once(MARKS.0)?;
    let (_, tail) = rest.split_once(MARKS.1)?;
    Some([head, MARKS.0, table, MARKS.1, tail].concat())
}

/// The day in UTC, from seconds since 1970.
fn date(unix: u64) -> String {
    // Howard Hinnant's days-to-civil, for days from 1970 on.
    let days = unix / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> Bench {
        let row = |case: &Case| {
            let mut report = Report { ticks_per_second: 30, ..Report::empty() };
            report.bots.connected = case.players;
            report.snapshots.per_second_per_client = 29.97;
            (report.interval_ms.p99, report.snapshot_bytes.mean) = (35.0, 75.0);
            (report.latency_ms.p50, report.latency_ms.p99) = (12.0, 37.0);
            report.generator.schedule_lag_ms.p99 = 1.0;
            report.server.cpu_us_per_player_tick = Some(9.84);
            report.server.rss_bytes = Some(u64::from(case.players) * 16 * 1024 + (4 << 20));
            (report.server.ticks, report.server.missed_ticks) = (Some(300), Some(3));
            Row::of(case, &report)
        };
        Bench::new(cases(false).iter().map(row).collect(), Some("0/1".into()), 10.0, Environment::default())
    }

    #[test]
    fn the_table_is_what_the_json_says() {
        let bench = bench();
        let json = serde_json::to_string(&bench).unwrap();
        assert_eq!(serde_json::from_str::<Bench>(&json).unwrap(), bench);
        assert_eq!(bench.bytes_per_connection(), Some(16 * 1024 * 1000 / 1000));
        let table = bench.markdown();
        assert!(
            table.contains("| 1000 players | 99.9 % | 35.0 ms |") && table.contains("| 1.0 % | 9.8 µs |"),
            "{table}"
        );
        assert!(table.contains("cores 0 and 1") && table.contains("takes 16.0 KiB"), "{table}");
        assert!(!table.contains('*'), "{table}");
        let mut late = bench;
        late.rows[0].valid = false;
        assert!(late.markdown().contains("| 100 players \\* |") && late.markdown().contains("\\* The swarm"));
        assert_eq!(Bench { rows: Vec::new(), ..late }.bytes_per_connection(), None);
    }

    #[test]
    fn no_more_than_all_ticks_are_missed() {
        let mut report = Report::empty();
        for (missed, ticks, percent) in
            [(3, 300, Some(1.0)), (389, 151, Some(100.0)), (0, 151, Some(0.0)), (2, 0, None)]
        {
            (report.server.missed_ticks, report.server.ticks) = (Some(missed), Some(ticks));
            assert_eq!(Row::of(&cases(true)[0], &report).missed_percent, percent, "{missed} of {ticks}");
        }
    }

    #[test]
    fn a_table_goes_between_its_marks_and_nowhere_else() {
        let readme = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n";
        let new = replace(readme, "new\n").unwrap();
        assert_eq!(new, "a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nb\n");
        assert_eq!(replace(&new, "new\n").as_ref(), Some(&new));
        assert_eq!(replace("no marks", "new"), None);
    }

    #[test]
    fn days_as_the_calendar_has_them() {
        for (unix, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_795_305_600, "2026-11-22"),
        ] {
            assert_eq!(date(unix), day);
        }
    }

    #[test]
    fn the_standard_cases_are_those_that_were_promised() {
        let all = cases(false);
        let players: Vec<_> =
            all.iter().filter(|c| c.rooms == 1 && !c.peer && !c.tls).map(|c| c.players).collect();
        assert_eq!(players, [100, 200, 500, 1000, 2000, 500]);
        assert!(all.iter().any(|c| (c.rooms, c.room_capacity()) == (10, 100)));
        assert!(all.iter().any(|c| c.tls) && all.iter().any(|c| c.peer && c.players == 1000));
        assert!(cases(true).iter().all(|c| c.players <= 50));
    }
}
