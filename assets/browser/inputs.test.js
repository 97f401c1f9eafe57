// Settings and every way to play but the mouse: keys alone, a gamepad, bindings that are kept, sound; and what
// an accessibility checker says of each card.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { barriers, BUSY, done, join, launch, open, playing, shot, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('no serious barrier on the join card, in the game, in the menu and in the settings', async () => {
  // The page's policy refuses scripts of others; this one is let in for the test alone.
  const page = await open(browser, BUSY, { options: { bypassCSP: true } });
  assert.deepEqual(await barriers(page), [], 'join');
  await page.click('#join-settings');
  await page.waitForTimeout(100);
  assert.deepEqual(await barriers(page), [], 'settings');
  await shot(page, 'settings-1280x800');
  await page.keyboard.press('Escape');
  await join(page, 'Axe');
  await page.waitForFunction(() => globalThis.drift.game.board);
  assert.deepEqual(await barriers(page), [], 'game');
  await page.keyboard.press('Escape');
  assert.deepEqual(await barriers(page), [], 'menu');
  // Tab stays in the menu.
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab');
    const where = await page.evaluate(() => document.activeElement?.closest('#menu, body')?.id ?? '');
    assert.ok(where === 'menu' || where === '', where);
  }
  await done(page);
});

test('keys alone fly, aim and shoot; other keys can be bound, and are kept', async () => {
  const page = await open(browser, BUSY);
  await page.click('#join-settings');
  await page.click('[data-key="up0"]');
  await page.keyboard.press('KeyI');
  await page.click('[data-key="fire0"]');
  await page.keyboard.press('KeyO');
  await page.locator('#settings-mute').check();
  await page.selectOption('#settings-scale', '1.15');
  await page.click('#settings-done');
  await page.reload();
  await page.waitForFunction(() => globalThis.drift);
  await page.click('#join-settings');
  assert.equal(await page.textContent('[data-key="up0"]'), 'I');
  assert.equal(await page.isChecked('#settings-mute'), true);
  assert.equal(await page.inputValue('#settings-scale'), '1.15');
  await page.keyboard.press('Escape');
  await page.fill('#join-name', 'Keys');
  await page.keyboard.press('Enter');
  await playing(page);
  await page.keyboard.down('KeyI');
  await page.keyboard.down('KeyO');
  await page.keyboard.down('ArrowRight');
  await page.waitForFunction(() => globalThis.drift.own.vy < -500 && globalThis.drift.game.predictor.body.pulse > 0);
  await page.waitForTimeout(300);
  await shot(page, 'keys-1280x800');
  for (const key of ['KeyI', 'KeyO', 'ArrowRight']) await page.keyboard.up(key);
  assert.equal(await page.evaluate(() => globalThis.drift.sound.loud), 0);
  await done(page);
});

test('a gamepad flies, shoots and opens the menu', async () => {
  const page = await open(browser, BUSY, {
    init: () => {
      const button = () => ({ pressed: false, touched: false, value: 0 });
      const pad = { connected: true, mapping: 'standard', id: 'Test', index: 0, axes: [0, 0, 0, 0], buttons: Array.from({ length: 17 }, button) };
      globalThis.pad = pad;
      navigator.getGamepads = () => /** @type {any} */ ([null, pad]);
    },
  });
  await page.evaluate(() => window.dispatchEvent(new Event('gamepadconnected')));
  await join(page, 'Pad');
  await page.evaluate(() => {
    const { pad } = /** @type {any} */ (globalThis);
    pad.axes = [1, 0, 0, -1];
    pad.buttons[7].value = 1;
  });
  await page.waitForFunction(() => globalThis.drift.own.vx > 500 && globalThis.drift.game.predictor.body.pulse > 0);
  await page.waitForTimeout(200);
  await shot(page, 'gamepad-1280x800');
  const press = (/** @type {number} */ button) => page.evaluate(async (button) => {
    const { pad } = /** @type {any} */ (globalThis);
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    pad.buttons[button].value = 1;
    await frame();
    pad.buttons[button].value = 0;
    await frame();
  }, button);
  await press(9);
  assert.equal(await page.isVisible('#menu'), true);
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'menu-resume');
  await press(13);
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'menu-invite');
  await press(1);
  assert.equal(await page.isVisible('#menu'), false);
  await done(page);
});

test('a gesture wakes the sound, and it is never more than some voices', async () => {
  const page = await open(browser, BUSY);
  await join(page, 'Ears');
  await page.mouse.click(600, 300);
  await page.waitForFunction(() => globalThis.drift.sound.running);
  await page.evaluate(() => (globalThis.drift.drive = globalThis.pilots.wild()));
  let most = 0;
  for (let i = 0; i < 20; i++) {
    most = Math.max(most, await page.evaluate(() => globalThis.drift.sound.voices));
    await page.waitForTimeout(50);
  }
  assert.ok(most > 0 && most <= 20, `${most} voices`);
  await done(page);
});
