// Sounds, made of oscillators and noise: no file is loaded. Silent until the player's first gesture, as browsers demand.
// Knows where a sound is only as -1..1 from left to right, and how near.

/** Most sounds at a time; more would only be louder. */
const VOICES = 20;

/**
 * @typedef {'pulse' | 'ownPulse' | 'beam' | 'hit' | 'hurt' | 'boom' | 'kill' | 'shard' | 'item' | 'arrival' | 'died'} Name
 * @typedef {{wave: OscillatorType | 'noise', from: number, to: number, seconds: number, gain: number, low?: number}} Tone
 */

/** Each sound is one or more tones that start together: pitch slides from..to Hz while the loudness falls to nothing. @type {Readonly<Record<Name, readonly Tone[]>>} */
const SOUNDS = Object.freeze({
  pulse: [{ wave: 'triangle', from: 620, to: 190, seconds: 0.11, gain: 0.16 }],
  ownPulse: [{ wave: 'square', from: 760, to: 200, seconds: 0.1, gain: 0.09 }, { wave: 'noise', from: 0, to: 0, seconds: 0.05, gain: 0.1, low: 4200 }],
  beam: [{ wave: 'sawtooth', from: 1400, to: 90, seconds: 0.34, gain: 0.16 }, { wave: 'noise', from: 0, to: 0, seconds: 0.25, gain: 0.18, low: 2600 }],
  hit: [{ wave: 'noise', from: 0, to: 0, seconds: 0.07, gain: 0.2, low: 3000 }, { wave: 'triangle', from: 1250, to: 880, seconds: 0.06, gain: 0.1 }],
  hurt: [{ wave: 'sawtooth', from: 170, to: 70, seconds: 0.16, gain: 0.26 }],
  boom: [{ wave: 'noise', from: 0, to: 0, seconds: 0.7, gain: 0.5, low: 900 }, { wave: 'sine', from: 130, to: 32, seconds: 0.55, gain: 0.5 }],
  died: [{ wave: 'noise', from: 0, to: 0, seconds: 1.1, gain: 0.55, low: 700 }, { wave: 'sine', from: 110, to: 24, seconds: 0.9, gain: 0.6 }],
  kill: [{ wave: 'triangle', from: 660, to: 660, seconds: 0.12, gain: 0.16 }, { wave: 'triangle', from: 990, to: 990, seconds: 0.34, gain: 0.14 }],
  shard: [{ wave: 'sine', from: 1180, to: 1560, seconds: 0.09, gain: 0.08 }],
  item: [{ wave: 'sine', from: 520, to: 1040, seconds: 0.28, gain: 0.16 }],
  arrival: [{ wave: 'sine', from: 180, to: 560, seconds: 0.4, gain: 0.18 }],
});

export class Sound {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {GainNode | null} */
  #master = null;
  /** @type {AudioBuffer | null} */
  #noise = null;
  /** @type {GainNode | null} */
  #engine = null;
  #voices = 0;
  #loud = 0.6;
  #thrust = 0;

  constructor() {
    const wake = () => this.#wake();
    for (const type of ['pointerdown', 'keydown', 'touchend']) window.addEventListener(type, wake);
  }

  /** For tests: how many sounds are under way, and whether there can be any. */
  get state() {
    return { voices: this.#voices, running: this.#context?.state === 'running', loud: this.#loud };
  }

  /** @param {number} volume 0..1; 0 is silence. */
  set volume(volume) {
    // Loudness is heard by its logarithm.
    this.#loud = volume * volume;
    if (this.#context) this.#master?.gain.setTargetAtTime(this.#loud, this.#context.currentTime, 0.02);
  }

  #wake() {
    if (this.#context) {
      if (this.#context.state === 'suspended') void this.#context.resume();
      return;
    }
    if (typeof AudioContext === 'undefined') return;
    const context = new AudioContext({ latencyHint: 'interactive' });
    this.#context = context;
    const limit = context.createDynamicsCompressor();
    this.#master = context.createGain();
    this.#master.gain.value = this.#loud;
    this.#master.connect(limit).connect(context.destination);
    const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
    const samples = noise.getChannelData(0);
    for (let i = 0; i < samples.length; i++) samples[i] = Math.random() * 2 - 1;
    this.#noise = noise;
    // The engine never stops; it is only loud or not.
    const hiss = context.createBufferSource();
    hiss.buffer = noise;
    hiss.loop = true;
    const dull = context.createBiquadFilter();
    dull.type = 'lowpass';
    dull.frequency.value = 420;
    this.#engine = context.createGain();
    this.#engine.gain.value = 0;
    hiss.connect(dull).connect(this.#engine).connect(this.#master);
    hiss.start();
  }

  /** The own engine: 0 off, 1 at full thrust, 2 boosting. @param {number} thrust */
  engine(thrust) {
    if (thrust === this.#thrust || !this.#context) return;
    this.#thrust = thrust;
    this.#engine?.gain.setTargetAtTime(thrust > 1 ? 0.22 : thrust * 0.06, this.#context.currentTime, 0.06);
  }

  /** @param {Name} name @param {number} [pan] -1 left .. 1 right @param {number} [near] 0 far .. 1 here */
  play(name, pan = 0, near = 1) {
    const context = this.#context;
    if (!context || !this.#master || context.state !== 'running' || this.#loud === 0 || near <= 0.02 || this.#voices >= VOICES) return;
    const now = context.currentTime;
    const place = context.createStereoPanner();
    place.pan.value = Math.max(-0.85, Math.min(0.85, pan));
    place.connect(this.#master);
    let last = null;
    let longest = 0;
    for (const tone of SOUNDS[name]) {
      const gain = context.createGain();
      gain.gain.setValueAtTime(0, now);
      gain.gain.linearRampToValueAtTime(tone.gain * near, now + 0.004);
      gain.gain.exponentialRampToValueAtTime(0.0005, now + tone.seconds);
      gain.connect(place);
      const source = this.#source(tone, gain);
      source.start(now);
      source.stop(now + tone.seconds + 0.02);
      if (tone.seconds > longest) {
        longest = tone.seconds;
        last = source;
      }
    }
    this.#voices++;
    if (last) {
      last.onended = () => {
        this.#voices--;
        place.disconnect();
      };
    }
  }

  /** @param {Tone} tone @param {AudioNode} into @returns {AudioScheduledSourceNode} */
  #source(tone, into) {
    const context = /** @type {AudioContext} */ (this.#context);
    const now = context.currentTime;
    if (tone.wave === 'noise') {
      const source = context.createBufferSource();
      source.buffer = this.#noise;
      source.loop = true;
      const filter = context.createBiquadFilter();
      filter.type = 'lowpass';
      filter.frequency.setValueAtTime(tone.low ?? 2000, now);
      filter.frequency.exponentialRampToValueAtTime(120, now + tone.seconds);
      source.connect(filter).connect(into);
      return source;
    }
    const source = context.createOscillator();
    source.type = tone.wave;
    // No two shots sound quite the same.
    const off = 0.96 + Math.random() * 0.08;
    source.frequency.setValueAtTime(tone.from * off, now);
    source.frequency.exponentialRampToValueAtTime(tone.to * off, now + tone.seconds);
    source.connect(into);
    return source;
  }
}
