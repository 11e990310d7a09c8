import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../../src/config/package-root.ts";
import { DEFAULT_QOS, LATCHED_QOS } from "../../../src/core/node.ts";
import { RUNGS } from "../../../src/core/plan.ts";
import { CONTROL_STATUS } from "../../../src/core/status.ts";
import { EPISODE_KIND, type EpisodeEvent, type TickMessage } from "../../../src/messages/index.ts";
import { simulatedLoop, withCollection } from "../../../src/nodes/collect/collection-launch.ts";
import { resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";
import { BundleFinder } from "../../../src/nodes/session/find-bundles.ts";
import { verifySession } from "../../../src/nodes/session/verify-session.ts";
import { readContent } from "../../../src/replay/bag-info.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { interventionSpans, isKept } from "../../../src/replay/episodes.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { FakeJoystick, NO_FAKE_JOYSTICK } from "../../support/fake-joystick.ts";
import { patientSafety } from "../../support/patient-safety.ts";
import { testFolder } from "../../unit/replay/bag-builder.ts";

const LIMIT = { timeout: 900_000 };
const PATIENCE_MS = 120_000;
const MOVING = ["tracking", "coasting"];
const STATUSES = Object.keys(CONTROL_STATUS);
const PATIENT = patientSafety(5000);
/** A human's plans come fifty times a second, unless the machine is late. */
const LATE_NS = 60e6;
const hasPty = spawnSync("script", ["--version"]).error === undefined;

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `still not: ${what}`);
    await sleep(10);
  }
}

/** `latentloop collect` in a terminal of its own. */
function terminal(t: TestContext, ...flags: string[]) {
  const command = [process.execPath, join(root, "bin/latentloop.js"), "collect", ...flags].join(" ");
  const program = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => program.kill());
  let shown = "";
  program.stdout.on("data", (chunk) => void (shown += chunk));
  const ended = once(program, "close");
  return {
    ended,
    program,
    async shows(what: RegExp) {
      await until(`${what} in ${shown.slice(-1500)}`, () => what.test(shown));
      shown = "";
    },
    /** As a terminal does while a key is held. */
    async hold(key: string, shown: RegExp) {
      const held = setInterval(() => program.stdin.write(key), 30);
      await this.shows(shown).finally(() => clearInterval(held));
    },
    type: (text: string) => program.stdin.write(text),
  };
}

const ROBOT = join(root, "calibration/robots/table-arm.yaml");
/** A launch file as a user has one: a robot, the control node, a recorder. */
const ARM = `name: arm
nodes:
  - { name: robot, kind: simulated-robot, parameters: { task: arm-reach, imageSize: 32, imageRateHz: 10 } }
  - name: control
    kind: control
    parameters: { robot: ${ROBOT}, policyRateHz: 5, safety: ${JSON.stringify(PATIENT)} }
  - name: recorder
    kind: recorder
    parameters:
      topics:
        - { name: scene/image_raw, type: sensor_msgs/msg/Image }
        - { name: joint_states, type: sensor_msgs/msg/JointState }
        - { name: control/tick, type: latentloop_msgs/msg/Tick }
`;

async function onlyBag(folder: string): Promise<string> {
  const [bag = ""] = (await readdir(folder)).filter((name) => name.startsWith("collect_"));
  return join(folder, bag);
}

test("keys in a terminal drive the arm, end, redo and note episodes; killed and resumed, the numbers go on", {
  ...LIMIT,
  skip: hasPty ? false : "script (util-linux) is missing",
}, async (t) => {
  const folder = await testFolder(t);
  const launch = join(folder, "arm.yaml");
  await writeFile(launch, ARM);
  const out = join(folder, "session");
  const flags = [launch, "--policy", "teleop", "--out", out, "--min-free-megabytes", "1"];
  const first = terminal(t, ...flags, "--episodes", "9");
  await first.shows(/in charge {2}human/);
  first.type("\r");
  await first.shows(/episode 0 began/);
  await first.hold("q", /\b\d\d+ steps by hand/);
  first.type("ngrip slipped\r");
  await first.shows(/noted: grip slipped/);
  first.type("\r");
  await first.shows(/1 of 9 episodes · 1 successful/);
  first.type("\r");
  await first.shows(/episode 1 began/);
  first.type("z");
  await first.shows(/episode 1 is discarded/);
  first.type("\r");
  await first.shows(/episode 1 began/);
  await first.hold("a", /\b([2-9]|\d\d+) steps by hand/);
  first.type("\x7f");
  await first.shows(/2 of 9 episodes · 1 successful · 1 discarded/);
  const bag = await BagReader.open(await onlyBag(out));
  const { episodes } = await readContent(bag);
  await bag.close();
  assert.deepEqual(
    episodes.map(({ number, success, discarded }) => [number, success, discarded]),
    [
      [0, true, false],
      [1, false, true],
      [1, false, false],
    ],
  );
  assert.deepEqual(episodes[0]?.notes, ["grip slipped"]);
  assert.ok(interventionSpans(episodes[0]!).length > 0, "driven by hand");

  first.type("\r");
  await first.shows(/episode 2 began/);
  const [holder = ""] = (await readFile(join(out, ".session.lock"), "utf8")).split(" ");
  process.kill(Number(holder), "SIGKILL");
  await first.ended;

  const second = terminal(t, ...flags, "--episodes", "1");
  await second.shows(/in charge {2}human/);
  second.type("\r");
  await second.shows(/episode 2 began/);
  await second.hold("q", /\b([2-9]|\d\d+) steps by hand/);
  second.type("\r");
  await second.shows(/1 episodes, 1 successful/);
  await second.ended;
  const index = await ReplayIndex.open(out);
  assert.deepEqual(
    index.episodes.map(({ table }) => table.episode.number),
    [0, 1, 2],
  );
  const { position } = index.episodes[0]!.table;
  const turned = position[position.length - 5]! - position[0]!;
  assert.ok(turned > 0.01, `the first joint turned by ${turned}`);
  await index.close();
});

/** The two-joint arm with a teleop node, and what its loop does. */
async function sharedLoop(
  t: TestContext,
  options: { random: boolean; device: { kind: "gamepad" | "keyboard"; path?: string } },
) {
  const folder = await testFolder(t);
  const loop = simulatedLoop({
    task: "reach",
    robot: "planar-reacher",
    cameras: ["scene"],
    imageSize: 32,
    imageRateHz: 10,
    seed: 1,
    random: options.random,
  });
  const { description } = withCollection(loop, {
    folder,
    task: "reach",
    episodeSeconds: 60,
    device: options.device,
    hasPolicy: options.random,
    release: "hold",
    customData: {},
    minFreeMegabytes: 1,
  });
  const changed: Readonly<Record<string, object>> = {
    control: { policyRateHz: 5, safety: PATIENT },
    "random-policy": { speedShare: 0.1 }, // what it does itself stays below what is measured at a hand-over
  };
  const nodes = description.nodes.map((node) => ({
    ...node,
    parameters: { ...node.parameters, ...changed[node.kind] },
  }));
  const warnings: string[] = [];
  const host = await NodeHost.start(await resolveLaunch({ ...description, nodes }, root), {
    onLog: ({ level, message }) => void (level === "warn" && warnings.push(message)),
  });
  t.after(() => host.stop());
  const ticks: TickMessage[] = [];
  host.context.subscribe(
    "control/tick",
    "latentloop_msgs/msg/Tick",
    (tick) => ticks.push({ ...tick, command: Float64Array.from(tick.command) }),
    { reliability: "reliable", durability: "volatile", depth: 1000 },
  );
  const call = (service: string) => host.context.call(service, PATIENCE_MS);
  const last = () => ticks.at(-1);
  const follows = () => MOVING.includes(STATUSES[last()?.status ?? 0]!);
  /** As `until`, by an operator who arms again where a busy machine was late enough for a halt. */
  const whileArmed = (what: string, holds: () => boolean) =>
    until(what, async () => {
      if (!follows()) await call("control/arm");
      return holds();
    });
  await whileArmed("armed", follows);
  return { host, ticks, call, warnings, last, folder, whileArmed };
}

test("a gamepad that is unplugged in motion brings the robot smoothly to rest and is named", {
  ...LIMIT,
  skip: NO_FAKE_JOYSTICK,
}, async (t) => {
  const path = join(await testFolder(t), "js0");
  const joystick = new FakeJoystick(path);
  joystick.button(5, 0);
  joystick.axis(0, 0);
  const { host, ticks, last, warnings, whileArmed } = await sharedLoop(t, {
    random: false,
    device: { kind: "gamepad", path },
  });
  const states: string[] = [];
  host.context.subscribe("teleop/state", "std_msgs/msg/String", ({ data }) => void states.push(data), LATCHED_QOS);
  await until("the node has read that nothing is held", () => states.at(-1) === "human");
  joystick.button(5, 1);
  joystick.axis(0, -32767);
  const fast = () => Math.abs(last()?.command[0] ?? 0);
  await whileArmed("it moves", () => fast() > 0.8);
  joystick.unplug();
  await whileArmed("it rests", () => fast() === 0 || fast() < 1e-6);
  assert.ok(
    states.some((state) => /js0 does not answer/.test(state)),
    states.join(),
  );
  assert.ok(
    warnings.some((warning) => /comes to rest: the gamepad.*js0/.test(warning)),
    warnings.join(),
  );
  assert.ok(largestChange(ticks) <= 50 * 0.01 * 1.001, "never faster than the acceleration limit");
  await whileArmed("ready", () => STATUSES[last()!.status] === "tracking");
});

/** Of the first joint's velocity, from one tick to the next. */
function largestChange(ticks: readonly TickMessage[]): number {
  const velocities = ticks.filter(({ command }) => command.length > 0).map(({ command }) => command[0]!);
  return Math.max(...velocities.slice(1).map((velocity, i) => Math.abs(velocity - velocities[i]!)));
}

test("a human takes over from a policy and hands back, without a jump; steps by hand are marked", LIMIT, async (t) => {
  const { host, ticks, call, last, folder, whileArmed } = await sharedLoop(t, {
    random: true,
    device: { kind: "keyboard" },
  });
  const rung = () => RUNGS[last()!.rung];
  const keys = host.context.publisher("teleop/keys", "std_msgs/msg/String");
  await whileArmed("the policy drives", () => rung() === "policy-prior" && Math.abs(last()!.command[0] ?? 0) > 0.02);
  let [steps, hasEnded] = [0, false];
  const count = ({ kind, step }: EpisodeEvent): void => void ([steps, hasEnded] = [step, kind === EPISODE_KIND.end]);
  host.context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", count, { ...DEFAULT_QOS, depth: 100 });
  assert.ok((await call("episodes/begin")).success);
  await whileArmed("steps of the policy's", () => steps >= 4);
  assert.ok((await call("teleop/take_over")).success);
  await whileArmed("the human drives", () => rung() === "teleop");
  const taken = ticks.findIndex((tick) => RUNGS[tick.rung] === "teleop");
  const held = setInterval(() => keys.publish({ data: "+q" }), 30);
  t.after(() => clearInterval(held));
  await whileArmed("by the key", () => (last()!.command[0] ?? 0) > 0.9);
  clearInterval(held);
  await whileArmed("at rest after the release", () => Math.abs(last()!.command[0] ?? 1) < 1e-6);
  assert.ok((await call("teleop/hand_back")).success);
  const returned = ticks.length;
  await whileArmed("the policy drives again", () => rung() === "policy-prior");
  const shared = ticks.slice(taken - 1, returned + 10);
  const halted = shared.some(({ status }) => !MOVING.includes(STATUSES[status]!)); // by a machine that was late: it brakes
  const waited = shared.some(({ rung, plan_age_ns }) => RUNGS[rung] === "teleop" && plan_age_ns > LATE_NS); // it then catches up
  const change = largestChange(shared);
  const limit = halted || waited ? 0.501 : 0.35;
  assert.ok(change < limit, `a change of ${change} rad/s in one tick, where the gate lets 0.5 pass`);
  const stepsBefore = steps;
  await whileArmed("more steps of the policy's", () => steps >= stepsBefore + 4);
  assert.ok((await call("episodes/success")).success);
  await until("its last step", () => hasEnded);
  await host.stop();
  const path = await onlyBag(folder);
  const bag = await BagReader.open(path);
  const { episodes } = await readContent(bag);
  await bag.close();
  const session = await verifySession(path, new BundleFinder([]));
  assert.ok(session.ok, JSON.stringify(session.parts.map(({ difference, gap }) => ({ difference, gap }))));
  const [episode] = episodes.filter(isKept);
  const spans = interventionSpans(episode!);
  assert.ok(halted || spans.length === 1, JSON.stringify(spans));
  assert.ok(spans[0]!.from > 2 && spans.at(-1)!.to < episode!.steps.length - 1, "the policy drove before and after");
});

for (const [flags, code, said] of [
  [["--device", "mouse"], 2, /keyboard, gamepad, joy, leader, twist/],
  [
    ["--device", "gamepad", "--mapping", join(root, "launch/teleop/keyboard.yaml")],
    1,
    /mapping for a joy.*one for a keyboard.*ERR_INPUT_DEVICE/,
  ],
  [["--device", "twist", "--mapping", "/no/such.yaml"], 1, /ERR_FILE_UNREADABLE/],
] as const) {
  test(`collect --policy teleop ${flags.join(" ").replace(root, "")} is refused in one sentence`, LIMIT, async (t) => {
    const folder = await testFolder(t);
    const program = spawn(
      process.execPath,
      [join(root, "bin/latentloop.js"), "collect", "--policy", "teleop", "--task", "reach", "--out", folder, ...flags],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let stderr = "";
    program.stderr.on("data", (chunk) => void (stderr += chunk));
    const [status] = await once(program, "close");
    assert.equal(status, code, stderr);
    assert.match(stderr, said);
  });
}
