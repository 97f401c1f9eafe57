// A worse line than the real one: a WebSocket class whose sockets hold messages back, both ways and in order, as TCP does.
// With all dials at zero it adds nothing. Timers, time and randomness are handed in.

/** How long a stall holds the line, ms. */
export const STALL_MS = 200;

/**
 * Dials of the lab: milliseconds of round trip, of jitter, and the part of messages at which the line stalls.
 * @typedef {{delay: number, jitter: number, stall: number}} Dials
 */

/** One direction of one socket. */
class Pipe {
  /** @type {{at: number, run: () => void}[]} */
  #queue = [];
  #waiting = false;
  #last = 0;

  /** @param {import('./net.js').Outside} outside @param {Dials} dials */
  constructor(outside, dials) {
    this.outside = outside;
    this.dials = dials;
  }

  /** Whether what comes now goes straight through. */
  get clear() {
    const { delay, jitter, stall } = this.dials;
    return this.#queue.length === 0 && delay === 0 && jitter === 0 && stall === 0;
  }

  /** Runs it once it has crossed the line. @param {() => void} run */
  pass(run) {
    const { delay, jitter, stall } = this.dials;
    const { random } = this.outside;
    const now = this.outside.now();
    const held = random() < stall ? STALL_MS : 0;
    this.#last = Math.max(this.#last, now + delay / 2 + random() * jitter + held);
    this.#queue.push({ at: this.#last, run });
    this.#wait();
  }

  #wait() {
    if (this.#waiting || this.#queue.length === 0) return;
    this.#waiting = true;
    this.outside.setTimeout(() => {
      this.#waiting = false;
      const now = this.outside.now();
      while (this.#queue.length > 0 && this.#queue[0].at <= now + 0.5) this.#queue.shift()?.run();
      this.#wait();
    }, Math.max(0, this.#queue[0].at - this.outside.now()));
  }
}

/**
 * The same outside, but for its sockets, whose line is as bad as the dials say at each moment.
 * @param {import('./net.js').Outside} outside @param {Dials} dials
 * @returns {import('./net.js').Outside}
 */
export function lab(outside, dials) {
  class LabSocket {
    #socket;
    #up = new Pipe(outside, dials);
    #down = new Pipe(outside, dials);

    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      /** @type {((event: any) => void) | null} */
      this.onopen = null;
      /** @type {((event: any) => void) | null} */
      this.onmessage = null;
      /** @type {((event: any) => void) | null} */
      this.onclose = null;
      /** @type {((event: any) => void) | null} */
      this.onerror = null;
      const socket = new outside.WebSocket(url, protocols);
      this.#socket = socket;
      socket.onopen = (/** @type {any} */ event) => this.#receive(() => this.onopen?.(event));
      socket.onmessage = (/** @type {any} */ event) => this.#receive(() => this.onmessage?.(event));
      socket.onclose = (/** @type {any} */ event) => this.#receive(() => this.onclose?.(event));
      socket.onerror = (/** @type {any} */ event) => this.onerror?.(event);
    }

    /** @param {() => void} run */
    #receive(run) {
      if (this.#down.clear) run();
      else this.#down.pass(run);
    }

    get readyState() {
      return this.#socket.readyState;
    }

    set binaryType(/** @type {string} */ type) {
      this.#socket.binaryType = type;
    }

    /** @param {Uint8Array} bytes */
    send(bytes) {
      if (this.#up.clear) {
        this.#socket.send(bytes);
        return;
      }
      const copy = bytes.slice();
      this.#up.pass(() => {
        if (this.#socket.readyState === 1) this.#socket.send(copy);
      });
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code, reason) {
      this.#socket.close(code, reason);
    }
  }
  return { ...outside, WebSocket: LabSocket };
}
