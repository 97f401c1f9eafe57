//! The command line: flags over the configuration file, errors in one line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use server::config::RawPilots;
use server::{Config, RawConfig};

/// An authoritative real-time multiplayer game server. Start it, open the printed address in a browser, and play
/// against server-run pilots and whoever else opens it.
#[derive(Debug, Parser)]
#[command(name = "server", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address to listen on; 0.0.0.0:8080 lets others on the network play [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,

    /// Configuration file in TOML; assets/server.toml explains every key. Flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Most players in a room, 1 to 4000; also sets how large the world is [default: 100]
    #[arg(long, value_name = "N")]
    room_capacity: Option<u16>,

    /// Server-run ships that fill a room while few people play: a number up to 64, or auto [default: auto]
    #[arg(long, value_name = "N|auto", value_parser = pilots)]
    pilots: Option<RawPilots>,

    /// Seed of maps and chance, to get the same room again [default: a new one each start]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Address of /metrics, /readyz and /admin, or off [default: the port after --listen's, on loopback]
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<String>,

    /// Speak https and wss with this certificate, a PEM file; it is read again when it changes and on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,

    /// Its private key, a PEM file
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,

    /// Speak https and wss with a certificate made for this run, which no browser trusts, and print its fingerprint
    #[arg(long)]
    dev_tls: bool,

    /// Address that sends plain http to https, like 0.0.0.0:80
    #[arg(long, value_name = "ADDR")]
    redirect_http: Option<String>,

    /// File with the token that operators show; needed where --admin is not on loopback
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<String>,

    /// How log lines look: text, or json with one object a line [default: text]
    #[arg(long, value_name = "text|json")]
    log_format: Option<String>,

    /// Record every room to this folder, to run it again with `server replay`; bounded, see [record] in the file
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Let whoever reaches the page see the recordings, too: /?replay lists them. They show every player, and no names
    #[arg(long)]
    serve_replays: bool,

    /// Serve the page from this folder instead of the one inside the program; for working on the page
    #[arg(long, value_name = "DIR")]
    assets: Option<PathBuf>,
}

/// What else the program can do than serve.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run a recording again, faster than real time, and tell what is in it
    Replay(Replay),
    /// Make a join ticket, for trying out a server that asks for one
    Ticket(Ticket),
}

/// `server ticket`
#[derive(Debug, Args)]
pub(crate) struct Ticket {
    /// File with the HS256 secret or the Ed25519 private key (PEM, PKCS #8) that the ticket is signed with
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// The key's name in [tickets]
    #[arg(long, value_name = "NAME")]
    pub(crate) kid: String,

    /// tickets.issuer
    #[arg(long, value_name = "TEXT")]
    pub(crate) issuer: String,

    /// tickets.audience
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: String,

    /// Who it is for: the same player has the same one at each visit
    #[arg(long, value_name = "ID")]
    pub(crate) sub: String,

    /// What to call the player, whatever the player types
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// For how many seconds it is good, up to a day
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) ttl: u32,
}

/// `server replay`
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The recording
    pub(crate) file: PathBuf,

    /// Compare every tick; exit with 1 at the first one that differs, and name it
    #[arg(long)]
    pub(crate) verify: bool,

    /// Begin with the part of at most 30 s that has this tick
    #[arg(long, value_name = "TICK")]
    pub(crate) from: Option<u32>,

    /// Write what the page shows of it to this file, as far as it can be run; with --verify, only if all is the same
    #[arg(long, value_name = "FILE")]
    pub(crate) film: Option<PathBuf>,
}

/// What the command line asks for.
pub(crate) enum Task {
    /// Serve.
    Serve(Box<Config>),
    /// Run a recording again.
    Replay(Replay),
    /// Make a join ticket.
    Ticket(Ticket),
}

const EXAMPLES: &str = "\
Examples:
  server                                   play at http://127.0.0.1:8080
  server --listen 0.0.0.0:8080             let others on the network play, too
  server --room-capacity 1000 --pilots 0   a large room for people and bots only
  server --record recordings               record every room
  server --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem --redirect-http 0.0.0.0:80
                                           on the internet, with https and wss
  server replay FILE --verify              run a recording again and compare every tick

RUST_LOG sets what is logged to stderr (RUST_LOG=debug). Ctrl-C tells the players and stops.";

fn pilots(text: &str) -> Result<RawPilots, String> {
    match text.parse() {
        Ok(n) => Ok(RawPilots::Number(n)),
        Err(_) if text == "auto" => Ok(RawPilots::Word(text.to_owned())),
        Err(_) => Err("a number from 0 to 64, or auto".to_owned()),
    }
}

impl Cli {
    /// Reads the command line and the configuration that it names. An error has been printed when this returns one.
    pub(crate) fn read() -> Result<Task, ExitCode> {
        let mut cli = Cli::try_parse().map_err(|error| {
            if !error.use_stderr() {
                // --help and --version are no errors.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let text = error.render().to_string();
            // What is missing is listed below the first line.
            let words: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            eprintln!("{} (--help shows the options)", words.join(" "));
            ExitCode::from(super::USAGE)
        })?;
        match cli.command.take() {
            Some(Command::Replay(replay)) => return Ok(Task::Replay(replay)),
            Some(Command::Ticket(ticket)) => return Ok(Task::Ticket(ticket)),
            None => {}
        }
        let config = cli.config().map_err(|error| {
            eprintln!("error: {error}");
            ExitCode::from(super::USAGE)
        })?;
        Ok(Task::Serve(Box::new(config)))
    }

    fn config(self) -> Result<Config, server::ConfigError> {
        let mut raw = self.config.as_deref().map_or_else(|| Ok(RawConfig::default()), RawConfig::read)?;
        raw.listen = self.listen.unwrap_or(raw.listen);
        raw.admin = self.admin.unwrap_or(raw.admin);
        raw.admin_token_file = self.admin_token_file.unwrap_or(raw.admin_token_file);
        raw.log_format = self.log_format.unwrap_or(raw.log_format);
        raw.seed = self.seed.or(raw.seed);
        raw.rooms.capacity = self.room_capacity.unwrap_or(raw.rooms.capacity);
        raw.rooms.pilots = self.pilots.unwrap_or(raw.rooms.pilots);
        raw.tls.cert = self.tls_cert.unwrap_or(raw.tls.cert);
        raw.tls.key = self.tls_key.unwrap_or(raw.tls.key);
        raw.tls.dev |= self.dev_tls;
        raw.net.redirect_http = self.redirect_http.unwrap_or(raw.net.redirect_http);
        raw.record.serve |= self.serve_replays;
        if let Some(dir) = &self.record {
            raw.record.dir = dir.to_string_lossy().into_owned();
        }
        let mut config = raw.check()?;
        // A folder's name need not be text.
        config.record.dir = self.record.or(config.record.dir);
        Ok(Config { assets: self.assets, ..config })
    }
}
