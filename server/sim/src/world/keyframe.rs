//! The world's own part of a keyframe: what is carried, what is worked out anew, and what has to fit together.

use super::{World, WorldConfig};
use crate::command::Command;
use crate::grid::Grid;
use crate::keyframe::{BadKeyframe, Carried, Keyframe, Numbers, carried, load_table, save_table};
use crate::map::Map;
use crate::rules::{self, CROWD_MAX};
use crate::ship::Ship;
use crate::sight::Scene;
use protocol::quantize::Q8;

carried!(WorldConfig { capacity, pilots, seed });

impl World {
    /// Writes the whole state into `out`, in place of what was there.
    pub fn keyframe(&self, out: &mut Keyframe) {
        // The map follows from the seed; the rest that is left out is told by a step or worked out again.
        let World {
            config,
            tick,
            map: _,
            dice,
            ships,
            generations,
            pilots,
            parked: _,
            pulses,
            next_pulse,
            lives,
            history,
            pickups,
            crown,
            events: _,
            deeds: _,
            ranking,
            ship_grid: _,
            pulse_grid: _,
            commands: _,
            shooters: _,
            lancers: _,
            touched: _,
            scene: _,
        } = self;
        let out = &mut out.numbers;
        out.clear();
        config.save(out);
        tick.save(out);
        dice.save(out);
        save_table(ships, &Ship::default(), out);
        generations.save(out);
        pilots.save(out);
        pulses.save(out);
        next_pulse.save(out);
        lives.save(out);
        history.save(out);
        pickups.save(out);
        crown.save(out);
        ranking.save(out);
    }

    /// The world of a keyframe: stepped with the same commands it goes the same way, to the last bit. What the last step
    /// told is not in it.
    ///
    /// # Errors
    /// The numbers are not those of a world.
    pub fn restore(keyframe: &Keyframe) -> Result<World, BadKeyframe> {
        let from = &mut Numbers(&keyframe.numbers);
        let config = WorldConfig::load(from)?;
        if config.capacity > CROWD_MAX || config.pilots > CROWD_MAX {
            return Err(BadKeyframe);
        }
        let side = i32::from(rules::side(config.capacity)) * Q8;
        let map = Map::generate(side, config.seed);
        let mut world = World {
            config,
            tick: Carried::load(from)?,
            dice: Carried::load(from)?,
            ships: load_table(&Ship::default(), from)?,
            generations: Carried::load(from)?,
            pilots: Carried::load(from)?,
            parked: 0,
            pulses: Carried::load(from)?,
            next_pulse: Carried::load(from)?,
            lives: Carried::load(from)?,
            history: Carried::load(from)?,
            pickups: crate::pickups::Pickups::load(&map, from)?,
            crown: Carried::load(from)?,
            ranking: Carried::load(from)?,
            map,
            events: Vec::new(),
            deeds: Vec::new(),
            ship_grid: Grid::new(side),
            pulse_grid: Grid::new(side),
            commands: Vec::<Command>::new(),
            shooters: Vec::new(),
            lancers: Vec::new(),
            touched: Vec::new(),
            scene: Scene::default(),
        };
        if !from.0.is_empty() || !world.fits_together() {
            return Err(BadKeyframe);
        }
        world.parked = world.ships.iter().filter(|(_, ship)| ship.parked).count();
        world.index_ships();
        world.index_rest();
        Ok(world)
    }

    /// True if every list speaks of the same ships.
    fn fits_together(&self) -> bool {
        let World { ships, generations, pilots, ranking, crown, .. } = self;
        let slots = || ships.iter().map(|(key, _)| key);
        let mut ranked: Vec<usize> = ranking.iter().map(|slot| slot.index()).collect();
        ranked.sort_unstable();
        ships.iter().all(|(key, ship)| generations.get(key) == Some(&ship.generation))
            && slots().eq(ranked)
            && ships
                .iter()
                .filter(|(_, ship)| ship.pilot)
                .map(|(key, _)| key)
                .eq(pilots.iter().map(|pilot| pilot.slot.index()))
            && crown.is_none_or(|slot| ships.contains(slot.index()))
    }
}
