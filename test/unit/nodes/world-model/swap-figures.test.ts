import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../../src/core/rng.ts";
import { LIMIT_BITS } from "../../../../src/core/status.ts";
import type { Verdict } from "../../../../src/learning/gates/gate.ts";
import { LimitedShare } from "../../../../src/nodes/world-model/limited-share.ts";
import { judgeShadow, judgeWatch, SwapFigures } from "../../../../src/nodes/world-model/swap-figures.ts";
import { swapParameters } from "../../../../src/nodes/world-model/swap-parameters.ts";
import { plainPlan } from "../../../support/plain-plan.ts";

const LIMITS = swapParameters.parse({});
const WARN = 5;
const fresh = () => new SwapFigures(WARN, new LimitedShare({ blockTicks: 200, mostBlocks: 30 }));

const planOf = (surprise: number, action = 0) => plainPlan([[action, action]], { surprise, computeNs: 5e6 });

/** A model that does well: 20 plans, 1600 commands of which a tenth are limited, 40 rewards. */
function good(): SwapFigures {
  const figures = fresh();
  for (let i = 0; i < 20; i++) {
    figures.addPlan(planOf(1));
    figures.addChange(planOf(1, 0.1), planOf(1, 0.2));
  }
  for (let i = 0; i < 1600; i++) figures.addTick("tracking", i % 10 === 0 ? LIMIT_BITS.velocity : 0, "none");
  for (let i = 0; i < 40; i++) figures.addReward(-1);
  return figures;
}

const failed = (verdicts: readonly Verdict[]) =>
  verdicts.filter(({ passed }) => passed === false).map(({ gate }) => gate);

test("a shadow that plans in time, unsurprised and much like the live model passes", () => {
  assert.deepEqual(failed(judgeShadow(good(), good(), LIMITS)), []);
});

const badShadows: readonly [what: string, spoil: (shadow: SwapFigures) => void, gate: string][] = [
  ["one that fails once", (shadow) => void shadow.failures++, "shadow-failures"],
  [
    "one that is late in a fifth of its steps",
    (shadow) => [1, 2, 3, 4].map(() => shadow.addPlan(undefined)),
    "shadow-late",
  ],
  [
    "one that is often surprised",
    (shadow) => Array.from({ length: 9 }, () => shadow.addPlan(planOf(6))),
    "shadow-surprise",
  ],
  [
    "one whose surprise is no number",
    (shadow) => Array.from({ length: 9 }, () => shadow.addPlan(planOf(Number.NaN))),
    "shadow-surprise",
  ],
  [
    "one that asks for the opposite",
    (shadow) => Array.from({ length: 60 }, () => shadow.addChange(planOf(1, 1), planOf(1, -1))),
    "shadow-action-change",
  ],
];
for (const [what, spoil, gate] of badShadows) {
  test(`a shadow run refuses ${what}`, () => {
    const shadow = good();
    spoil(shadow);
    assert.deepEqual(failed(judgeShadow(shadow, good(), LIMITS)), [gate]);
  });
}

test("a shadow that never ran beside the live model is refused", () => {
  const nothing = fresh();
  assert.ok(failed(judgeShadow(nothing, nothing, LIMITS)).includes("shadow-steps"));
  assert.ok(failed(judgeShadow(nothing, good(), LIMITS)).includes("shadow-late"));
});

test("a watched model that does as well as the one before it is kept", () => {
  assert.deepEqual(failed(judgeWatch(good(), good(), LIMITS)), []);
});

const badModels: readonly [what: string, spoil: (now: SwapFigures) => void, gate: string][] = [
  ["it fails", (now) => void now.failures++, "watch-failures"],
  ["it brings the robot to a halt", (now) => now.addTick("halting", 0, "surprise"), "watch-halt"],
  ["it is late", (now) => [1, 2, 3, 4].map(() => now.addPlan(undefined)), "watch-late"],
  ["it is often surprised", (now) => Array.from({ length: 9 }, () => now.addPlan(planOf(6))), "watch-surprise"],
  [
    "the gate limits nearly all of its commands",
    (now) => Array.from({ length: 6000 }, () => now.addTick("coasting", LIMIT_BITS.acceleration, "none")),
    "watch-limits",
  ],
  ["the reward falls to twice the cost", (now) => Array.from({ length: 80 }, () => now.addReward(-2)), "watch-reward"],
];
for (const [what, spoil, gate] of badModels) {
  test(`a watched model is rolled back when ${what}`, () => {
    const now = good();
    spoil(now);
    assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), [gate]);
  });
}

test("what no model brings about is not held against it: soft starts, the braking of an operator's halt", () => {
  const now = good();
  for (let i = 0; i < 500; i++) now.addTick("halting", LIMIT_BITS.softStart | LIMIT_BITS.acceleration, "operator");
  assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), []);
});

test("nothing is said before there is enough to say it by", () => {
  const now = fresh();
  now.addPlan(planOf(9));
  now.addTick("tracking", LIMIT_BITS.velocity, "none");
  now.addReward(-100);
  assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), []);
});

/** Whether each command is limited, as movements have it: for a random time yes, for a random time no. */
function limitedInRuns(rng: Rng, share: number, meanRunTicks: number): () => boolean {
  const lengthOf = (limited: boolean) =>
    Math.ceil(-Math.log(1 - rng.uniform()) * (limited ? meanRunTicks : (meanRunTicks * (1 - share)) / share));
  let limited = rng.uniform() < share;
  let left = lengthOf(limited);
  return () => {
    if (left-- <= 0) {
      limited = !limited;
      left = lengthOf(limited);
    }
    return limited;
  };
}

/** The share of watches of 30 s that end for the limits, looked at after every second, behind 60 s of the model before. */
function endedFor(before: number, now: number, maxLimitedIncrease: number, meanRunTicks: number): number {
  const watches = 250;
  const rng = new Rng(7);
  const limits = { ...LIMITS, maxLimitedIncrease };
  const play = (figures: SwapFigures, next: () => boolean, ticks: number) => {
    for (let i = 0; i < ticks; i++) figures.addTick("tracking", next() ? LIMIT_BITS.acceleration : 0, "none");
  };
  let ended = 0;
  for (let watch = 0; watch < watches; watch++) {
    const [old, candidate] = [fresh(), fresh()];
    play(old, limitedInRuns(rng, before, meanRunTicks), 6000);
    const next = limitedInRuns(rng, now, meanRunTicks);
    for (let second = 0; second < 30; second++) {
      play(candidate, next, 100);
      if (!failed(judgeWatch(candidate, old, limits)).includes("watch-limits")) continue;
      ended++;
      break;
    }
  }
  return ended / watches;
}

for (const meanRunTicks of [20, 50, 100]) {
  test(`commands that are limited in runs of ${meanRunTicks} ticks, as often as before or as is allowed, end no more watches than stated`, () => {
    const { falseAlarmRate } = LIMITS.limitedTest;
    for (const [before, now, allowed] of [
      [0.1, 0.1, 0],
      [0.3, 0.3, 0],
      [0.1, 0.3, 0.2],
    ] as const) {
      const rate = endedFor(before, now, allowed, meanRunTicks);
      assert.ok(rate <= falseAlarmRate, `${before} → ${now}: ${rate}`);
    }
  });

  test(`a model whose commands are limited far oftener than before, in runs of ${meanRunTicks} ticks, is found out in nearly every watch`, () => {
    assert.ok(endedFor(0.1, 0.8, 0.2, meanRunTicks) > 0.95);
    assert.ok(endedFor(0.3, 0.95, 0.2, meanRunTicks) > 0.8);
  });
}
