import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { NodeContext } from "../../../src/core/node.ts";
import type { Plan } from "../../../src/core/plan.ts";
import type { RobotModel } from "../../../src/core/robot.ts";
import { InferenceEngine } from "../../../src/inference/inference-engine.ts";
import type { Image, Path, RosMessages } from "../../../src/messages/index.ts";
import { ImaginationView, type ImaginingLoop } from "../../../src/nodes/imagination/imagination-view.ts";
import { floats } from "../../../src/nodes/world-model/graph-port.ts";
import { plainPlan } from "../../support/plain-plan.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const inference = { provider: "cpu", threads: 1, niceness: 0 } as const;
const limits = { lower: -3, upper: 3, velocity: 1, acceleration: 5 };
const robot: RobotModel = {
  name: "arm",
  commandInterface: "velocity",
  joints: ["j1", "j2"].map((name) => ({ name, limits })),
};
/** Two links of 1 m, turning about z. */
const ARM = `<robot name="arm">
  <joint name="j1" type="revolute"><parent link="base_link"/><child link="upper"/><axis xyz="0 0 1"/></joint>
  <joint name="j2" type="revolute"><parent link="upper"/><child link="fore"/><origin xyz="1 0 0"/><axis xyz="0 0 1"/></joint>
  <joint name="end" type="fixed"><parent link="fore"/><child link="tool"/><origin xyz="1 0 0"/></joint>
</robot>`;

/** A view of a loaded sample model, its timer wound by hand, its topics with as many subscribers as a test says. */
async function open(t: TestContext) {
  const folder = await writeSampleBundle(t);
  const clock = systemClock();
  const engine = await InferenceEngine.start({ clock, ...inference });
  const bundle = await engine.load(folder);
  floats(bundle.graphs.observe.outputs, "latent_out").fill(0.25);
  const steps = [
    [1, 0],
    [1, 0],
    [-1, 0.5],
    [0, 0],
  ];
  const plan = plainPlan(steps, { startNs: clock.monotonicNs(), modelHash: bundle.modelHash });
  const live = { bundle, folder } as unknown as ImaginingLoop["live"];
  const loop = { live, plan: plan as Plan | undefined, isBusy: false };
  const sent: { topic: string; message: unknown }[] = [];
  const heard = new Map<string, (message: unknown, info: object) => void>();
  const subscribers = { count: 0 };
  const warnings: string[] = [];
  let tick = () => {};
  const context = {
    clock,
    log: { warn: (message: string) => warnings.push(message) },
    publisher: (topic: string) => ({
      get subscribers() {
        return subscribers.count;
      },
      publish: (message: unknown) => sent.push({ topic, message: structuredClone(message) }),
    }),
    subscribe: (topic: string, _: string, onMessage: (message: unknown, info: object) => void) =>
      heard.set(topic, onMessage),
    every: (_: number, callback: () => void) => {
      tick = callback;
    },
  } as unknown as NodeContext<RosMessages>;
  const parameters = { rateHz: 10, base: "base_link", tip: "tool" };
  const view = new ImaginationView(context, loop, robot, parameters, inference);
  t.after(async () => {
    await view.close();
    await engine.close();
  });
  return {
    view,
    loop,
    plan,
    sent,
    warnings,
    subscribers,
    tick: () => tick(),
    hear: (topic: string, message: unknown) => heard.get(topic)?.(message, { receivedNs: 0 }),
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 120_000; !isTrue(); ) {
    assert.ok(performance.now() < endMs, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("nothing is imagined while nobody looks, or while a step runs", async (t) => {
  const { loop, sent, subscribers, tick } = await open(t);
  tick();
  subscribers.count = 1;
  loop.isBusy = true;
  tick();
  loop.plan = undefined;
  loop.isBusy = false;
  tick();
  await new Promise(setImmediate);
  assert.deepEqual(sent, []);
});

test("the decoded frames of the plan lie side by side, as many as the model imagines, once for each plan", async (t) => {
  const { sent, subscribers, tick, plan, loop } = await open(t);
  subscribers.count = 1;
  tick();
  await until(() => sent.length > 0);
  const { topic, message } = sent[0]!;
  const image = message as Image;
  assert.equal(topic, "~/imagined/image");
  assert.deepEqual([image.width, image.height, image.encoding, image.step], [3 * 8, 8, "rgb8", 3 * 24]); // H is 3, decode takes 2
  const frame = (i: number) => Buffer.from(image.data.subarray(24 * i, 24 * (i + 1)));
  assert.notDeepEqual(frame(0), frame(2), "another action, another frame");
  assert.deepEqual(frame(0), frame(1), "the same action from the same latent, the same frame");
  tick();
  assert.equal(sent.length, 1);
  loop.plan = { ...plan, id: 2 };
  await until(() => {
    tick();
    return sent.length > 1;
  });
});

test("the path goes from where the joints are through every step of the plan, in the base's frame", async (t) => {
  const { sent, subscribers, tick, hear } = await open(t);
  hear("robot_description", { data: ARM });
  const header = { stamp: { sec: 0, nanosec: 0 }, frame_id: "" };
  hear("joint_states", { header, name: ["j2", "j1"], position: [0, Math.PI / 2 - 0.2], velocity: [0, 0], effort: [] });
  subscribers.count = 1;
  tick();
  const { message } = sent.find(({ topic }) => topic === "~/imagined/path")!;
  const { header: own, poses } = message as Path;
  assert.equal(own.frame_id, "base_link");
  assert.equal(poses.length, 4);
  const { position, orientation } = poses[1]!.pose; // after 0.1 and 0.1 rad: straight up along y
  for (const [actual, expected] of [
    [position.x, 0],
    [position.y, 2],
    [orientation.z, Math.SQRT1_2],
    [orientation.w, Math.SQRT1_2],
  ] as const)
    assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} instead of ${expected}`);
  const [first, second] = poses.map(({ header: { stamp } }) => stamp.sec + stamp.nanosec / 1e9);
  assert.ok(Math.abs(second! - first! - 0.1) < 1e-6);
});

test("a model that cannot be shown is said once", async (t) => {
  const { loop, subscribers, tick, warnings, plan } = await open(t);
  const folder = await writeSampleBundle(t, {
    change: ({ graphs }) => {
      delete graphs.decode;
    },
  });
  loop.live = { ...loop.live, folder } as unknown as ImaginingLoop["live"];
  subscribers.count = 1;
  tick();
  await until(() => warnings.length > 0);
  assert.match(warnings[0]!, /not shown: Expected a model that imagines and decodes/);
  loop.plan = { ...plan, id: 2 };
  for (let i = 0; i < 3; i++) tick();
  await new Promise(setImmediate);
  assert.equal(warnings.length, 1);
});
