//! What the bots of a swarm are like, mixed by weight. Knows no socket: `player.rs` does what is said here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use protocol::snapshot::View;
use protocol::{Buttons, Controls};
use sim::trig;

/// What one bot does. Only those that play, idle, fight or crowd are measured; the others are the weather that they play in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Plays as the server's own pilots do.
    Play,
    /// Has a seat, sends its inputs and touches nothing.
    Idle,
    /// Hunts whoever is nearest and never lets go of the trigger.
    Fight,
    /// Plays in the middle of the world, with all the others of its kind in view.
    Crowd,
    /// Leaves and comes back every other second.
    JoinStorm,
    /// Reads nothing for three seconds out of four, but sends its inputs.
    SlowReader,
    /// Says what is no message, is thrown out, and comes back.
    Garbage,
    /// Plays, drops its connection without a word every few seconds, and takes its seat back.
    Resumer,
}

const NAMES: [(&str, Profile); 8] = [
    ("play", Profile::Play),
    ("idle", Profile::Idle),
    ("fight", Profile::Fight),
    ("crowd", Profile::Crowd),
    ("join-storm", Profile::JoinStorm),
    ("slow-reader", Profile::SlowReader),
    ("garbage", Profile::Garbage),
    ("resumer", Profile::Resumer),
];

/// How long a bot that comes and goes stays, and stays away.
pub(super) const STAY: Duration = Duration::from_secs(2);
/// How long a slow reader reads nothing, and then reads.
pub(super) const DEAF: Duration = Duration::from_secs(3);
/// See [`DEAF`].
pub(super) const HEARING: Duration = Duration::from_secs(1);

impl Profile {
    /// True if its figures are in the report.
    pub fn is_measured(self) -> bool {
        matches!(self, Profile::Play | Profile::Idle | Profile::Fight | Profile::Crowd)
    }

    /// Bends what the pilot wants to what such a bot does.
    pub(super) fn bend(self, wanted: Controls, view: &View, side: i32) -> Controls {
        let Some(own) = view.own.as_ref().filter(|own| own.hp > 0) else { return wanted };
        let toward = |x: i32, y: i32| trig::heading(x - own.x, y - own.y);
        let full = |aim: u16, controls| Controls { magnitude: 7, dir: (aim >> 4) as u8, ..controls };
        match self {
            Profile::Play
            | Profile::JoinStorm
            | Profile::SlowReader
            | Profile::Garbage
            | Profile::Resumer => wanted,
            Profile::Idle => Controls::default(),
            Profile::Crowd => {
                let (dx, dy) = ((own.x - side / 2).abs(), (own.y - side / 2).abs());
                let far = dx.max(dy) > CROWD * protocol::quantize::Q8;
                if far { full(toward(side / 2, side / 2), wanted) } else { wanted }
            }
            Profile::Fight => {
                let distance = |x: i32, y: i32| {
                    let (dx, dy) = (i64::from(x - own.x), i64::from(y - own.y));
                    dx * dx + dy * dy
                };
                let living = view.ships.iter().filter(|ship| ship.hp > 0);
                let Some(prey) = living.min_by_key(|ship| distance(ship.x, ship.y)) else {
                    return full(toward(side / 2, side / 2), wanted);
                };
                let aim = toward(prey.x, prey.y);
                let buttons = Buttons(wanted.buttons.0 | Buttons::FIRE.0);
                full(aim, Controls { aim, buttons, ..wanted })
            }
        }
    }
}

/// Half the side of the square that a crowd keeps to, units.
const CROWD: i32 = 300;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, profile)| profile == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// Profiles by weight: `play=8,idle=1,crowd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Profile, u32)>);

impl Default for Mix {
    fn default() -> Mix {
        Mix::only(Profile::Play)
    }
}

impl Mix {
    /// All alike.
    pub fn only(profile: Profile) -> Mix {
        Mix(vec![(profile, 1)])
    }

    /// What the `index`-th bot is: every stretch of as many bots as the weights add up to has each profile by its weight.
    pub fn of(&self, index: u32) -> Profile {
        let all: u64 = self.0.iter().map(|&(_, weight)| u64::from(weight)).sum();
        let mut at = u64::from(index) % all.max(1);
        for &(profile, weight) in &self.0 {
            match at.checked_sub(weight.into()) {
                None => return profile,
                Some(rest) => at = rest,
            }
        }
        Profile::Play
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Mix, String> {
        let one = |part: &str| {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let known = NAMES.iter().find(|(known, _)| *known == name.trim());
            let Some(&(_, profile)) = known else {
                let known: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "no profile {name:?}; there are {}, by weight: play=8,idle=1",
                    known.join(", ")
                ));
            };
            match weight.trim().parse() {
                Ok(weight) if (1..=1000).contains(&weight) => Ok((profile, weight)),
                _ => Err(format!("the weight of {name} must be a whole number from 1 to 1000")),
            }
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Mix)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Slot;
    use protocol::quantize::Q8;
    use protocol::snapshot::{Own, Ship};

    use super::*;

    #[test]
    fn a_mix_is_by_weight_from_the_first_bots_on() {
        let mix: Mix = "play=8, idle=1,garbage".parse().unwrap();
        let count = |bots: u32, profile| (0..bots).filter(|&n| mix.of(n) == profile).count();
        assert_eq!((count(100, Profile::Play), count(100, Profile::Idle)), (80, 10));
        assert_eq!((count(10, Profile::Garbage), count(100, Profile::Garbage)), (1, 10));
        assert_eq!(Mix::default().of(3), Profile::Play);
        for (bad, hint) in
            [("", "join-storm"), ("playy", "play"), ("play=0", "1 to 1000"), ("idle=x", "1 to")]
        {
            assert!(bad.parse::<Mix>().unwrap_err().contains(hint), "{bad}");
        }
        assert_eq!(Profile::JoinStorm.to_string(), "join-storm");
    }

    #[test]
    fn fighters_hunt_the_nearest_and_crowds_keep_together() {
        let ship = |n, x, hp| Ship { slot: Slot(n), generation: 0, x, y: 0, aim: 0, hp, state: 0 };
        let own = Own { hp: 100, x: 1000 * Q8, y: 0, ..Own::default() };
        let ships = vec![ship(1, 0, 90), ship(2, 1100 * Q8, 90), ship(3, 1001 * Q8, 0)];
        let view = View { own: Some(own), ships, ..View::default() };
        let side = 2400 * Q8;
        let fight = Profile::Fight.bend(Controls::default(), &view, side);
        assert_eq!((fight.aim, fight.dir, fight.magnitude), (0, 0, 7), "east, and not to the wreck");
        assert_ne!(fight.buttons.0 & Buttons::FIRE.0, 0);
        let crowd = Profile::Crowd.bend(Controls::default(), &view, side);
        assert_eq!(u32::from(crowd.dir), u32::from(trig::heading(200, 1200)) / 16);
        assert_eq!(Profile::Play.bend(fight, &view, side), fight);
        assert_eq!(Profile::Idle.bend(fight, &view, side), Controls::default());
        let dead = View::default();
        assert_eq!(Profile::Fight.bend(Controls::default(), &dead, side), Controls::default());
    }
}
