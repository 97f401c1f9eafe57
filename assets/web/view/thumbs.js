// Two thumbs on glass: a stick wherever each one lands, left to fly and right to aim.

/** Radius of a stick, CSS pixels. */
const REACH = 56;

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
    target.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'touch') return;
      event.preventDefault();
      const stick = event.clientX < window.innerWidth / 2 ? this.left : this.right;
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
    return event.pointerId === this.right.id ? this.right : null;
  }

  release() {
    this.left.up();
    this.right.up();
  }

  /** Shows the sticks that are held. @param {CanvasRenderingContext2D} ctx In CSS pixels. */
  draw(ctx) {
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
}
