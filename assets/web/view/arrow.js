// The way to the crown: an arrow on a ring around the ship while whoever leads is out of sight.

import { COLOUR } from './palette.js';

/** The ring's half axes: at most, and how far from the canvas' edges, CSS pixels. */
const MOST_X = 430;
const MOST_Y = 270;
const EDGE_X = 40;
const EDGE_Y = 140;

/**
 * @param {CanvasRenderingContext2D} ctx In CSS pixels. @param {import('./camera.js').Camera} camera
 * @param {{slot: number, x: number, y: number} | null} crown quarter-units
 */
export function drawCrownArrow(ctx, camera, crown) {
  if (!crown) return;
  const dx = crown.x / 4 - camera.x;
  const dy = crown.y / 4 - camera.y;
  if (Math.abs(dx) < camera.viewWidth / 2 && Math.abs(dy) < camera.viewHeight / 2) return;
  const angle = Math.atan2(dy, dx);
  const x = camera.width / 2 + Math.cos(angle) * Math.min(MOST_X, camera.width / 2 - EDGE_X);
  const y = camera.height / 2 + Math.sin(angle) * Math.min(MOST_Y, Math.max(70, camera.height / 2 - EDGE_Y));
  ctx.save();
  ctx.translate(x, y);
  ctx.globalAlpha = 0.9;
  ctx.fillStyle = COLOUR.gold;
  ctx.strokeStyle = '#1a1404';
  ctx.lineWidth = 2.5;
  ctx.lineJoin = 'round';
  ctx.beginPath();
  ctx.moveTo(-8, 6);
  ctx.lineTo(-9, -5);
  ctx.lineTo(-3.5, 0);
  ctx.lineTo(0, -8);
  ctx.lineTo(3.5, 0);
  ctx.lineTo(9, -5);
  ctx.lineTo(8, 6);
  ctx.closePath();
  ctx.stroke();
  ctx.fill();
  ctx.rotate(angle);
  ctx.beginPath();
  ctx.moveTo(27, 0);
  ctx.lineTo(17, -7);
  ctx.lineTo(20, 0);
  ctx.lineTo(17, 7);
  ctx.closePath();
  ctx.stroke();
  ctx.fill();
  ctx.restore();
}
