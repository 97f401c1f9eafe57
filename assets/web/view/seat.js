// A seat across a reload of the page. It is kept in this tab alone, and only from the moment that the page goes until the
// next one takes it: a copy of the tab never has it.

const KEPT = 'drift.seat';
/** An older one is not worth asking for: the server has given it up, ms. */
const YOUNG_MS = 60_000;

/** @typedef {{token: string, identity: import('../client/net.js').Identity}} Seat */

/** Keeps a seat for the page that follows; null keeps none. @param {Seat | null} seat */
export function keepSeat(seat) {
  try {
    if (seat) sessionStorage.setItem(KEPT, JSON.stringify({ ...seat, at: Date.now() }));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Storage may be forbidden; then a reload costs the seat.
  }
}

/** Takes the seat that the page before left here, if it is young and of this room. @param {string} room @returns {Seat | null} */
export function takeSeat(room) {
  try {
    const { token, identity, at } = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') ?? {};
    sessionStorage.removeItem(KEPT);
    const age = Date.now() - at;
    const known = typeof token === 'string' && /^[0-9a-f]{32}$/.test(token) && identity?.room === room;
    if (!known || !(age >= 0 && age < YOUNG_MS)) return null;
    const { name, hue, aspect } = identity;
    return { token, identity: { name: String(name), hue: Number(hue) & 7, room, aspect: Number(aspect), role: 'player' } };
  } catch {
    return null;
  }
}
