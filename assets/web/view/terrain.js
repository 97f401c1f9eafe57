// The ground: floor, grid, far dust, walls, obstacles. Everything that never moves.

import { COLOUR } from './palette.js';

const GRID = 200;
/** Dust: its tile in units and how much slower than the floor it moves. */
const TILE = 700;
const DUST = Array.from({ length: 26 }, (_, i) => {
  const random = (/** @type {number} */ n) => (Math.imul(i + 1, n) >>> 8) % 1000 / 1000;
  return { x: random(2654435761) * TILE, y: random(1597334677) * TILE, r: 0.8 + random(3812015801) * 1.6 };
});

/**
 * @param {CanvasRenderingContext2D} ctx @param {import('./camera.js').Camera} camera @param {number} side units
 */
export function drawFloor(ctx, camera, side) {
  camera.screen(ctx);
  ctx.fillStyle = COLOUR.slate;
  ctx.fillRect(0, 0, camera.width, camera.height);
  camera.world(ctx);
  const halfW = camera.width / 2 / camera.scale + 8;
  const halfH = camera.height / 2 / camera.scale + 8;
  const x0 = camera.x - halfW;
  const x1 = camera.x + halfW;
  const y0 = camera.y - halfH;
  const y1 = camera.y + halfH;

  ctx.fillStyle = 'rgba(150, 180, 230, 0.22)';
  const shiftX = camera.x * 0.45;
  const shiftY = camera.y * 0.45;
  ctx.beginPath();
  for (let ty = Math.floor((y0 - shiftY) / TILE); ty * TILE + shiftY < y1; ty++) {
    for (let tx = Math.floor((x0 - shiftX) / TILE); tx * TILE + shiftX < x1; tx++) {
      for (const dust of DUST) {
        const x = tx * TILE + shiftX + dust.x;
        const y = ty * TILE + shiftY + dust.y;
        if (x > x0 && x < x1 && y > y0 && y < y1) ctx.rect(x, y, dust.r, dust.r);
      }
    }
  }
  ctx.fill();

  lines(ctx, camera, x0, x1, y0, y1, false);
  lines(ctx, camera, x0, x1, y0, y1, true);

  // Beyond the walls the grid goes on, nearly dark.
  ctx.fillStyle = COLOUR.outside;
  if (x0 < 0) ctx.fillRect(x0, y0, -x0, y1 - y0);
  if (x1 > side) ctx.fillRect(side, y0, x1 - side, y1 - y0);
  if (y0 < 0) ctx.fillRect(x0, y0, x1 - x0, -y0);
  if (y1 > side) ctx.fillRect(x0, side, x1 - x0, y1 - side);
  if (x0 < 0 || y0 < 0 || x1 > side || y1 > side) {
    ctx.strokeStyle = COLOUR.wall;
    ctx.globalAlpha = 0.18;
    ctx.lineWidth = 22;
    ctx.strokeRect(0, 0, side, side);
    ctx.globalAlpha = 1;
    ctx.lineWidth = 4;
    ctx.strokeRect(0, 0, side, side);
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {import('./camera.js').Camera} camera @param {number} x0
 * @param {number} x1 @param {number} y0 @param {number} y1 @param {boolean} strong
 */
function lines(ctx, camera, x0, x1, y0, y1, strong) {
  ctx.beginPath();
  for (let x = Math.ceil(x0 / GRID) * GRID; x <= x1; x += GRID) {
    if ((x % (GRID * 5) === 0) !== strong) continue;
    ctx.moveTo(x, y0);
    ctx.lineTo(x, y1);
  }
  for (let y = Math.ceil(y0 / GRID) * GRID; y <= y1; y += GRID) {
    if ((y % (GRID * 5) === 0) !== strong) continue;
    ctx.moveTo(x0, y);
    ctx.lineTo(x1, y);
  }
  ctx.lineWidth = 1 / camera.scale;
  ctx.strokeStyle = strong ? COLOUR.gridStrong : COLOUR.grid;
  ctx.stroke();
}

/**
 * @param {CanvasRenderingContext2D} ctx In world units. @param {import('./camera.js').Camera} camera
 * @param {readonly {x: number, y: number, r: number}[]} obstacles units
 */
export function drawObstacles(ctx, camera, obstacles) {
  for (let i = 0; i < obstacles.length; i++) {
    const { x, y, r } = obstacles[i];
    if (!camera.sees(x, y, r + 10)) continue;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, Math.PI * 2);
    ctx.fillStyle = COLOUR.rock;
    ctx.fill();
    ctx.lineWidth = 5;
    ctx.strokeStyle = COLOUR.rockEdge;
    ctx.stroke();
    // Light from the north-west: a broad soft rim, a bright thin one, and an inner terrace.
    ctx.lineCap = 'round';
    ctx.beginPath();
    ctx.arc(x, y, r - 5, Math.PI * 0.92, Math.PI * 1.62);
    ctx.lineWidth = 7;
    ctx.strokeStyle = 'rgba(140, 178, 236, 0.16)';
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, y, r - 1.5, Math.PI * 0.86, Math.PI * 1.68);
    ctx.lineWidth = 2.4;
    ctx.strokeStyle = COLOUR.rim;
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, y, r - 1.5, Math.PI * 1.1, Math.PI * 1.45);
    ctx.strokeStyle = COLOUR.rimLight;
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x + r * 0.06, y + r * 0.06, r * 0.62, 0, Math.PI * 2);
    ctx.lineWidth = 2;
    ctx.strokeStyle = 'rgba(140, 178, 236, 0.09)';
    ctx.stroke();
    ctx.lineCap = 'butt';
  }
}
