//! Whose certificates a swarm believes: the arguments that commands share.

use std::path::PathBuf;

use anyhow::Context;
use bot_client::Trust;

#[derive(Debug, clap::Args)]
pub(crate) struct Trusted {
    /// With wss: believe the certificates in this PEM file, and those that they vouch for, instead of the system's.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// With wss: believe every certificate, as that of a server with --dev-tls. Whoever sits on the line can listen in.
    #[arg(long)]
    insecure: bool,
}

impl Trusted {
    /// Reads the file, if there is one; a word of warning, if everybody is believed.
    pub(crate) fn trust(&self) -> anyhow::Result<Trust> {
        match &self.ca {
            Some(path) => Trust::only(path).context("bad --ca"),
            None if self.insecure => {
                super::warn("--insecure: every certificate is believed; this run could be listened to");
                Ok(Trust::anybody())
            }
            None => Ok(Trust::system()),
        }
    }
}
