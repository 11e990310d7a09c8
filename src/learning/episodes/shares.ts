import type { Rng } from "../../core/rng.ts";

/** Something that takes a part of every batch, however little it holds. */
export interface Shared {
  readonly share: number;
}

/** Those that hold anything, with shares that sum up to one: what the others would have had falls to them. */
export function shareAmong<T extends Shared>(all: readonly T[], holdsAny: (each: T) => boolean): T[] {
  const filled = all.filter((each) => each.share > 0 && holdsAny(each));
  const total = filled.reduce((sum, { share }) => sum + share, 0);
  return filled.map((each) => ({ ...each, share: each.share / total }));
}

/** One of them, each as likely as its share. */
export function pickByShare<T extends Shared>(all: readonly T[], rng: Rng): T {
  let left = rng.uniform();
  const found = all.find(({ share }) => {
    left -= share;
    return left < 0;
  });
  return found ?? all.at(-1)!;
}
