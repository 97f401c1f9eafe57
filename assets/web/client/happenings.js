// When and where what a snapshot tells of is to be shown: at once what concerns the own ship, the rest as soon as the
// others are shown at its tick. Draws nothing.

/** Ships in the arena that have no slot here. */
const NOBODY = -1;

/**
 * @typedef {import('./snapshot.js').GameEvent} GameEvent
 * @typedef {(event: GameEvent, x: number, y: number, byYou: boolean) => void} Show Units; for a beam, where it ends.
 */

/** Events between their arrival and their showing. */
export class Happenings {
  /** @type {{tick: number, event: GameEvent, x: number, y: number, byYou: boolean}[]} */
  #later = [];
  #from = { x: 0, y: 0 };

  /** @param {number} you The own slot, or -1. @param {Show | undefined} show */
  constructor(you, show) {
    this.you = you;
    this.show = show;
  }

  /**
   * Takes a snapshot's events.
   * @param {import('./snapshot.js').View} view @param {import('./pulses.js').Pulses} pulses
   * @param {{x: number, y: number}} shown Where the own ship is shown, units.
   */
  take(view, pulses, shown) {
    for (const event of view.events) {
      if (event.kind === 'hit') this.#hit(event, view, pulses, shown);
      else {
        const { slot } = event;
        const x = event.kind === 'beam' ? event.to_x : event.x;
        const y = event.kind === 'beam' ? event.to_y : event.y;
        const near = slot === this.you || (event.kind === 'beam' && event.victim === this.you);
        this.#plan(view.tick, event, x / 256, y / 256, slot === this.you, near);
      }
    }
  }

  /**
   * @param {import('./snapshot.js').Hit} event @param {import('./snapshot.js').View} view
   * @param {import('./pulses.js').Pulses} pulses @param {{x: number, y: number}} shown
   */
  #hit(event, view, pulses, shown) {
    const own = event.victim === this.you;
    const place = own ? view.own : view.ships.find(({ slot }) => slot === event.victim) ?? null;
    const by = pulses.strike(event.pulse, view.tick, place, own, this.#from);
    if (!place) return;
    const x = (own ? shown.x : place.x / 256) + this.#from.x / 256;
    const y = (own ? shown.y : place.y / 256) + this.#from.y / 256;
    this.#plan(view.tick, event, x, y, by !== NOBODY && by === this.you, own);
  }

  /** @param {number} tick @param {GameEvent} event @param {number} x @param {number} y @param {boolean} byYou @param {boolean} near */
  #plan(tick, event, x, y, byYou, near) {
    if (near) this.show?.(event, x, y, byYou);
    else this.#later.push({ tick, event, x, y, byYou });
  }

  /** Shows what is due. @param {number} shownTick The tick at which others are shown. */
  due(shownTick) {
    let kept = 0;
    for (const late of this.#later) {
      if (late.tick <= shownTick) this.show?.(late.event, late.x, late.y, late.byYou);
      else this.#later[kept++] = late;
    }
    this.#later.length = kept;
  }
}
