//! Join tickets: a configuration that asks for them, and the tickets.

use std::time::Duration;

use server::RawConfig;
use server::config::RawTicketKey;
use server::session::ticket::{Order, mint};

const SECRET: &str = "for tests only: a secret of 32 bytes";

/// Lets nobody in without a ticket.
pub fn ask_for(raw: &mut RawConfig) {
    raw.tickets.issuer = "lobby".into();
    raw.tickets.audience = "drift".into();
    let (kid, alg) = ("k".into(), "HS256".into());
    raw.tickets.keys = vec![RawTicketKey { kid, alg, key: SECRET.into(), key_file: String::new() }];
}

/// A ticket that is good for ten minutes.
///
/// # Panics
/// The machine's clock stands before 1970.
pub fn ticket(sub: &str, name: Option<&str>) -> String {
    let order = Order {
        kid: "k".into(),
        issuer: "lobby".into(),
        audience: "drift".into(),
        sub: sub.into(),
        name: name.map(str::to_owned),
        ttl: Duration::from_secs(600),
    };
    mint(&order, SECRET).expect("a ticket")
}
