// Two thumbs on glass: a stick wherever each one lands, left to fly and right to aim; and a button for the Lance.

/** Radius of a stick, CSS pixels. */
const REACH = 56;
/** The Lance's button: its radius and how far its centre is from the right edge, CSS pixels. */
const LANCE = 34;
const LANCE_RIGHT = 56;

class Stick {
  constructor() {
    this.id = -1;
    this.x = 0;
    this.y = 0;
    this.atX = 0;
    this.atY = 0;
    this.angle = 0;
    /** 0 at the centre, 1 at the rim, more beyond. */
    this.length = 0;
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.id = event.pointerId;
    this.x = this.atX = event.clientX;
    this.y = this.atY = event.clientY;
    this.length = 0;
  }

  /** @param {PointerEvent} event */
  move(event) {
    this.atX = event.clientX;
    this.atY = event.clientY;
    const dx = this.atX - this.x;
    const dy = this.atY - this.y;
    this.angle = Math.atan2(dy, dx);
    this.length = Math.min(1.6, Math.sqrt(dx * dx + dy * dy) / REACH);
  }

  up() {
    this.id = -1;
    this.length = 0;
  }
}

export class Thumbs {
  /** @param {HTMLElement} target */
  constructor(target) {
    this.left = new Stick();
    this.right = new Stick();
    this.lance = new Stick();
    /** True once a thumb was seen: only then the button is shown. */
    this.used = false;
    target.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'touch') return;
      event.preventDefault();
      this.used = true;
      const off = Math.hypot(event.clientX - lanceX(), event.clientY - lanceY());
      const stick = off < LANCE + 8 ? this.lance : event.clientX < window.innerWidth / 2 ? this.left : this.right;
      if (stick.id < 0) stick.down(event);
    });
    window.addEventListener('pointermove', (event) => this.#of(event)?.move(event));
    for (const end of /** @type {const} */ (['pointerup', 'pointercancel'])) {
      window.addEventListener(end, (event) => this.#of(event)?.up());
    }
  }

  /** @param {PointerEvent} event */
  #of(event) {
    if (event.pointerId === this.left.id) return this.left;
    if (event.pointerId === this.lance.id) return this.lance;
    return event.pointerId === this.right.id ? this.right : null;
  }

  release() {
    this.left.up();
    this.right.up();
    this.lance.up();
  }

  /**
   * Shows the sticks that are held, and the Lance's button.
   * @param {CanvasRenderingContext2D} ctx In CSS pixels. @param {number} ready Part of what the next Lance needs, 0..1;
   *   negative for no button.
   */
  draw(ctx, ready) {
    if (this.used && ready >= 0) this.#button(ctx, ready);
    for (const stick of [this.left, this.right]) {
      if (stick.id < 0) continue;
      const far = Math.min(1.25, stick.length) * REACH;
      ctx.lineWidth = 2;
      ctx.strokeStyle = 'rgba(200, 220, 255, 0.35)';
      ctx.fillStyle = stick.length > 1.25 ? 'rgba(240, 201, 74, 0.5)' : 'rgba(200, 220, 255, 0.3)';
      ctx.beginPath();
      ctx.arc(stick.x, stick.y, REACH, 0, Math.PI * 2);
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(stick.x + Math.cos(stick.angle) * far, stick.y + Math.sin(stick.angle) * far, 22, 0, Math.PI * 2);
      ctx.fill();
    }
  }

  /** @param {CanvasRenderingContext2D} ctx @param {number} ready */
  #button(ctx, ready) {
    const x = lanceX();
    const y = lanceY();
    const held = this.lance.id >= 0;
    ctx.fillStyle = held ? 'rgba(240, 201, 74, 0.4)' : 'rgba(14, 21, 34, 0.6)';
    ctx.beginPath();
    ctx.arc(x, y, LANCE, 0, Math.PI * 2);
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = 'rgba(200, 220, 255, 0.25)';
    ctx.stroke();
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = ready >= 1 ? '#f0c94a' : 'rgba(200, 220, 255, 0.7)';
    ctx.beginPath();
    ctx.arc(x, y, LANCE, -Math.PI / 2, -Math.PI / 2 + Math.PI * 2 * Math.min(1, ready));
    ctx.stroke();
    ctx.font = '600 13px system-ui, sans-serif';
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillStyle = ready >= 1 ? '#ffe08a' : 'rgba(231, 237, 247, 0.75)';
    ctx.fillText('Lance', x, y);
    ctx.textBaseline = 'alphabetic';
  }
}

/** The button's centre, CSS pixels: at the right, where an aiming thumb does not land. */
function lanceX() {
  return window.innerWidth - LANCE_RIGHT;
}

/** In the middle, or below the feed on low screens. */
function lanceY() {
  return Math.max(window.innerHeight / 2, Math.min(250, window.innerHeight - 70));
}
