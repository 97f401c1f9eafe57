//! `server ticket`: makes a join ticket, prints it, and sets the exit code.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use server::session::ticket::{Order, mint};

use crate::cli::Ticket;

/// Prints the ticket, or why there is none.
pub(crate) fn run(asked: Ticket) -> ExitCode {
    match ticket(asked) {
        Ok(ticket) => {
            super::say(&ticket);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(super::USAGE)
        }
    }
}

fn ticket(asked: Ticket) -> anyhow::Result<String> {
    let Ticket { key, kid, issuer, audience, sub, name, ttl } = asked;
    let text = std::fs::read_to_string(&key).with_context(|| format!("cannot read {}", key.display()))?;
    let ttl = Duration::from_secs(ttl.into());
    Ok(mint(&Order { kid, issuer, audience, sub, name, ttl }, &text)?)
}
