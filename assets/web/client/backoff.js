// When to connect again and what to tell the player: the table of close codes, and full-jitter back-off.
// Opens no socket.

/**
 * @typedef {'never' | 'yes' | 'once' | 'request' | 'reload'} Retry `request`: when the player asks for it;
 *   `reload`: the page may load itself again, at most once.
 * @typedef {{retry: Retry, text: string}} CloseRule
 */

/** @type {Readonly<Record<number, CloseRule>>} */
export const CLOSE_RULES = Object.freeze({
  1000: { retry: 'never', text: 'You left the arena.' },
  1001: { retry: 'yes', text: 'The server is going away.' },
  1002: { retry: 'never', text: 'The connection broke the WebSocket protocol. Reload the page; a proxy on the way may be the reason.' },
  1003: { retry: 'never', text: 'The server speaks another format. Reload the page.' },
  1007: { retry: 'never', text: 'A message was not valid text. Reload the page.' },
  1009: { retry: 'never', text: 'A message was too large. Reload the page.' },
  1011: { retry: 'yes', text: 'The room failed.' },
  4000: { retry: 'reload', text: "This page is of another version than the server. Reload it, past the browser's cache." },
  4001: { retry: 'never', text: 'Another tab or device has taken your seat. Play on there, or join here with a new ship.' },
  4002: { retry: 'request', text: 'You were away for too long. Press Play to come back.' },
  4003: { retry: 'yes', text: 'Your connection could not keep up.' },
  4004: { retry: 'once', text: 'Too many messages.' },
  4005: { retry: 'yes', text: 'The room is full. Wait for a place, or choose another room.' },
  4006: { retry: 'yes', text: 'The server is restarting.' },
  4007: { retry: 'never', text: 'Your join ticket was refused. Get a new one where you got this one.' },
  4008: { retry: 'never', text: 'You were removed from the room by its operator. Choose another room.' },
  4009: { retry: 'never', text: 'The server did not understand this page. Reload it.' },
  4010: { retry: 'never', text: 'The server heard nothing from this page in time. Press Play to try again.' },
  4011: { retry: 'yes', text: 'The server has no room to give just now.' },
});

/** Every other code, 1006 above all: nothing was received. @type {CloseRule} */
const LOST = Object.freeze({ retry: 'yes', text: 'Connection lost.' });

/** Pause before the one retry of a `once`, ms. */
export const ONCE_PAUSE_MS = 5000;

/** @param {number} code @returns {CloseRule} */
export function closeRule(code) {
  return CLOSE_RULES[code] ?? LOST;
}

/** Full jitter: anywhere between 0 and 0.25 s * 2^attempt, capped at 8 s. */
export class Backoff {
  /** @param {() => number} random 0..1 */
  constructor(random) {
    this.random = random;
    this.attempt = 0;
  }

  /** The next pause, ms. */
  next() {
    const cap = Math.min(8000, 250 * 2 ** Math.min(this.attempt, 10));
    this.attempt++;
    return this.random() * cap;
  }

  /** A connection worked. */
  reset() {
    this.attempt = 0;
  }
}
