import { xoroshiro128plus, xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/**
 * Seeded random numbers: the same seed gives the same bytes on every machine, and the state can be stored and resumed.
 *
 * Source: xoroshiro128+ (Blackman and Vigna 2018) by pure-rand; normals by Box and Muller 1958.
 */
export class Rng {
  #generator: RandomGenerator;
  /** The second normal of the last Box-Muller pair, or NaN. */
  #spareNormal = Number.NaN;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
    // Neighbouring seeds start from neighbouring states: let them diverge before the first draw.
    for (let i = 0; i < 32; i++) this.#generator.next();
  }

  static fromState(state: readonly number[]): Rng {
    const rng = new Rng(0);
    rng.#generator = xoroshiro128plusFromState(state.slice(0, 4));
    rng.#spareNormal = state[4] ?? Number.NaN;
    return rng;
  }

  /** Everything `fromState` needs; a missing spare normal is left out, so that the state survives JSON. */
  get state(): number[] {
    const bits = [...this.#generator.getState()];
    return Number.isNaN(this.#spareNormal) ? bits : [...bits, this.#spareNormal];
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.#generator.next() >>> 0) / 4294967296);
  }

  /** Uniform whole number in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Standard normal. */
  normal(): number {
    if (!Number.isNaN(this.#spareNormal)) {
      const spare = this.#spareNormal;
      this.#spareNormal = Number.NaN;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Fills with normals scaled by `scale`, in place. Timing: safe in the control loop. */
  fillNormal(out: Float32Array, scale = 1): Float32Array {
    for (let i = 0; i < out.length; i++) out[i] = scale * this.normal();
    return out;
  }

  fillUniform(out: Float32Array, low = 0, high = 1): Float32Array {
    for (let i = 0; i < out.length; i++) out[i] = this.uniform(low, high);
    return out;
  }

  /** An independent generator for one purpose, so that adding draws in one place leaves the others unchanged. */
  fork(): Rng {
    return new Rng(this.#generator.next());
  }
}
