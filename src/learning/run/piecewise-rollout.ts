import type { Policy } from "../policy.ts";
import type { RolloutResult } from "./rollout.ts";

/** An episode that is played piece by piece: between two pieces whoever plays it may learn. */
export class PiecewiseRollout {
  readonly #result: Promise<RolloutResult>;
  #steps = 0;
  #left = 0;
  #goOn = () => {};
  #rest = () => {};

  /** @param play an episode by the policy that it is given, which is `policy` but for its rests */
  constructor(policy: Policy, play: (policy: Policy) => Promise<RolloutResult>) {
    const resting: Policy = {
      act: async (input, out) => {
        if (this.#left === 0) await this.#restUntilAsked();
        this.#left--;
        await policy.act(input, out);
        this.#steps++;
      },
    };
    this.#result = this.#restUntilAsked().then(() => play(resting));
    this.#result.catch(() => {}); // whoever plays the next piece is told
  }

  /** Steps that were decided so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Plays so many steps more, or to the end: the result if that came. */
  play(steps: number): Promise<RolloutResult | undefined> {
    const rested = new Promise<undefined>((resolve) => {
      this.#rest = () => resolve(undefined);
    });
    this.#left = steps;
    this.#goOn();
    return Promise.race([this.#result, rested]);
  }

  #restUntilAsked(): Promise<void> {
    this.#rest();
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }
}
