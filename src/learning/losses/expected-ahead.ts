import { at, concat, div, max, mul, reshape, type Sym, slice, sub, sum } from "../../graph/index.ts";
import { type ObservedSequence, packState, type Rssm, type RssmState } from "../../world-models/rssm.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";

/** What was expected of all steps that lie d after an observed one, without any observation in between. */
export interface Expected {
  readonly distance: number;
  /** Shapes: [n·B, S], n of the steps */
  readonly prior: Sym;
  /** Drawn from the prior; left out where nothing goes on from there. */
  readonly reached: RssmState | undefined;
  /** 1 where all steps in between belong to one episode. Shapes: [n, B] */
  readonly valid: Sym;
}

/**
 * Open-loop rollouts from every observed step, over 1 … D steps.
 *
 * Shapes: observed [T·B, ...]; actions and flags [N, B, ...] with N >= T; noise [at most D, T, B, Z], prepared
 * Source: Hafner et al. 2019, arXiv:1811.04551, section 4.
 */
export function expectAhead(
  rssm: Rssm,
  observed: ObservedSequence,
  { action, isFirst, rewarded }: Pick<SequenceBatch, "action" | "isFirst" | "rewarded">,
  distance: number,
  noise: Sym | undefined,
): Expected[] {
  const [length, rows] = isFirst.shape as [number, number];
  const begun = observed.deter.extent(0) / rows;
  const draws = noise?.extent(0) ?? 0;
  const goesOn = mul(rewarded, sub(1, isFirst)); // a goal that moved is a border, too
  const expected: Expected[] = [];
  let reached: RssmState | undefined = observed;
  for (let d = 1; d <= distance && d < length && reached; d++) {
    const kept = Math.min(begun, length - d);
    const before: RssmState = {
      deter: slice(reached.deter, 0, 0, kept * rows),
      stoch: slice(reached.stoch, 0, 0, kept * rows),
    };
    const later = (x: Sym) => slice(x, 0, d, d + kept);
    const deter = rssm.core(before, mergeSteps(later(action)));
    const prior = rssm.prior(deter, before.stoch);
    const last: Sym | undefined = expected.at(-1)?.valid;
    const valid = last ? mul(slice(last, 0, 0, kept), later(goesOn)) : later(goesOn);
    const draw = () => mergeSteps(slice(at(noise!, d - 1), 0, begun - kept));
    reached = d <= draws ? { deter, stoch: rssm.distribution(prior).sample(draw()) } : undefined;
    expected.push({ distance: d, prior, reached, valid });
  }
  return expected;
}

/** Everything that the rollouts reached, below each other: M states. */
export interface ReachedAhead {
  /** Shapes: [M, F] */
  readonly features: Sym;
  /** What really happened there. Shapes: [N, B] → [M], [N, B, P] → [M, P] */
  happened(x: Sym): Sym;
  /** Over what is valid. Shapes: [M] → [] */
  mean(x: Sym): Sym;
}

export function reachedAhead(expected: readonly Expected[]): ReachedAhead {
  const below = (parts: readonly Sym[]) => concat(parts, 0);
  const valid = below(expected.map((ahead) => reshape(ahead.valid, [-1])));
  return {
    features: below(expected.map(({ reached }) => packState(reached!))),
    happened: (x) =>
      below(
        expected.map(({ distance, valid: steps }) => {
          const there = slice(x, 0, distance, distance + steps.extent(0));
          return reshape(there, [-1, ...x.shape.slice(2)]);
        }),
      ),
    mean: (x) => div(sum(mul(x, valid)), max(sum(valid), 1)),
  };
}
