import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type StoryResult, tellStory } from "../../../src/cli/demo/story.ts";
import { layOutStory } from "../../../src/cli/demo/story-folder.ts";
import { root } from "../../../src/config/package-root.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { readManifest } from "../../../src/inference/read-bundle.ts";
import { loadReplayEpisodes } from "../../../src/learning/episodes/replay-episodes.ts";
import { gatesSchema } from "../../../src/learning/gates/index.ts";
import { patientSafety } from "../../support/patient-safety.ts";

const BUNDLE = join(root, "models", "reach-keypoint");
/** A busy machine is not what is under test: what is late neither halts the robot nor condemns a model. */
const LATENCY = { maxPeriodShare: 1e6 };
const EASY_SWAP = { maxLateShare: 1, maxLimitedIncrease: 1, maxSurprisedShare: 1, maxActionChange: 2 };
/** For what a moment of training comes to. */
const EASY_GATES = {
  latency: LATENCY,
  "one-step": { tolerance: 3 },
  "k-step": { tolerance: 3 },
  reward: { tolerance: 3 },
  "action-change": { maxMeanChange: 2 },
};

/** More steps than a gate looks at. Its belief is made from as many: it is bad from the switch on, however few steps a second there are. */
const DECAYS_AFTER = 30;

const folder = await mkdtemp(join(tmpdir(), "latentloop-story-"));
after(() => rm(folder, { recursive: true }));

/** The story on the two-joint arm, with episodes of two seconds and a trainer that learns for a moment. */
async function tellShortStory(stages: string[]): Promise<StoryResult> {
  const model = "runs/demo/models/live";
  const robot = "calibration/robots/planar-reacher.yaml";
  const timing = { shadowSeconds: 4, watchSeconds: 15, beliefObservations: DECAYS_AFTER };
  const swap = { ...timing, maxRewardFall: 1.5, ...EASY_SWAP };
  const launch = {
    name: "the story, cut short",
    nodes: [
      {
        name: "robot",
        kind: "simulated-robot",
        parameters: { task: "reach", imageSize: 64, episodeSeconds: 2, shift: { commandGain: 0.9 } },
      },
      { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
      {
        name: "world_model",
        kind: "world-model",
        parameters: { model, robot, swap: { models: "runs/demo/models", automatic: true, ...swap } },
      },
      {
        name: "control",
        kind: "control",
        parameters: { model, robot, allowedMisses: 80, safety: patientSafety(), surpriseWarnShare: 0.5 },
      },
      {
        name: "recorder",
        kind: "recorder",
        parameters: {
          folder: "runs/demo/replay",
          topics: [
            { name: "scene/image_raw", type: "sensor_msgs/msg/Image" },
            { name: "joint_states", type: "sensor_msgs/msg/JointState" },
            { name: "control/tick", type: "latentloop_msgs/msg/Tick" },
            { name: "episode", type: "latentloop_msgs/msg/EpisodeEvent" },
          ],
        },
      },
      {
        name: "trainer",
        kind: "trainer",
        process: "trainer",
        parameters: {
          models: "runs/demo/models",
          replay: "runs/demo/replay",
          old: "runs/demo/old.safetensors",
          folder: "runs/demo/trainer",
          newEpisodes: 3,
          heldOutEvery: 2,
          fineTuning: { updates: 60, oldDynamicsShare: 0.5, learningRate: 0.05 },
          gates: EASY_GATES,
          yieldToLoop: false,
          minFreeMegabytes: 0,
          maxLoadPerCore: 1e6,
        },
      },
    ],
  };
  const launchFile = join(folder, "launch.json");
  await writeFile(launchFile, JSON.stringify(launch));
  const place = await layOutStory({
    launchFile,
    bundle: BUNDLE,
    task: "reach",
    folder,
    oldEpisodes: 4,
    onOldEpisode: () => {},
  });
  return tellStory({
    ...place,
    commandRateHz: 100,
    stopSignal: new AbortController().signal,
    episodes: { before: 3, after: 2 },
    gates: parseStrict(gatesSchema, { latency: LATENCY }, "the test"),
    decaysAfter: DECAYS_AFTER,
    patienceS: 600,
    onLog: () => {},
    watcher: { onStage: (sentence) => void stages.push(sentence) },
  });
}

const stages: string[] = [];
const told = await tellShortStory(stages);

test("a bad candidate is refused, one that turns bad is rolled back, the trainer's takes over", () => {
  const { candidates, refused, swaps, rollbacks } = told;
  assert.ok(candidates >= 3, `${candidates} candidates`);
  assert.ok(refused >= 1, `${refused} refused`);
  assert.ok(swaps >= 2, `${swaps} swaps`);
  assert.ok(rollbacks >= 1, `${rollbacks} rollbacks`);
  assert.match(stages.join("\n"), /refused by .*reward/);
  assert.match(stages.join("\n"), /rolled back by itself: watch-/);
});

test("the scores before and after are of the robot's own episodes", () => {
  for (const [score, episodes] of [
    [told.before, 3],
    [told.after, 2],
  ] as const) {
    assert.equal(score.episodes, episodes);
    assert.ok(score.meanReturn < 0 && score.success >= 0 && score.success <= 1);
  }
  const deadlines = told.measured.ticks + told.measured.missedTicks;
  assert.ok(deadlines > 500, `${deadlines} ticks were due`);
});

test("what the robot did can be learned from again", async () => {
  const { manifest } = await readManifest(BUNDLE);
  const recorded = await loadReplayEpisodes(told.recording, manifest);
  assert.ok(recorded.episodes.length >= 3);
});
