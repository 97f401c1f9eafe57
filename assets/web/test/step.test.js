// The movement step and the flight of pulses against the golden file that the Rust side writes, bit for bit.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { solidAhead } from '../client/lance.js';
import { muzzle, reach, velocity } from '../client/pulses.js';
import { cos, DEED, isqrt, newBody, sin, step, TRIG, trigHash } from '../client/step.js';

const golden = JSON.parse(readFileSync(new URL('../../golden/step.json', import.meta.url), 'utf8'));
const arena = { side: golden.side, obstacles: golden.obstacles.map(([x, y, r]) => ({ x, y, r })) };

test('the sine table is the server\'s', () => {
  assert.equal(trigHash(), 0xc59bc7a7);
  assert.equal(trigHash(), golden.trig_fnv1a);
  assert.deepEqual([TRIG[0], TRIG[1024], TRIG[2048], TRIG[3072]], [0, 16384, 0, -16384]);
});

test('the whole square root is exact around squares', () => {
  for (const root of [0, 1, 2, 1000, 65_535, 46_341, 4_194_303, 67_000_000]) {
    assert.equal(isqrt(root * root), root);
    if (root > 0) assert.equal(isqrt(root * root - 1), root - 1);
    if (root > 0) assert.equal(isqrt(root * root + 1), root);
  }
});

/**
 * Holds the inputs of a case, tick after tick, and compares the states. `stepped` is told what each step did. A row has the
 * Lance's two countdowns before its last number if the case is about the Lance.
 */
function fly({ start, inputs, states }, stepped) {
  const body = newBody();
  [, body.x, body.y, body.vx, body.vy, body.energy, body.pulse, body.shield, body.overdrive, body.regen] = start;
  [body.lance = 0, body.windup = 0] = start.slice(10, -1);
  const expected = new Map(states.map((row) => [row[0], row]));
  let tick = 0;
  for (const [ticks, ctl, dir, aim] of inputs) {
    for (let n = 0; n < ticks; n++) {
      tick++;
      const boosting = (ctl & 16) !== 0 && (ctl & 7) > 0 && body.energy >= 384;
      stepped(step(body, { ctl, dir, aim }, arena), tick, body, aim);
      const row = expected.get(tick);
      if (!row) continue;
      const { x, y, vx, vy, energy, pulse, shield, overdrive, regen, lance, windup } = body;
      const counts = start.length > 11 ? [lance, windup] : [];
      assert.deepEqual([tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, ...counts, boosting ? 1 : 0], row);
    }
  }
  assert.ok(states.length > 0 && states.at(-1)[0] === tick);
}

for (const { name, pulses, ...flight } of golden.cases) {
  test(`golden steps: ${name}`, () => {
    const shots = [];
    fly(flight, (deeds, tick, body, aim) => {
      if (!(deeds & DEED.FIRED)) return;
      const x = muzzle(body.x, cos(aim), arena.side);
      const y = muzzle(body.y, sin(aim), arena.side);
      shots.push([tick, x, y, aim, velocity(cos(aim)), velocity(sin(aim)), tick + reach(arena, x, y, aim)]);
    });
    assert.deepEqual(shots, pulses);
  });
}

for (const { name, beams, ...flight } of golden.lances) {
  test(`golden steps with the Lance: ${name}`, () => {
    const shots = [];
    fly(flight, (deeds, tick, body, aim) => {
      if (deeds & DEED.BEAMED) shots.push([tick, body.x, body.y, aim]);
    });
    assert.deepEqual(shots, beams.map((row) => row.slice(0, 4)));
    // What is drawn of a beam ends where the server's does, to less than a unit.
    for (const [, x, y, aim, toX, toY] of beams) {
      const length = solidAhead(arena, x / 256, y / 256, aim);
      assert.ok(Math.abs(length - Math.hypot(toX - x, toY - y) / 256) < 1, `${length}`);
    }
  });
}
