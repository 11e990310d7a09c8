import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DEFAULT_QOS } from "../../../src/core/node.ts";
import { Rng } from "../../../src/core/rng.ts";
import { loadReplayEpisodes } from "../../../src/learning/episodes/replay-episodes.ts";
import {
  imageToMessage,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
  type RosType,
  serializeMessage,
} from "../../../src/messages/index.ts";
import { openReplayDataset } from "../../../src/replay/datasets/replay-dataset.ts";
import { Recording } from "../../../src/replay/recording.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { SequenceSampler } from "../../../src/replay/sequence-sampler.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { sampleManifest } from "../../support/sample-bundle.ts";
import { START_NS, testFolder } from "./bag-builder.ts";

const STEPS = 3;
const JOINT = "sensor_msgs/msg/JointState";

interface Moment {
  readonly stampNs: bigint;
  readonly episode: number;
  readonly step: number;
  joints(topic: string, values: Readonly<Record<string, number>>, stampNs?: bigint): void;
  image(camera: string, stampNs?: bigint): void;
}

interface Plan {
  readonly folder: string;
  readonly episodes: number;
  /** Between two events; twenty of it between two episodes. */
  readonly stepNs?: bigint;
  /** What is recorded before an event. */
  readonly at: (moment: Moment) => void;
  /** Whether there is an action at an event; by default always. */
  readonly acts?: (moment: Pick<Moment, "episode" | "step">) => boolean;
}

/** A bag of episodes of three steps, with what each event is accompanied by. */
async function bagOf({ folder, episodes, stepNs = 100_000_000n, at, acts = () => true }: Plan): Promise<string> {
  const recording = await Recording.begin({
    folder,
    chunkBytes: 1e5,
    maxPendingBytes: 1e8,
    minFreeBytes: 0,
    customData: {},
  });
  const topics = new Map<string, ReturnType<Recording["addTopic"]>>();
  const write = (name: string, type: RosType, cdr: Uint8Array, stampNs: bigint) => {
    const topic = topics.get(name) ?? recording.addTopic(name, type, DEFAULT_QOS);
    topics.set(name, topic);
    topic.write(cdr, stampNs, stampNs);
  };
  const writeJoints = (topic: string, values: Readonly<Record<string, number>>, stampNs: bigint) => {
    const state = { name: Object.keys(values), position: Object.values(values), velocity: [], effort: [] };
    write(topic, JOINT, serializeMessage(JOINT, { header: makeHeader(stampNs), ...state }), stampNs);
  };
  let stampNs = START_NS;
  for (let episode = 0; episode < episodes; episode++, stampNs += 20n * stepNs) {
    for (let step = 0; step <= STEPS; step++, stampNs += stepNs) {
      const now = stampNs;
      at({
        stampNs,
        episode,
        step,
        joints: (topic, values, ns = now) => writeJoints(topic, values, ns),
        image(camera, ns = now) {
          const data = new Uint8Array(48).fill(episode);
          const image = { encoding: "rgb8", width: 4, height: 4, stride: 12, data, stampNs: ns } as const;
          const message = imageToMessage(image, camera);
          write(
            `/${camera}/image_raw`,
            "sensor_msgs/msg/Image",
            serializeMessage("sensor_msgs/msg/Image", message),
            ns,
          );
        },
      });
      const event = makeEpisodeEvent(kindOfStep(step, STEPS), stampNs, { episode, step });
      const type = "latentloop_msgs/msg/EpisodeEvent";
      write("/episode", type, serializeMessage(type, event), stampNs);
      if (step < STEPS && acts({ episode, step })) writeJoints("/action", { drive: step }, stampNs);
    }
  }
  await recording.end();
  return folder;
}

async function opened(t: TestContext, folder: string): Promise<ReplayIndex> {
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  return index;
}

async function tableOf(t: TestContext, at: Plan["at"]) {
  const index = await opened(t, await bagOf({ folder: join(await testFolder(t), "bag"), episodes: 1, at }));
  return index.episodes[0]!.table;
}

test("joints are told by their names: a driver may change their order, and another may publish its own beside it", async (t) => {
  const { jointNames, position } = await tableOf(t, ({ step, stampNs, joints }) => {
    if (step < 2) joints("/joint_states", { a: step, b: 10 + step });
    else joints("/joint_states", { b: 10 + step, a: step });
    joints("/joint_states", { finger: 20 + step }, stampNs - 1n);
  });
  assert.deepEqual(jointNames, ["a", "b", "finger"]);
  assert.deepEqual([...position], [0, 10, 20, 1, 11, 21, 2, 12, 22, 3, 13, 23]);
});

test("a leader's joint states are none of the robot, nor are those of a gripper in a namespace of its own", async (t) => {
  const { jointNames, position } = await tableOf(t, ({ step, joints }) => {
    joints("/joint_states", { a: step });
    joints("/leader/joint_states", { a: 50 });
    joints("/gripper/joint_states", { finger: 70 });
  });
  assert.deepEqual([jointNames, [...position]], [["a"], [0, 1, 2, 3]]);
});

test("the joint states of two robots in one bag are refused by both topics", async (t) => {
  const at: Plan["at"] = ({ joints }) => {
    joints("/left/joint_states", { a: 1 });
    joints("/right/joint_states", { a: 2 });
  };
  const folder = await bagOf({ folder: join(await testFolder(t), "bag"), episodes: 1, at });
  await assert.rejects(ReplayIndex.open(folder), {
    code: "ERR_BAG_TOPIC",
    message: /\/left\/joint_states and \/right\/joint_states/,
  });
});

test("bags with their joints in another order read as the first one; one that lacks a joint is refused", async (t) => {
  const root = await testFolder(t);
  const bag = (name: string, values: Readonly<Record<string, number>>) =>
    bagOf({ folder: join(root, name), episodes: 1, at: ({ joints }) => joints("/joint_states", values) });
  await bag("0", { a: 1, b: 2 });
  await bag("1", { extra: 3, b: 2, a: 1 });
  const index = await opened(t, root);
  for (const { table } of index.episodes) {
    assert.deepEqual(
      [table.jointNames, [...table.position.subarray(0, 2)]],
      [
        ["a", "b"],
        [1, 2],
      ],
    );
  }
  await bag("2", { a: 1 });
  await assert.rejects(ReplayIndex.open(root), { code: "ERR_BAG_TOPIC", message: /joints a, b .* but it has a\./ });
});

test("an episode whose joint states stopped is left out by itself, each time with the reason, and verify says so", async (t) => {
  const folder = join(await testFolder(t), "bag");
  const at: Plan["at"] = ({ episode, step, joints }) => {
    if (episode !== 1) joints("/joint_states", { a: step });
  };
  await bagOf({ folder, episodes: 3, at });
  for (let i = 0; i < 2; i++) {
    const index = await opened(t, folder);
    assert.deepEqual(
      index.episodes.map(({ table }) => table.episode.number),
      [0, 2],
    );
    assert.deepEqual(
      index.leftOut.map(({ bag, number }) => [bag, number]),
      [[folder, 1]],
    );
    assert.match(index.leftOut[0]!.why, /a state of the joint a shortly before step 0 of episode 1/);
  }
  const { ok, findings } = await verifyBag(folder);
  assert.equal(ok, false);
  assert.ok(findings.some(({ where, what }) => where === "episode 1" && /joint a/.test(what)));
});

const SEEN: Plan["at"] = ({ step, joints, image }) => {
  joints("/joint_states", { a: step });
  image("scene");
};

/** The wrist's camera is dead in episode 1 of three. */
async function deadWrist(t: TestContext): Promise<string> {
  const at: Plan["at"] = (moment) => {
    SEEN(moment);
    if (moment.episode !== 1) moment.image("wrist");
  };
  return bagOf({ folder: join(await testFolder(t), "bag"), episodes: 3, at });
}

test("no row shows a picture of another episode: one whose camera had died is not drawn, nor exported", async (t) => {
  const folder = await deadWrist(t);
  const index = await opened(t, folder);
  assert.deepEqual(
    index.episodes.map(({ table }) => [Object.keys(table.images), Object.keys(table.gaps)]),
    [
      [["scene", "wrist"], []],
      [["scene"], ["wrist"]],
      [["scene", "wrist"], []],
    ],
  );
  const data = await openReplayDataset(folder);
  t.after(() => data.close());
  assert.deepEqual([data.episodeCount, (await data.episode(1)).number], [2, 1]);
  assert.match(data.leftOut?.join() ?? "", /Episode 1 in .* no image of wrist shortly before step 0/);
  const { ok, findings } = await verifyBag(folder);
  assert.deepEqual([ok, findings.map(({ where }) => where)], [false, ["episode 1"]]);
  for (const border of ["cross", "pad"] as const) {
    const options = { length: 2, batch: 64, proprioception: [], nStep: 1, discount: 1, cacheBytes: 1e6, threads: 1 };
    const cameras = [{ name: "wrist", width: 4, height: 4 }];
    const sampler = new SequenceSampler(index, { ...options, cameras, border });
    t.after(() => sampler.close());
    const starts = await sampler.fill({ image_wrist: new Uint8Array(2 * 64 * 48) }, new Rng(1));
    assert.deepEqual(
      [...new Set(starts)].sort((a, b) => a - b),
      [0, 1, 2, 8, 9, 10],
      border,
    );
  }
});

test("a model learns from the episodes in which its own cameras saw", async (t) => {
  const folder = await deadWrist(t);
  const { observation, action, ...rest } = sampleManifest();
  const seen = async (camera: string) => {
    const cameras = [{ ...observation.cameras[0]!, name: camera, width: 4, height: 4 }];
    const spaces = { ...rest, policyRateHz: 10, observation: { cameras, proprioception: [] } };
    const dimensions = [{ ...action.dimensions[0]!, name: "drive" }];
    return (await loadReplayEpisodes(folder, { ...spaces, action: { dimensions } })).episodes.length;
  };
  assert.deepEqual([await seen("scene"), await seen("wrist")], [3, 2]);
  await assert.rejects(seen("elbow"), { code: "ERR_REPLAY_MISMATCH", message: /the cameras of .* are: scene, wrist/ });
});

test("no row shows a picture from the future: episodes before a camera came up lack it", async (t) => {
  const folder = join(await testFolder(t), "bag");
  const at: Plan["at"] = ({ step, episode, joints, image }) => {
    joints("/joint_states", { a: step });
    if (episode > 0) image("scene");
  };
  const index = await opened(t, await bagOf({ folder, episodes: 2, at }));
  assert.deepEqual(
    index.episodes.map(({ table }) => Object.keys(table.images)),
    [[], ["scene"]],
  );
});

test("a camera whose first image comes just after the begin of an episode is whole", async (t) => {
  const folder = join(await testFolder(t), "bag");
  const at: Plan["at"] = (moment) => {
    moment.joints("/joint_states", { a: moment.step });
    moment.image("scene", moment.stampNs + 60_000_000n);
  };
  const index = await opened(t, await bagOf({ folder, episodes: 2, at }));
  assert.deepEqual(
    index.episodes.map(({ table }) => table.gaps),
    [{}, {}],
  );
});

test("a slow recording is whole: one image, joint state and action in twenty seconds", async (t) => {
  const folder = join(await testFolder(t), "bag");
  const index = await opened(t, await bagOf({ folder, episodes: 2, stepNs: 20_000_000_000n, at: SEEN }));
  assert.deepEqual([index.episodes.length, index.leftOut, index.cameras], [2, [], ["scene"]]);
  assert.equal((await verifyBag(folder)).ok, true);
});

test("an action of another episode is none of a step's: an episode without any of its own is left out", async (t) => {
  const folder = join(await testFolder(t), "bag");
  const acts: Plan["acts"] = ({ episode }) => episode === 0;
  const index = await opened(t, await bagOf({ folder, episodes: 2, at: SEEN, acts }));
  assert.deepEqual([index.episodes.length, index.leftOut.length], [1, 1]);
  assert.match(index.leftOut[0]!.why, /an executed action shortly before step 0 of episode 1/);
});
