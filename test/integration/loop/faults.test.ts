import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../../src/config/package-root.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../../src/core/status.ts";
import type { TickMessage } from "../../../src/messages/index.ts";
import { launchSchema, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";
import { patientSafety } from "../../support/patient-safety.ts";

const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const CAUSES = Object.keys(HALT_CAUSES) as HaltCause[];
const PATIENCE_MS = 120_000;
/** The causes are under test, not the ages; a halt for want of plans may come at any time and is over by itself. */
const SAFETY = { ...patientSafety(), maxJointStateAgeMs: 3000, maxObservationAgeMs: 1500 };

let host: NodeHost;
let last: TickMessage | undefined;

before(async () => {
  const model = join(root, "models", "reach-keypoint");
  const robot = join(root, "calibration", "robots", "planar-reacher.yaml");
  const description = {
    name: "faults",
    nodes: [
      { name: "robot", kind: "simulated-robot", parameters: { task: "reach", imageSize: 64 } },
      { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
      { name: "world_model", kind: "world-model", parameters: { model, robot } },
      { name: "control", kind: "control", parameters: { model, robot, allowedMisses: 8, safety: SAFETY } },
    ],
  };
  const launch = await resolveLaunch(parseStrict(launchSchema, description, "the test"), root);
  host = await NodeHost.start(launch, { onLog: () => {} });
  host.context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => {
    last = { ...tick, command: Float64Array.from(tick.command) };
  });
});

after(() => host.stop());

const statusOf = (tick: TickMessage | undefined) => (tick ? STATUSES[tick.status] : undefined);

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    const seen = last ? `${statusOf(last)}, ${CAUSES[last.halt_cause]}` : "no tick";
    assert.ok(performance.now() < untilMs, `${what}: still ${seen}`);
    await sleep(10);
  }
}

const call = (service: string) => host.context.call(service, PATIENCE_MS);

async function follow(): Promise<void> {
  await until("following", async () => {
    if (statusOf(last) !== "tracking") await call("control/arm");
    return statusOf(last) === "tracking";
  });
}

/** Brings the fault about, waits for rest, heals the robot and lets it follow plans again. */
function halts(fault: string, causes: readonly HaltCause[]): () => Promise<void> {
  return async () => {
    await follow();
    await call(`robot/${fault}`);
    const isAtRest = () =>
      statusOf(last) === "holding" && Array.from(last!.command).every((velocity) => velocity === 0);
    await until(`at rest by ${causes}`, () => isAtRest() && causes.includes(CAUSES[last!.halt_cause]!));
    await call("robot/heal");
    await follow();
  };
}

test(
  "halts smoothly when the cameras stop, and follows again when they are back",
  halts("stop_cameras", ["plan-stale", "observation-stale"]),
);
// With nothing to see of its own motion the arm goes on past its goal, until the pictures are known to be frozen.
test(
  "halts smoothly when the cameras send one picture again and again although the arm moves",
  halts("freeze_cameras", ["plan-stale", "observation-stale"]),
);
test("halts smoothly when the joint states go silent", halts("silence_joints", ["joint-state-stale"]));
test(
  "halts smoothly when the robot's clock is set back an hour",
  halts("jump_clock", ["clock-jump", "plan-stale", "observation-stale", "joint-state-stale"]),
);

test("joints reported in another order are matched by name: the robot goes on", async () => {
  await follow();
  await call("robot/reverse_joints");
  const { tick } = last!;
  await until("a hundred ticks later", () => last!.tick > tick + 100n);
  await until("following", () => statusOf(last) === "tracking" || statusOf(last) === "coasting");
  await call("robot/heal");
});
