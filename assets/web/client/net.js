// One player's line to the server over any number of sockets: Hello, messages, reconnecting by the close code's rule.
// Knows no game; socket, timers and randomness are handed in.

import { Backoff, closeRule, ONCE_PAUSE_MS } from './backoff.js';
import { ByteWriter, DecodeError } from './bytes.js';
import { decodeServer, encodeClient, PROTOCOL, SUBPROTOCOL } from './codec.js';

/**
 * @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} Phase `open`: welcomed. `waiting`: will connect
 *   again by itself. `closed`: will not.
 * @typedef {{phase: Phase, code: number, text: string, retry: import('./backoff.js').Retry, retryAt: number,
 *   attempt: number}} Status
 * @typedef {{WebSocket: any, now: () => number, random: () => number,
 *   setTimeout: (run: () => void, ms: number) => any, clearTimeout: (id: any) => void}} Outside
 * @typedef {{name: string, hue: number, room: string, aspect: number, role?: 'player' | 'spectator'}} Identity A player
 *   if not said.
 */

/** A connection that heals itself. */
export class Connection {
  /** @type {any} */
  #socket = null;
  #timer = null;
  #out = new ByteWriter();
  #backoff;
  /** @type {string | null} */
  #resume = null;
  /** True if the last Hello asked for an earlier seat. */
  #asked = false;
  #lostBy = 0;
  #usedOnce = false;
  #retryAfter = 0;
  #byeCode = 0;

  /**
   * @param {string} url
   * @param {Outside} outside
   * @param {(message: import('./codec.js').ServerMessage) => void} onMessage
   * @param {(status: Status) => void} onStatus
   */
  constructor(url, outside, onMessage, onStatus) {
    this.url = url;
    this.outside = outside;
    this.onMessage = onMessage;
    this.onStatus = onStatus;
    this.#backoff = new Backoff(outside.random);
    /** @type {Identity} */
    this.identity = { name: '', hue: 0, room: '', aspect: 1778 };
    /** Join ticket, where the server asks for one. @type {string | null} */
    this.ticket = null;
    /** @type {Status} */
    this.status = { phase: 'idle', code: 0, text: '', retry: 'yes', retryAt: 0, attempt: 0 };
    /**
     * After a Welcome to another seat than the one that was asked back: the close code of the connection that had it, 0
     * for one of another page. Null after any other Welcome.
     * @type {number | null}
     */
    this.anew = null;
    /** Bytes received and sent on all sockets. */
    this.received = 0;
    this.sent = 0;
  }

  /**
   * Opens a line as somebody.
   * @param {Identity} identity @param {string | null} [seat] What takes an earlier seat back: the token of `seat`.
   */
  open(identity, seat = null) {
    // A seat is of one role.
    if (seat !== null || identity.role !== this.identity.role) this.#resume = seat;
    this.identity = identity;
    this.#lostBy = 0;
    this.#backoff.reset();
    this.#usedOnce = false;
    this.#connect();
  }

  /** What takes the seat back: a secret. Null if there is no seat. @returns {{token: string, identity: Identity} | null} */
  get seat() {
    return this.#resume === null ? null : { token: this.#resume, identity: this.identity };
  }

  /** Leaves for good and forgets the seat. */
  close() {
    this.#resume = null;
    this.#drop(1000, 'bye');
    this.#report('closed', 1000, 0);
  }

  /** Gives up on a silent socket and connects again. */
  restart() {
    if (this.status.phase !== 'open' && this.status.phase !== 'connecting') return;
    this.#drop(4000, 'silence');
    this.#lost(1006);
  }

  /** Connects now if it is waiting: the network or the player is back. */
  hurry() {
    if (this.status.phase === 'waiting' && this.#retryAfter <= this.outside.now()) this.#connect();
  }

  /** Sends a message if there is a welcomed socket. @param {import('./codec.js').ClientMessage} message */
  send(message) {
    if (this.status.phase !== 'open' || this.#socket?.readyState !== 1) return false;
    this.#write(message);
    return true;
  }

  /** @param {import('./codec.js').ClientMessage} message */
  #write(message) {
    const bytes = encodeClient(message, this.#out);
    this.sent += bytes.length;
    this.#socket.send(bytes);
  }

  #connect() {
    this.#drop(1000, 'again');
    this.#byeCode = 0;
    this.#retryAfter = 0;
    this.#report('connecting', 0, 0);
    const socket = new this.outside.WebSocket(this.url, [SUBPROTOCOL]);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      const { name, hue, room, aspect, role = 'player' } = this.identity;
      this.#asked = this.#resume !== null;
      this.#write({
        type: 'Hello', protocol: PROTOCOL, name, hue, room, ticket: this.ticket, resume: this.#resume, aspect, role,
      });
    };
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#receive(socket, event.data);
    socket.onclose = (/** @type {{code: number}} */ event) => {
      if (socket !== this.#socket) return;
      this.#drop(0, '');
      this.#lost(this.#byeCode || event.code);
    };
    // `close` follows `error` and says more.
    socket.onerror = () => {};
  }

  /** @param {any} socket @param {unknown} data */
  #receive(socket, data) {
    if (socket !== this.#socket) return;
    let message;
    try {
      if (!(data instanceof ArrayBuffer)) throw new DecodeError('not a binary frame');
      this.received += data.byteLength;
      message = decodeServer(new Uint8Array(data));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.fail();
      return;
    }
    if (message.type === 'Welcome') {
      this.anew = this.#asked && !message.resumed ? this.#lostBy : null;
      this.#resume = message.resume;
      this.identity.room = message.room;
      this.#backoff.reset();
      this.#report('open', 0, 0);
    } else if (message.type === 'Bye') {
      this.#byeCode = message.code;
      this.#retryAfter = this.outside.now() + message.retry_ms;
    }
    this.onMessage(message);
  }

  /** The server's bytes make no sense: close, and say so. */
  fail() {
    this.#drop(4009, 'malformed');
    this.#lost(1003);
  }

  /** Decides what follows a lost socket. @param {number} code */
  #lost(code) {
    this.#lostBy = code;
    const { retry } = closeRule(code);
    const again = retry === 'yes' || (retry === 'once' && !this.#usedOnce);
    if (!again) {
      if (retry !== 'request') this.#resume = null;
      this.#report('closed', code, 0);
      return;
    }
    const now = this.outside.now();
    let pause = this.#backoff.next();
    if (retry === 'once') {
      this.#usedOnce = true;
      pause += ONCE_PAUSE_MS;
    }
    const at = Math.max(now + pause, this.#retryAfter);
    this.#report('waiting', code, at);
    this.#timer = this.outside.setTimeout(() => this.#connect(), at - now);
  }

  /** @param {number} code @param {string} reason */
  #drop(code, reason) {
    if (this.#timer !== null) this.outside.clearTimeout(this.#timer);
    this.#timer = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket && code > 0 && socket.readyState <= 1) socket.close(code, reason);
  }

  /** @param {Phase} phase @param {number} code @param {number} retryAt */
  #report(phase, code, retryAt) {
    const rule = closeRule(code);
    this.status = {
      phase, code, retryAt, retry: rule.retry, text: code ? rule.text : '', attempt: this.#backoff.attempt,
    };
    this.onStatus(this.status);
  }
}
