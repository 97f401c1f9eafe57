// A make-believe scene behind the join card: a few skiffs on patrol. Nothing of it comes from a server.

import { STATE } from '../client/codec.js';

const SIDE = 3600;
const NAMES = ['Vega', 'Mira', 'Altair', 'Deneb', 'Rigel', 'Lyra'];

/** @returns {{scene: import('./renderer.js').Scene, advance: (seconds: number) => void}} */
export function attract() {
  const ships = NAMES.map((_, slot) => ({
    slot, generation: 0, x: 0, y: 0, vx: 0, vy: 0, aim: 0, hp: 100, state: 0,
  }));
  // Around the patrol, not in its way.
  const obstacles = Array.from({ length: 11 }, (_, i) => ({
    x: SIDE / 2 + Math.cos(i * 0.571) * (1150 + ((i * 97) % 240)), y: SIDE / 2 + Math.sin(i * 0.571) * (820 + ((i * 61) % 160)),
    r: 55 + ((i * 37) % 80),
  }));
  const pickups = Array.from({ length: 70 }, (_, id) => ({
    kind: /** @type {const} */ ('shard'), x: ((id * 947) % SIDE) * 256, y: ((id * 619) % SIDE) * 256,
  }));
  /** @type {import('./renderer.js').Scene} */
  const scene = {
    side: SIDE, obstacles, arena: { side: SIDE * 256, obstacles: [] }, x: SIDE / 2, y: SIDE / 2, own: null, ships, pulses: [], pickups, pointer: null, crown: null,
    people: new Map(NAMES.map((name, slot) => [slot, { name, hue: slot, pilot: true, generation: 0 }])),
  };
  let time = Math.random() * 100;
  return {
    scene,
    advance(seconds) {
      time += seconds;
      scene.x = SIDE / 2 + Math.cos(time * 0.05) * 500;
      scene.y = SIDE / 2 + Math.sin(time * 0.07) * 400;
      for (const ship of ships) {
        const k = ship.slot;
        const angle = time * (0.28 + k * 0.03) * (k & 1 ? -1 : 1) + k * 2;
        const x = SIDE / 2 + Math.cos(angle) * (420 + k * 90) + Math.cos(time * 0.05) * 300;
        const y = SIDE / 2 + Math.sin(angle * 1.3) * (300 + k * 50);
        ship.vx = (x - ship.x) / Math.max(0.001, seconds);
        ship.vy = (y - ship.y) / Math.max(0.001, seconds);
        ship.x = x;
        ship.y = y;
        ship.aim = Math.atan2(ship.vy, ship.vx);
        ship.state = Math.sin(time * 0.7 + k * 3) > 0.75 ? STATE.BOOST : 0;
      }
    },
  };
}
