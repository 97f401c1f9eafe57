// Cursors over bytes: little-endian integers and bincode's varints, read and written under bounds.
// Knows no message.

/** The bytes do not follow the layout. */
export class DecodeError extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/** Reads forward; anything out of bounds is a {@link DecodeError}. */
export class ByteReader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** Starts again on other bytes. @param {Uint8Array} bytes */
  reset(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** Bytes not read yet. */
  get left() {
    return this.bytes.length - this.at;
  }

  /** @returns {number} */
  u8() {
    if (this.at >= this.bytes.length) throw new DecodeError('truncated');
    return this.bytes[this.at++];
  }

  /** @returns {number} */
  i8() {
    return (this.u8() << 24) >> 24;
  }

  /** @returns {number} */
  u16() {
    const at = this.at;
    if (at + 2 > this.bytes.length) throw new DecodeError('truncated');
    this.at = at + 2;
    return this.bytes[at] | (this.bytes[at + 1] << 8);
  }

  /** @returns {number} */
  i16() {
    return (this.u16() << 16) >> 16;
  }

  /** @returns {number} */
  i24() {
    const low = this.u16();
    return ((low << 8) | (this.u8() << 24)) >> 8;
  }

  /** @returns {number} */
  u32() {
    const low = this.u16();
    return low + this.u16() * 65536;
  }

  /** @returns {boolean} */
  bool() {
    const byte = this.u8();
    if (byte > 1) throw new DecodeError('bad bool');
    return byte === 1;
  }

  /** A varint of at most 16 bits, as bincode reads a `u16`. @returns {number} */
  varU16() {
    const byte = this.u8();
    if (byte <= 250) return byte;
    if (byte === 251) return this.u16();
    throw new DecodeError('bad varint');
  }

  /** A varint of at most 16 bits in its shortest form, as snapshot bodies have it. @returns {number} */
  shortU16() {
    const byte = this.u8();
    if (byte <= 250) return byte;
    if (byte !== 251) throw new DecodeError('bad varint');
    const value = this.u16();
    if (value <= 250) throw new DecodeError('bad varint');
    return value;
  }

  /** A slot, or none: 0, else the slot and 1. @returns {number | null} */
  maybeSlot() {
    const value = this.shortU16();
    return value === 0 ? null : value - 1;
  }

  /** A coordinate in quarter-units, as Q8. @returns {number} */
  quarter() {
    return this.u16() * 64;
  }

  /** @returns {number} */
  varU32() {
    const byte = this.u8();
    if (byte <= 250) return byte;
    if (byte === 251) return this.u16();
    if (byte === 252) return this.u32();
    throw new DecodeError('bad varint');
  }

  /** Number of items that follow; each takes at least one byte, so a larger one is a lie. @returns {number} */
  count() {
    const count = this.varU32();
    if (count > this.left) throw new DecodeError('count over the message');
    return count;
  }

  /** Passes over `length` bytes and returns where they begin in `bytes`. @param {number} length @returns {number} */
  skip(length) {
    if (length > this.left) throw new DecodeError('truncated');
    const from = this.at;
    this.at += length;
    return from;
  }

  /** A copy of the next `length` bytes. @param {number} length @returns {Uint8Array} */
  take(length) {
    const from = this.skip(length);
    return this.bytes.slice(from, this.at);
  }

  /** @returns {string} */
  string() {
    const bytes = this.take(this.count());
    try {
      return utf8.decode(bytes);
    } catch {
      throw new DecodeError('bad UTF-8');
    }
  }

  /** @template T @param {() => T} read @returns {T | null} */
  option(read) {
    return this.bool() ? read() : null;
  }

  /** @template T @param {() => T} read @returns {T[]} */
  list(read) {
    const items = [];
    for (let n = this.count(); n > 0; n--) items.push(read());
    return items;
  }

  /** Throws if something follows. */
  end() {
    if (this.left > 0) throw new DecodeError(`${this.left} trailing bytes`);
  }
}

/** Writes forward into a buffer that grows. */
export class ByteWriter {
  constructor(capacity = 64) {
    this.bytes = new Uint8Array(capacity);
    this.at = 0;
  }

  /** Forgets what was written. */
  clear() {
    this.at = 0;
  }

  /** What was written, as a view that the next `clear` invalidates. @returns {Uint8Array} */
  written() {
    return this.bytes.subarray(0, this.at);
  }

  /** @param {number} value */
  u8(value) {
    if (this.at === this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[this.at++] = value;
  }

  /** @param {number} value */
  u16(value) {
    this.u8(value & 255);
    this.u8((value >> 8) & 255);
  }

  /** @param {number} value */
  varint(value) {
    if (value <= 250) {
      this.u8(value);
    } else if (value <= 0xffff) {
      this.u8(251);
      this.u16(value);
    } else {
      this.u8(252);
      this.u16(value & 0xffff);
      this.u16(value >>> 16);
    }
  }

  /** @param {Uint8Array} bytes */
  raw(bytes) {
    for (let i = 0; i < bytes.length; i++) this.u8(bytes[i]);
  }

  /** @param {string} text */
  string(text) {
    const bytes = toUtf8.encode(text);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** @template T @param {T | null | undefined} value @param {(value: T) => void} write */
  option(value, write) {
    this.u8(value == null ? 0 : 1);
    if (value != null) write(value);
  }
}
