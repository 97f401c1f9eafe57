// Recordings in the page: one is made, listed, played, gone about in, and those that are wrong say so.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { barriers, done, join, launch, open, QUIET, SHOWN, shot, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const seconds = () => globalThis.drift.replay.seconds;

/** A film that runs. @param {string} name @param {object} [how] */
async function play(name, how = {}) {
  const page = await open(browser, SHOWN, { query: `?replay=${name}`, ...how });
  await page.waitForFunction(() => globalThis.drift?.replay && globalThis.drift.ships.length > 0);
  return page;
}

test('a room that was played is listed, and plays with pause, speed and a time line', async () => {
  const player = await open(browser, SHOWN);
  await join(player, 'Rec', 'FILMED');
  await player.evaluate(() => (globalThis.drift.drive = globalThis.pilots.wild()));
  await player.waitForTimeout(13000);
  await player.context().close();
  // The file is whole when the room has ended; what is asked for before is shown as far as it is there.
  const list = await open(browser, SHOWN, { query: '?replay=', options: { bypassCSP: true } });
  await list.waitForSelector('#film-list a');
  assert.deepEqual(await barriers(list), [], 'the list');
  await shot(list, 'replays-1280x800');
  await list.reload();
  await list.click('#film-list a[href*="FILMED"]');
  await list.waitForFunction(() => globalThis.drift?.replay && globalThis.drift.ships.length > 0);
  const page = list;
  const whole = () => page.evaluate(() => globalThis.drift.replay.film.head.stopped === null);
  for (let left = 25; left > 0 && !(await whole()); left--) {
    await page.waitForTimeout(1000);
    await page.reload();
    await page.waitForFunction(() => globalThis.drift?.replay && globalThis.drift.ships.length > 0);
  }
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.reload();
  await page.waitForFunction(() => globalThis.drift?.replay && globalThis.drift.ships.length > 0);
  const length = await page.evaluate(() => globalThis.drift.replay.length);
  assert.ok(length > 10 && length < 60, `${length} s`);
  assert.equal(await page.isHidden('#replay-note'), true, await page.innerText('#replay-note'));
  await page.waitForFunction(() => globalThis.drift.replay.seconds > 1);
  // Pause holds the time, for buttons and keys alike.
  await page.keyboard.press('Space');
  const held = await page.evaluate(seconds);
  await page.waitForTimeout(600);
  assert.equal(await page.evaluate(seconds), held);
  assert.equal(await page.getAttribute('#replay-play', 'aria-label'), 'Play');
  // To the middle and back.
  const middle = await page.evaluate(() => {
    const line = /** @type {HTMLInputElement} */ (document.getElementById('replay-line'));
    line.value = String(Math.round((Number(line.min) + Number(line.max)) / 2));
    line.dispatchEvent(new Event('input'));
    return globalThis.drift.replay.seconds;
  });
  assert.ok(Math.abs(middle - length / 2) < 0.1, `${middle} of ${length}`);
  await page.waitForTimeout(150);
  const there = await page.evaluate(() => globalThis.drift.ships.map((/** @type {any} */ s) => [s.slot, s.x, s.y]));
  // How many of the thirteen fly in this moment is the fight's business.
  assert.ok(there.length > 0, 'ships in the middle of the film');
  await page.keyboard.press('Home');
  await page.waitForTimeout(150);
  assert.equal(await page.evaluate(seconds), 0);
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(seconds), 5);
  await page.keyboard.press('Shift+ArrowLeft');
  assert.equal(await page.evaluate(seconds), 4);
  await page.evaluate((at) => {
    const { replay } = globalThis.drift;
    replay.seek(replay.first + Math.round(at * 30));
  }, middle);
  await page.waitForTimeout(150);
  assert.deepEqual(await page.evaluate(() => globalThis.drift.ships.map((/** @type {any} */ s) => [s.slot, s.x, s.y])), there, 'the same place each time');
  // Speed.
  await page.keyboard.press('Home');
  for (const [key, text] of [['.', '2×'], ['.', '4×'], [',', '2×'], [',', '1×'], [',', '0.5×'], [',', '0.25×'], [',', '0.25×']]) {
    await page.keyboard.press(key);
    assert.equal(await page.innerText('#replay-speed'), text);
  }
  await page.click('#replay-play');
  const slow = await page.evaluate(async () => {
    const { replay } = globalThis.drift;
    const [from, began] = [replay.seconds, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1600));
    return ((replay.seconds - from) * 1000) / (performance.now() - began);
  });
  assert.ok(slow > 0.1 && slow < 0.35, `${slow} of real time`);
  for (let i = 0; i < 5; i++) await page.click('#replay-faster');
  assert.equal(await page.innerText('#replay-speed'), '8×');
  await page.waitForFunction(() => globalThis.drift.replay.ended);
  assert.equal(await page.getAttribute('#replay-play', 'aria-label'), 'From the beginning');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => !globalThis.drift.replay.ended);
  assert.deepEqual(sockets, [], 'no connection to a room');
  await done(page);
});

test('Tab and clicks change who is followed, and both shapes of window have all of it', async () => {
  const page = await play('crowd.drift', { options: { bypassCSP: true } });
  await page.evaluate(() => {
    const { replay } = globalThis.drift;
    replay.paused = true;
    replay.seek(replay.last - 20);
  });
  const focus = () => globalThis.drift.replay.view.focus;
  const followed = new Set([await page.evaluate(focus)]);
  assert.equal(await page.innerText('#watch-note'), 'Following the leader');
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press('Tab');
    followed.add(await page.evaluate(focus));
  }
  assert.equal(followed.size, 4, `it went to ${[...followed]}`);
  await page.waitForTimeout(1500);
  const off = await page.evaluate(() => {
    const { ships, replay, camera } = globalThis.drift;
    const ship = ships.find((/** @type {any} */ one) => one.slot === replay.view.focus);
    return Math.hypot(ship.x - camera.x, ship.y - camera.y);
  });
  assert.ok(off < 40, `the camera is ${off} u off`);
  await page.mouse.click(640, 120);
  assert.equal(followed.has(await page.evaluate(focus)), false, 'a click goes on');
  await page.keyboard.press('l');
  await page.waitForSelector('#watch-leader[aria-pressed="true"]');
  // The panel can be reached by keys, and Tab goes about in it.
  await page.keyboard.press('t');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'replay-line');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'replay-slower');
  await page.keyboard.press('Escape');
  assert.deepEqual(await barriers(page), []);
  await page.evaluate(() => {
    const { replay } = globalThis.drift;
    replay.seek(replay.first + 40);
    replay.paused = false;
  });
  await page.waitForTimeout(900);
  for (const [width, height] of [[1280, 800], [375, 667]]) {
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(400);
    await shot(page, `replay-${width}x${height}`);
    const faults = await page.evaluate(() => {
      const boxes = ['replay', 'watch', 'board', 'right'].map((id) => /** @type {any} */ ([id, document.getElementById(id)?.getBoundingClientRect()]));
      const out = boxes.filter(([, b]) => b.left < 0 || b.top < 0 || b.right > innerWidth || b.bottom > innerHeight).map(([id]) => `${id} is cut off`);
      for (const [a, p] of boxes) {
        for (const [b, q] of boxes) if (a < b && p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom) out.push(`${a} is over ${b}`);
      }
      for (const e of document.querySelectorAll('#replay *, #watch *')) {
        if (e.getClientRects().length > 0 && parseFloat(getComputedStyle(e).fontSize) < 12) out.push(`small text in ${e.id}`);
        if (e.closest('#replay') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0) out.push(`${e.id} overflows`);
      }
      return out;
    });
    assert.deepEqual(faults, [], `${width}x${height}`);
  }
  await done(page);
});

test('what cannot be shown says why', async () => {
  const cut = await play('cut.drift');
  assert.match(await cut.innerText('#replay-note'), /ends early: cut off after tick \d+/);
  await cut.setViewportSize({ width: 375, height: 667 });
  await cut.waitForTimeout(300);
  await shot(cut, 'replay-cut-375x667');
  await done(cut);
  for (const [host, name, text] of [
    [SHOWN, 'damaged.drift', /cut off/], [SHOWN, 'none.drift', /no such recording/], [SHOWN, '../Cargo.toml', /not the name/],
    [QUIET, 'crowd.drift', /--serve-replays/],
  ]) {
    const page = await open(browser, host, { query: `?replay=${encodeURIComponent(name)}`, options: { bypassCSP: true } });
    await page.waitForSelector('#film-status.bad');
    assert.match(await page.innerText('#film-status'), text);
    assert.equal(await page.isVisible('#join'), false);
    assert.deepEqual(await barriers(page), []);
    // The browser itself says that an answer was not a good one.
    assert.ok(page.errors.every((error) => /status of 4/.test(error)), page.errors.join('\n'));
    if (host === QUIET) await shot(page, 'replay-off-1280x800');
    await page.context().close();
  }
});
