// What announces a Lance: a line along the aim while a ship winds it up, so that its target can leave.

import { solidAhead } from '../client/lance.js';
import { HUES } from './palette.js';

const DASH = [14, 10];
const SOLID = /** @type {number[]} */ ([]);

/**
 * @param {CanvasRenderingContext2D} ctx In world units.
 * @param {import('../client/step.js').Arena} arena
 * @param {{x: number, y: number, aim: number}} ship Units, radians.
 * @param {number} hue @param {boolean} own @param {number} seconds that the scene has run
 */
export function drawTelegraph(ctx, arena, { x, y, aim }, hue, own, seconds) {
  const length = solidAhead(arena, x, y, Math.round((aim * 2048) / Math.PI) & 4095);
  const c = Math.cos(aim);
  const s = Math.sin(aim);
  const flicker = 0.75 + 0.25 * Math.sin(seconds * 70);
  ctx.save();
  ctx.globalCompositeOperation = 'lighter';
  ctx.lineCap = 'butt';
  ctx.strokeStyle = HUES[hue].base;
  ctx.beginPath();
  ctx.moveTo(x + c * 24, y + s * 24);
  ctx.lineTo(x + c * length, y + s * length);
  if (!own) {
    // Others' is as wide as what it endangers.
    ctx.globalAlpha = 0.16 * flicker;
    ctx.lineWidth = 36;
    ctx.stroke();
  }
  ctx.globalAlpha = 0.9 * flicker;
  ctx.lineWidth = own ? 2 : 2.6;
  ctx.strokeStyle = own ? '#ffffff' : HUES[hue].light;
  ctx.setLineDash(DASH);
  ctx.lineDashOffset = -seconds * 420;
  ctx.stroke();
  ctx.setLineDash(SOLID);
  // Light gathers at the nose.
  ctx.fillStyle = HUES[hue].light;
  ctx.globalAlpha = 0.35;
  disc(ctx, x + c * 24, y + s * 24, 13 * flicker);
  ctx.fillStyle = '#ffffff';
  ctx.globalAlpha = 0.95;
  disc(ctx, x + c * 24, y + s * 24, 5.5 * flicker);
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} r */
function disc(ctx, x, y, r) {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, Math.PI * 2);
  ctx.fill();
}
