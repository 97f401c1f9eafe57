// Films: the page's own reader on the film of a golden recording, against where the ships were in it.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { DecodeError } from '../client/bytes.js';
import { Projector, readFilm } from '../client/film.js';

const golden = (name) => readFileSync(new URL(`../../golden/${name}`, import.meta.url));
const bytes = new Uint8Array(golden('duel.film'));
const places = JSON.parse(golden('film.json').toString());

/** The shown ships at the tick that is gone to, as the golden file has them. */
function ships(projector) {
  const shown = projector.interpolator.sample(projector.shownTick);
  return shown.map(({ slot, x, y, hp }) => [slot, x * 256, y * 256, hp]).sort((a, b) => a[0] - b[0]);
}

test('a film shows every ship where it was, played through or gone to in any order', () => {
  const film = readFilm(bytes);
  assert.deepEqual([film.head.first, film.head.last, film.head.next, film.head.stopped], [1, 300, null, null]);
  const ticks = Object.keys(places).map(Number);
  const projector = new Projector(film);
  for (const tick of [...ticks, ...ticks.toReversed()]) {
    projector.seek(tick);
    assert.equal(projector.shownTick, tick);
    assert.deepEqual(ships(projector), places[tick], `gone to ${tick}`);
  }
  projector.seek(1);
  for (const tick of ticks) {
    while (projector.shownTick < tick - 1e-6) projector.advance(Math.min(1000 / 30, ((tick - projector.shownTick) * 1000) / 30));
    for (const [n, ship] of ships(projector).entries()) {
      for (const [i, value] of ship.entries()) assert.ok(Math.abs(value - places[tick][n][i]) < 0.01, `${tick}: ${ship}`);
    }
  }
  assert.ok(projector.ended);
  assert.equal(projector.people.size, new Set(Object.values(places).flat().map(([slot]) => slot)).size);
});

test('the clock of a film runs as fast as is asked for, and stands still', () => {
  const projector = new Projector(readFilm(bytes));
  projector.advance(1000);
  assert.equal(projector.seconds, 1);
  projector.speed = 0.25;
  projector.advance(1000);
  assert.equal(projector.seconds, 1.25);
  projector.paused = true;
  projector.advance(1000);
  assert.equal(projector.seconds, 1.25);
  projector.paused = false;
  projector.speed = 8;
  projector.advance(60000);
  assert.equal(projector.seconds, projector.length);
});

test('what happens is told when it is played, and not when it is skipped', () => {
  const told = { events: 0, feeds: 0, boards: 0, moved: 0 };
  const projector = new Projector(readFilm(bytes), {
    event: () => told.events++, feed: () => told.feeds++, board: () => told.boards++, moved: () => told.moved++,
  });
  projector.seek(300);
  assert.deepEqual({ ...told, moved: 0 }, { events: 0, feeds: 0, boards: 0, moved: 0 });
  assert.ok(projector.board, 'the scoreboard of that time is there');
  projector.seek(1);
  for (let i = 0; i < 330; i++) projector.advance(1000 / 30);
  assert.ok(told.events > 0 && told.boards >= 10, JSON.stringify(told));
});

test('whoever is chosen is followed while there, else whoever leads', () => {
  const projector = new Projector(readFilm(bytes));
  projector.seek(150);
  const leader = projector.view.focus;
  const other = projector.view.ships.find(({ slot }) => slot !== leader)?.slot ?? -1;
  projector.watch(other);
  assert.equal(projector.view.focus, other);
  projector.advance(100);
  assert.equal(projector.view.focus, other);
  projector.watch(999);
  assert.equal(projector.view.focus, leader);
  projector.watch(null);
  assert.equal(projector.view.focus, leader);
});

test('what is no film is refused with a reason', () => {
  for (const length of [0, 7, 8, 12, 40, 500, bytes.length - 1]) {
    assert.throws(() => new Projector(readFilm(bytes.subarray(0, length))), DecodeError, `${length} bytes`);
  }
  const version = bytes.slice();
  version[7]++;
  assert.throws(() => readFilm(version), /version/);
  for (let at = 8; at < bytes.length; at += 97) {
    const flipped = bytes.slice();
    flipped[at] ^= 1 << (at % 8);
    try {
      const projector = new Projector(readFilm(flipped));
      projector.seek(projector.last);
      projector.seek((projector.first + projector.last) / 2);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `byte ${at}: ${error}`);
    }
  }
});
