//! Drift Arena's server: inputs come in, the world steps, snapshots go out.
//!
//! The way of an input: [`net`] (frames, limits) → `protocol::codec` → [`session`] → [`room::inbound`] →
//! `sim::World::step`. The way of a snapshot: `sim::World` → [`room::interest`] → [`room::outbound`] → [`outbox`] →
//! [`net`]. [`lobby`] finds the room, [`room::driver`] makes it tick, [`record`] keeps what it did.

pub mod bell;
pub mod config;
pub mod farewell;
pub mod fetch;
pub mod lobby;
pub mod metrics;
pub mod net;
pub mod operations;
pub mod outbox;
pub mod rates;
pub mod record;
pub mod room;
pub mod run;
mod sampled;
pub mod session;
pub mod time;

pub use config::{Config, ConfigError, RawConfig};
pub use metrics::Summary;
pub use run::{Listeners, Options, RunError, Server, run};
