import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { BundlePolicy } from "../../../src/learning/bundle/bundle-policy.ts";
import { fillGraphs } from "../../../src/learning/bundle/fill-graphs.ts";
import { LocalGraph } from "../../../src/learning/bundle/local-graph.ts";
import { OnlineLearner } from "../../../src/learning/online/learner.ts";
import { evaluate } from "../../../src/learning/run/evaluate.ts";
import { exploringPolicy } from "../../../src/learning/run/rollout.ts";
import { recipeFor, type TdMpc2Recipe } from "../../../src/learning/td-mpc2/recipe.ts";
import { tdMpc2Online } from "../../../src/learning/td-mpc2/system.ts";
import { MultiTaskWorld } from "../../../src/learning/world/multi-task-world.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { PointWorld } from "../../support/point-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";

/** The same goal means opposite things in the two tasks, and the second has one dimension less. */
const worlds = () => [new PointWorld("plane", 2), new PointWorld("mirror", 1, { mirrored: true })];
const open = (only?: string) => new MultiTaskWorld(worlds(), only);

const world = open();
const usual = recipeFor("cartpole-swingup,reacher-easy", { episodeSteps: 6, actionSizes: world.actionSizes });
const recipe: TdMpc2Recipe = {
  ...usual,
  network: { ...usual.network, encoderUnits: 32, units: 32, latent: 16, heads: 2, bins: 41 },
  planner: { ...usual.planner, candidates: 48, policyCandidates: 8, elites: 8, iterations: 3, discount: 0.8 },
  shortPlanner: { iterations: 1, candidates: 32 },
  learning: { ...usual.learning, batch: 64, horizon: 2, learningRate: 1e-3, encoderRateShare: 1 },
  online: {
    steps: 2400,
    randomSteps: 2160,
    firstUpdates: 1500,
    updatesPerStep: 0.5,
    explorationStd: 0,
    evaluateEvery: 1e6,
  },
};

const learner = await OnlineLearner.open(
  { world, seed: 1, clock: slicingClock() },
  tdMpc2Online(spacesOf(world), recipe),
);
while (!learner.finished) await learner.advance();
const onnx = fillGraphs(learner.graphs, await learner.weights(), ["encode", "observe", "plan", "imagine"]);
test.after(() => learner.close());

for (const task of ["plane", "mirror"]) {
  test(`one model plays ${task} far better than chance`, async () => {
    const policy = await BundlePolicy.open(onnx, new Rng(1));
    const played = await evaluate(open(task), policy, { episodes: 20, seed: 1e6 });
    const judge = open(task);
    const random = await evaluate(judge, exploringPolicy(judge, new Rng(1)), { episodes: 20, seed: 1e6 });
    await policy.close();
    assert.ok(played.meanReturn > 0.75 * random.meanReturn, `${played.meanReturn} against ${random.meanReturn}`);
  });
}

test("the latent remembers the task, and actions that a task has no use for change nothing", async () => {
  const [encode, observe, imagine] = await Promise.all(
    ["encode", "observe", "imagine"].map((name) => LocalGraph.open(onnx.get(name)!)),
  );
  const judge = open("mirror");
  judge.reset(1);
  judge.proprioceptionInto(encode!.inputs.proprioception as Float32Array);
  const { embedding } = await encode!.run();
  (observe!.inputs.embedding as Float32Array).set(embedding as Float32Array);
  (observe!.inputs.is_first as Float32Array)[0] = 1;
  const latent = (await observe!.run()).latent_out as Float32Array;
  assert.deepEqual([...latent.slice(-2)], [0, 1]);
  (imagine!.inputs.latent as Float32Array).set(latent);
  const rewardsOf = async (unused: number) => {
    const actions = imagine!.inputs.actions as Float32Array;
    for (let i = 0; i < actions.length; i++) actions[i] = i % 2 === 0 ? 0.3 : unused;
    return [...((await imagine!.run()).rewards as Float32Array)];
  };
  assert.deepEqual(await rewardsOf(-1), await rewardsOf(1));
  await Promise.all([encode, observe, imagine].map((graph) => graph!.close()));
});
