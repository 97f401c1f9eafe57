// What the page does about its line: cut, slow, refused, a server that stops, a page loaded again, a tab that is hidden.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { BUSY, done, earn, join, launch, lineTo, OLD, open, playing, QUIET, score, shot, SINGLE, stopOld, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a cut line is told, and then resumed with the same ship and score', async (t) => {
  const line = await lineTo(t, QUIET);
  const page = await open(browser, line.host, { line: true });
  await join(page, 'Cut', 'CUT');
  const before = { you: await page.evaluate(() => globalThis.drift.game.you), score: await earn(page) };
  line.cut(false);
  await page.waitForSelector('#banner:not([hidden])');
  await page.waitForFunction(() => /Connection lost/.test(document.getElementById('banner-text')?.textContent ?? ''));
  await shot(page, 'reconnect-1280x800');
  line.mend();
  await playing(page);
  await page.waitForSelector('#banner', { state: 'hidden' });
  assert.deepEqual({ you: await page.evaluate(() => globalThis.drift.game.you), score: await score(page) }, before);
  assert.ok(await page.evaluate(() => globalThis.drift.stats.reconnects) >= 1);
  await done(page);
});

test('a page that is loaded again has the same ship and score, and no copy of the tab takes them', async () => {
  const page = await open(browser, QUIET);
  await join(page, 'Again', 'RELOAD');
  const before = { you: await page.evaluate(() => globalThis.drift.game.you), score: await earn(page) };
  const kept = () => page.evaluate(() => JSON.stringify({ ...sessionStorage }) + JSON.stringify({ ...localStorage }) + location.href);
  const token = await page.evaluate(() => globalThis.drift.game.net.seat.token);
  assert.ok(!(await kept()).includes(token), 'while the page lives, nothing else has the secret');
  for (const _ of [1, 2]) {
    await page.reload();
    await playing(page);
    assert.equal(await page.isVisible('#join'), false);
    assert.deepEqual({ you: await page.evaluate(() => globalThis.drift.game.you), score: await score(page) }, before);
    assert.doesNotMatch(await kept(), /[0-9a-f]{32}/, 'it was taken out');
  }
  // Another room's link is no way back.
  await page.goto(`http://${QUIET}/?room=OTHER`);
  await page.waitForFunction(() => globalThis.drift);
  assert.equal(await page.isVisible('#join'), true);
  assert.equal(await page.evaluate(() => globalThis.drift.state), 'join');
  // A seat that is too old is not asked for.
  await join(page, 'Again', 'RELOAD');
  await page.evaluate(() => {
    const then = Date.now() - 61000;
    Date.now = () => then;
  });
  await page.reload();
  await page.waitForFunction(() => globalThis.drift);
  assert.equal(await page.evaluate(() => globalThis.drift.state), 'join');
  await done(page);
});

test('a server that stops says so, and the page joins the one that follows, as somebody new', async (t) => {
  const line = await lineTo(t, OLD);
  const page = await open(browser, line.host, { line: true });
  await join(page, 'Patient', 'AGAIN');
  const before = await earn(page);
  line.lead(QUIET);
  const told = page.waitForFunction(() => /restarting/.test(document.getElementById('banner-text')?.textContent ?? ''));
  await Promise.all([stopOld(), told]);
  await page.waitForFunction(() => globalThis.drift.stats.reconnects >= 1);
  await playing(page);
  assert.equal(await page.evaluate(() => globalThis.drift.game.welcome.room), 'AGAIN');
  await page.waitForFunction(() => /restarted\. You begin anew/.test(document.getElementById('banner-text')?.textContent ?? ''));
  await shot(page, 'restarted-1280x800');
  assert.ok((await score(page)) < before);
  await done(page);
});

test('a room that is full says so, waits, and lets in once there is a seat', async () => {
  const first = await open(browser, SINGLE, { width: 700, height: 500 });
  await join(first, 'First', 'ONE');
  const page = await open(browser, SINGLE);
  await page.fill('#join-room', 'ONE');
  await page.click('#join-play');
  const told = () => page.evaluate(() => document.getElementById('join-status')?.textContent ?? '');
  await page.waitForFunction(() => /full/.test(document.getElementById('join-status')?.textContent ?? ''));
  assert.match(await told(), /The room is full\. Wait for a place, or choose another room\./);
  await shot(page, 'full-1280x800');
  await page.click('#join-play');
  await page.waitForFunction(() => globalThis.drift.game.net.status.phase === 'closed');
  assert.equal(await page.textContent('#join-play'), 'Play', 'waiting can be given up');
  await page.click('#join-play');
  await first.evaluate(() => globalThis.drift.game.leave());
  await playing(page);
  await Promise.all([done(first), done(page)]);
});

test('whoever is removed is told so, and is not let back in by itself', async () => {
  const page = await open(browser, QUIET);
  let sockets = 0;
  /** @type {import('playwright-core').WebSocketRoute | undefined} */
  let route;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    sockets++;
    route = socket;
    socket.connectToServer();
  });
  await page.reload();
  await join(page, 'Rude', 'KICK');
  await route?.close({ code: 4008, reason: 'kicked' });
  await page.waitForSelector('#join:not([hidden])');
  assert.match(await page.innerText('#join-status'), /removed from the room .* Choose another room/);
  await shot(page, 'kicked-1280x800');
  await page.waitForTimeout(1500);
  assert.equal(sockets, 1);
  await page.reload();
  await page.waitForFunction(() => globalThis.drift);
  assert.equal(await page.evaluate(() => globalThis.drift.state), 'join', 'and has no seat to take back');
  await done(page);
});

test('a page of another version than the server loads itself again, once, and then says what to do', async () => {
  const page = await open(browser, QUIET);
  let other = true;
  await page.context().routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((bytes) => {
      // The Hello's protocol number.
      if (other && typeof bytes !== 'string' && bytes[0] === 0) bytes[1] += 1;
      server.send(bytes);
    });
  });
  let loads = 0;
  page.on('load', () => loads++);
  await page.reload();
  await page.fill('#join-room', 'VERSION');
  await page.click('#join-play');
  await page.waitForFunction(() => /another version than before/.test(document.getElementById('join-status')?.textContent ?? ''));
  assert.equal(loads, 2, 'it was loaded again');
  await page.click('#join-play');
  await page.waitForFunction(() => /Reload it/.test(document.getElementById('join-status')?.textContent ?? ''));
  await page.waitForTimeout(1000);
  assert.equal(loads, 2, 'and only once');
  await shot(page, 'version-1280x800');
  other = false;
  await page.click('#join-play');
  await playing(page);
  await done(page);
});

test('a hidden tab costs next to nothing, and is back at once', async () => {
  const page = await open(browser, BUSY);
  await join(page, 'Away');
  const hide = (/** @type {boolean} */ hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  const count = () => page.evaluate(() => globalThis.drift.stats.snapshots);
  await hide(true);
  await page.waitForTimeout(500);
  const before = await count();
  await page.waitForTimeout(2000);
  const seen = (await count()) - before;
  assert.ok(seen <= 5, `${seen} snapshots in 2 s`);
  await hide(false);
  await playing(page);
  const back = await count();
  await page.waitForFunction((back) => globalThis.drift.stats.snapshots > back + 20, back);
  assert.equal(await page.evaluate(() => globalThis.drift.stats.resyncs), 0);
  assert.equal(await page.isHidden('#banner'), true);
  await done(page);
});
