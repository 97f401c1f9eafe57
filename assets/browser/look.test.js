// How the page looks and is handled at every size: nothing overlaps, text can be read, fingers work.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before } from 'node:test';
import { BUSY, done, join, launch, open, playing, shot, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Panels over each other or over the edge, and text that is too small. @param {import('playwright-core').Page} page */
async function faults(page) {
  return page.evaluate(() => {
    // What slides in is judged where it comes to rest.
    for (const moving of document.getAnimations()) if (moving.effect?.getComputedTiming().endTime !== Infinity) moving.finish();
    const found = [];
    const shown = (/** @type {Element} */ e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const panels = [...document.querySelectorAll('.panel, #net, #feed li, #banner, #chips span, .card')].filter(shown);
    const boxes = panels.map((e) => ({ e, name: e.id || `${e.parentElement?.id}>${e.className || e.tagName}`, box: e.getBoundingClientRect() }));
    for (const { name, box, e } of boxes) {
      if (e.matches('.card') && getComputedStyle(e).overflowY !== 'auto' && e.scrollHeight > e.clientHeight + 1) found.push(`${name} is cut off`);
      if (box.left < -0.5 || box.top < -0.5 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5) found.push(`${name} is over the edge`);
    }
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
      if (a.e.contains(b.e) || b.e.contains(a.e) || a.e.matches('.card') || b.e.matches('.card')) return;
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (wide > 1 && high > 1) found.push(`${a.name} and ${b.name} overlap`);
    }));
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || !node.textContent?.trim() || !shown(parent)) continue;
      const size = parseFloat(getComputedStyle(parent).fontSize);
      if (size < 12) found.push(`"${node.textContent.trim()}" has ${size} px`);
    }
    return [...new Set(found)];
  });
}

for (const [width, height] of [[375, 667], [1280, 800], [2560, 1080]]) {
  test(`at ${width}x${height} nothing overlaps and all can be read`, async () => {
    const page = await open(browser, BUSY, { width, height });
    const size = `${width}x${height}`;
    assert.deepEqual(await faults(page), [], 'join');
    await shot(page, `join-${size}`);
    await join(page, 'Wide Fellow 1234');
    await page.waitForFunction(() => globalThis.drift.game.board);
    await page.evaluate(() => {
      const { drift, pilots } = /** @type {any} */ (globalThis);
      drift.drive = pilots.wild();
      // Kills of ships with long names, whether or not one happens now.
      for (const victim of [...drift.game.people.keys()].slice(0, 6)) drift.game.on.feed({ killer: drift.game.you, victim, weapon: 'lance', rewind: 9 });
    });
    await page.waitForTimeout(700);
    assert.deepEqual(await faults(page), [], 'play');
    await shot(page, `play-${size}`);
    await page.keyboard.press('KeyN');
    await page.waitForTimeout(400);
    assert.deepEqual(await faults(page), [], 'net graph');
    await shot(page, `netgraph-${size}`);
    await page.keyboard.press('KeyN');
    await page.keyboard.press('Escape');
    await page.waitForTimeout(100);
    assert.deepEqual(await faults(page), [], 'menu');
    await shot(page, `menu-${size}`);
    await page.click('#menu-settings');
    await page.waitForTimeout(50);
    assert.deepEqual(await faults(page), [], 'settings');
    await shot(page, `settings-${size}`);
    await page.click('#settings-done');
    await page.click('#menu-lab');
    await page.waitForTimeout(100);
    assert.deepEqual(await faults(page), [], 'lab');
    await shot(page, `lab-${size}`);
    await page.click('#lab-close');
    await page.evaluate(() => {
      const { drift } = /** @type {any} */ (globalThis);
      drift.game.join({ ...drift.game.net.identity, role: 'spectator' });
    });
    await page.waitForFunction(() => globalThis.drift.game.watching && globalThis.drift.view?.focus >= 0);
    await page.waitForTimeout(100);
    assert.deepEqual(await faults(page), [], 'watch');
    await shot(page, `watch-${size}`);
    await page.evaluate(() => document.documentElement.style.setProperty('--ui', '1.3'));
    await page.waitForTimeout(50);
    assert.deepEqual(await faults(page), [], 'watch, 130 %');
    await shot(page, `large-${size}`);
    await done(page);
  });
}

test('two fingers fly and shoot', async () => {
  const page = await open(browser, BUSY, { width: 667, height: 375, options: { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } });
  await join(page, 'Thumbs');
  const cdp = await page.context().newCDPSession(page);
  const touch = (/** @type {string} */ type, /** @type {any[]} */ touchPoints) => cdp.send('Input.dispatchTouchEvent', { type: /** @type {any} */ (type), touchPoints });
  const left = { x: 120, y: 220, id: 1 };
  const right = { x: 480, y: 200, id: 2 };
  await touch('touchStart', [left]);
  await touch('touchStart', [left, right]);
  await touch('touchMove', [{ ...left, x: 175 }, { ...right, y: 150 }]);
  await page.waitForFunction(() => {
    const { own, game } = globalThis.drift;
    return Math.hypot(own.vx, own.vy) > 500 && game.predictor.body.pulse > 0;
  });
  await page.waitForTimeout(300);
  await shot(page, 'touch-667x375');
  await touch('touchEnd', []);
  await page.waitForFunction(() => Math.hypot(globalThis.drift.own.vx, globalThis.drift.own.vy) < 500);
  await done(page);
});

test('the picture of the README', async () => {
  const page = await open(browser, BUSY, { width: 1280, height: 720 });
  await join(page, 'Ada');
  await page.evaluate(() => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    // After the nearest ship, so that there is something going on.
    drift.drive = () => {
      const near = drift.ships.filter((/** @type {any} */ s) => s.hp > 0);
      return pilots.hunt(near[0]?.slot ?? -1)();
    };
  });
  await page.waitForFunction(() => globalThis.drift.game.alive && globalThis.drift.ships.length >= 3 && globalThis.drift.game.pulses.shown?.length !== 0
    && document.querySelectorAll('#feed li').length > 0, undefined, { timeout: 40000 });
  await page.waitForTimeout(300);
  await page.screenshot({ path: fileURLToPath(new URL('../screenshot.png', import.meta.url)) });
  await playing(page);
  await done(page);
}, process.env.UPDATE_SCREENSHOT === '1' ? false : 'UPDATE_SCREENSHOT=1 makes it');
