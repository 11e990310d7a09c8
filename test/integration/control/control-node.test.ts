import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { systemClock } from "../../../src/core/clock.ts";
import {
  DEFAULT_QOS,
  type Diagnosis,
  LATCHED_QOS,
  type LifecycleNode,
  type Logger,
  type Publisher,
  type Qos,
} from "../../../src/core/node.ts";
import type { Plan } from "../../../src/core/plan.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../../src/core/status.ts";
import { type JointState, makeHeader, planToMessage, type TickMessage } from "../../../src/messages/index.ts";
import { createControl } from "../../../src/nodes/control/control-node.ts";
import { controlParameters } from "../../../src/nodes/control/control-parameters.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../src/transport/index.ts";
import { patientSafety } from "../../support/patient-safety.ts";
import { plainPlan } from "../../support/plain-plan.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";
import type { Failure } from "./programs/failing-kinematics.ts";

const ROBOT = `
name: two-joints
commandInterface: position
joints:
  - {name: j1, limits: {lower: -3, upper: 3, velocity: 1, acceleration: 5}}
  - {name: j2, limits: {lower: -3, upper: 3, velocity: 1, acceleration: 5}}
`;
const TIMEOUT_MS = 60_000;
/** So many ticks and commands may wait while this thread is kept from running. */
const DEEP: Qos = { ...DEFAULT_QOS, depth: 500 };

interface CellOptions {
  readonly jointNames: readonly string[];
  /** What goes wrong in the control thread. */
  readonly failure?: Failure;
}

/** The control node on one side; on the other a robot that obeys at once, and a planner. */
class Cell {
  readonly actual = Float64Array.of(0.3, -0.2);
  readonly ticks: TickMessage[] = [];
  readonly commands: number[][] = [];
  readonly errors: string[] = [];
  readonly world: EmbeddedContext;
  readonly control: LifecycleNode;
  readonly clock = systemClock();
  /** How the robot orders and names its joints. */
  readonly jointNames: readonly string[];
  readonly #jointStates: Publisher<JointState>;

  constructor(t: TestContext, robot: string, model: string, { jointNames, failure }: CellOptions) {
    this.jointNames = jointNames;
    const hub = new Hub();
    const contexts = ["control", "world"].map((node) => {
      const { port1, port2 } = new MessageChannel();
      hub.connect(port1);
      const bus = new ThreadBus(port2, node);
      const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void this.errors.push(message) };
      const context = new EmbeddedContext({ node, namespace: "/lab", remap: {}, bus, clock: this.clock, log });
      t.after(() => {
        context.close();
        bus.close();
      });
      return context;
    });
    this.world = contexts[1]!;
    const given = {
      model,
      robot,
      allowedMisses: 5000,
      safety: { ...patientSafety(), softStartMs: 50 },
      ...(failure && { workspace: { lower: [-1, -1, -1], upper: [1, 1, 1], kinematics: kinematicsWith(failure) } }),
    };
    this.control = createControl(contexts[0]!, parseStrict(controlParameters, given, "test"));
    t.after(() => this.control.cleanup());
    this.#jointStates = this.world.publisher("joint_states", "sensor_msgs/msg/JointState");
    this.world.subscribe(
      "commands",
      "std_msgs/msg/Float64MultiArray",
      ({ data }) => {
        this.actual.set(data);
        this.commands.push([...Array.from(data)]);
      },
      DEEP,
    );
    this.world.subscribe(
      "control/tick",
      "latentloop_msgs/msg/Tick",
      (tick) => {
        this.ticks.push({
          ...tick,
          executed_action: Array.from(tick.executed_action),
          command: Array.from(tick.command),
        });
        this.#answer();
      },
      DEEP,
    );
    const starter = setInterval(() => this.#answer(), 20);
    t.after(() => clearInterval(starter));
  }

  #answer(): void {
    const value = (name: string) => (name === "j1" ? this.actual[0]! : name === "j2" ? this.actual[1]! : 9);
    this.#jointStates.publish({
      header: makeHeader(this.clock.rosNs()),
      name: this.jointNames,
      position: this.jointNames.map(value),
      velocity: this.jointNames.map(() => 0),
      effort: [],
    });
  }

  plan(): Plan {
    const nowNs = this.clock.monotonicNs();
    return plainPlan(new Array(8).fill([0.5, -0.25]), {
      id: 7,
      startNs: nowNs,
      stepPeriodNs: 60e9,
      observationStampNs: 1_700_000_000_123_456_789n,
      observationArrivalNs: nowNs,
      modelHash: "00112233aabbccdd",
      rung: "policy-prior",
    });
  }

  get status(): ControlStatus | undefined {
    return (Object.keys(CONTROL_STATUS) as ControlStatus[])[this.ticks.at(-1)?.status ?? -1];
  }

  get cause(): HaltCause | undefined {
    return (Object.keys(HALT_CAUSES) as HaltCause[])[this.ticks.at(-1)?.halt_cause ?? -1];
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (const end = this.clock.monotonicNs() + TIMEOUT_MS * 1e6; !condition(); ) {
      assert.ok(this.clock.monotonicNs() < end, `waited in vain for: ${what}; it is ${this.status} by ${this.cause}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  call(service: string) {
    return this.world.call(`control/${service}`, TIMEOUT_MS);
  }
}

const kinematicsWith = (options: Failure) => ({
  module: new URL("./programs/failing-kinematics.js", import.meta.url).href,
  options: { ...options },
});

async function cell(t: TestContext, options: Partial<CellOptions> = {}): Promise<Cell> {
  const model = await writeSampleBundle(t);
  const robot = join(model, "robot.yaml");
  await writeFile(robot, ROBOT);
  const made = new Cell(t, robot, model, { jointNames: ["gripper", "j2", "j1"], ...options });
  await made.control.configure();
  await made.control.activate();
  return made;
}

test("armed, the node moves the robot by the plan; each stop ends at rest, and an emergency stop stays", async (t) => {
  const made = await cell(t);
  const plans = made.world.publisher("plan", "latentloop_msgs/msg/Plan");
  await made.until("the first tick", () => made.ticks.length > 0);
  assert.match((await made.call("arm")).message, /refused: .*\((plan-stale|joint-state-stale)\)/);

  const planner = setInterval(() => plans.publish(planToMessage(made.plan(), made.clock)), 50);
  t.after(() => clearInterval(planner));
  await made.until("a plan", () => made.ticks.at(-1)!.plan_id === 7n);
  assert.deepEqual(made.commands, [], "nothing moves before arming");
  assert.deepEqual(await made.call("arm"), { success: true, message: "armed: the robot follows the plans" });
  await made.until("motion", () => made.actual[0]! > 0.4);
  assert.deepEqual(made.commands[0], [0.3, -0.2], "the first command is where the robot is, by joint names");
  assert.ok(made.actual[1]! < -0.2, "the second joint moves the other way");

  await made.until("a tick by the plan", () => made.status === "tracking");
  const tick = made.ticks.at(-1)!;
  assert.equal(tick.model_hash, "00112233aabbccdd");
  assert.deepEqual(tick.observation_stamp, { sec: 1_700_000_000, nanosec: 123_456_789 });
  assert.equal(tick.rung, 2);
  const skewMs = Math.abs(
    Number(made.clock.rosNs() / 1_000_000n) - (tick.header.stamp.sec * 1e3 + tick.header.stamp.nanosec / 1e6),
  );
  assert.ok(skewMs < TIMEOUT_MS, `the tick's stamp is ${skewMs} ms off`);

  assert.equal((await made.call("halt")).success, true);
  await made.until("a hold", () => made.status === "holding" && made.cause === "operator");
  assert.equal((await made.call("arm")).success, true);
  await made.until("motion again", () => made.status === "tracking");

  const estop = made.world.publisher("control/estop", "std_msgs/msg/Bool");
  estop.publish({ data: true });
  await made.until("the emergency stop", () => made.status === "estopped");
  assert.match((await made.call("arm")).message, /estop-latched/);
  assert.match((await made.call("reset_estop")).message, /\(estop\)/);
  estop.publish({ data: false });
  await untilGranted(made, "reset_estop");
  await made.until("a disarmed loop", () => made.status === "disarmed");
  assert.equal((await made.call("arm")).success, true);
  await made.until("motion after the reset", () => made.status === "tracking");

  await made.control.deactivate();
  await made.until("rest", () => made.status === "holding" && made.cause === "shutdown");
  assert.deepEqual(made.ticks.at(-1)!.executed_action, [0, 0]);
  assert.match((await made.call("arm")).message, /\(inactive\)/);
  assertWithinLimits(made.commands);

  await made.control.activate();
  await made.until("a disarmed loop again", () => made.status === "disarmed");
  assert.deepEqual(made.errors, []);
});

test("an emergency stop that was latched before the loop began holds it; what it does is latched in words", async (t) => {
  const made = await cell(t);
  await made.control.deactivate();
  const said: string[] = [];
  const estop = made.world.publisher("control/estop", "std_msgs/msg/Bool", LATCHED_QOS);
  estop.publish({ data: true });
  made.world.subscribe("control/status", "std_msgs/msg/String", ({ data }) => said.push(data), LATCHED_QOS);
  await made.until("the word of an inactive loop", () => said.at(-1) === "inactive");
  await made.control.activate();
  await made.until("the emergency stop", () => made.status === "estopped");
  await made.until("the word for it", () => said.at(-1) === "estopped: estop");
  estop.publish({ data: false });
  await untilGranted(made, "reset_estop");
  await made.until("the word of a loop that waits", () => said.at(-1)!.startsWith("disarmed"));
});

test("an emergency stop outlasts its release and the loop, until its reset is granted", async (t) => {
  const made = await cell(t);
  const estop = made.world.publisher("control/estop", "std_msgs/msg/Bool");
  const restart = async () => {
    const before = made.ticks.length;
    await made.control.deactivate();
    await made.control.activate();
    const beginsAnew = () => made.ticks.some(({ tick }, i) => i >= before && tick < made.ticks[i - 1]!.tick);
    await made.until("a tick of the next loop", beginsAnew);
  };
  estop.publish({ data: true });
  estop.publish({ data: false });
  await made.until("the emergency stop", () => made.status === "estopped");
  await restart();
  assert.equal(made.status, "estopped");
  assert.match((await made.call("arm")).message, /estop-latched/);
  await untilGranted(made, "reset_estop");
  await restart();
  assert.equal(made.status, "disarmed");
});

test("joint states without a joint of the robot are reported by its name and never arm it", async (t) => {
  const made = await cell(t, { jointNames: ["j1", "gripper"] });
  await made.until("a report", () => made.errors.length > 0);
  assert.match(made.errors[0]!, /'j2'/);
  made.world.publisher("plan", "latentloop_msgs/msg/Plan").publish(planToMessage(made.plan(), made.clock));
  await made.until("a plan", () => made.ticks.at(-1)?.plan_id === 7n);
  assert.match((await made.call("arm")).message, /\(joint-state-stale\)/);
  assert.deepEqual(made.commands, []);
});

test("a plan that is malformed is reported and not followed", async (t) => {
  const made = await cell(t);
  const plans = made.world.publisher("plan", "latentloop_msgs/msg/Plan");
  plans.publish({ ...planToMessage(made.plan(), made.clock), rung: 99 });
  await made.until("a report", () => made.errors.length > 0);
  assert.match(made.errors[0]!, /rung/);
  plans.publish({ ...planToMessage(made.plan(), made.clock), action_dimension: 4 });
  await made.until("a refusal", () => made.ticks.length > 5);
  assert.match((await made.call("arm")).message, /\(plan-invalid\)/);
});

test("an error inside the loop is told by its own words as the robot halts, and the robot can be armed again", async (t) => {
  const made = await cell(t, { failure: { above: 0.6, how: "throw" } });
  const health = loopHealth(made);
  await moving(made);
  await made.until("the halt", () => made.status === "holding" && made.cause === "internal-error");
  await made.until("a report", () => made.errors.length > 0);
  assert.match(made.errors[0]!, /the points are gone/);
  await made.until("the words in the diagnosis", () => health.at(-1)!.includes("the points are gone"));
  const haltedAt = made.actual[0]!;
  await untilGranted(made, "arm");
  await made.until("motion again", () => made.actual[0]! > haltedAt + 0.1);
  assert.equal(made.errors.length, 1);
  assertWithinLimits(made.commands);
});

test("a loop that ended by itself refuses to halt or reset, and is there again after an activation", async (t) => {
  const made = await cell(t, { failure: { above: 0.6, how: "exit" } });
  await moving(made);
  await made.until("a report", () => made.errors.length > 0);
  const refusal = await made.call("halt");
  assert.equal(refusal.success, false);
  assert.match(refusal.message, /refused: The control thread ended by itself with code 3/);
  for (const service of ["arm", "reset_estop"]) assert.match((await made.call(service)).message, /\(inactive\)/);
  await made.control.deactivate();
  await made.control.activate();
  assert.equal((await made.call("halt")).success, true);
});

test("the node's health is on the diagnostics", async (t) => {
  const made = await cell(t);
  const seen = new Map<string, Diagnosis["message"]>();
  made.world.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
    for (const { name, values } of status) seen.set(name, values.map(({ key }) => key).join(" "));
  });
  await made.until("diagnostics", () => seen.get("control: control loop")?.includes("missed") === true);
  assert.ok(seen.has("control: degrade ladder"));
});

/** Armed, with a plan that moves it on and on. */
async function moving(made: Cell): Promise<void> {
  const plans = made.world.publisher("plan", "latentloop_msgs/msg/Plan");
  await made.until("the first tick", () => made.ticks.length > 0);
  plans.publish(planToMessage(made.plan(), made.clock));
  await made.until("a plan", () => made.ticks.at(-1)!.plan_id === 7n);
  await untilGranted(made, "arm");
}

/** What the diagnostics say of the loop, as it comes. */
function loopHealth(made: Cell): readonly string[] {
  const said = [""];
  made.world.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
    for (const { name, message } of status) if (name === "control: control loop") said.push(message);
  });
  return said;
}

/** The service's own view follows the topic with some delay: asks until it agrees. */
async function untilGranted(made: Cell, service: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) if ((await made.call(service)).success) return;
  assert.fail(`${service} was never granted`);
}

/** Positions within a run move at most 1 rad/s · 10 ms, whoever stopped or started it. */
function assertWithinLimits(commands: readonly (readonly number[])[]): void {
  for (let i = 1; i < commands.length; i++) {
    for (const joint of [0, 1]) {
      const step = Math.abs(commands[i]![joint]! - commands[i - 1]![joint]!);
      assert.ok(step <= 0.01 + 1e-9, `command ${i} moves joint ${joint} by ${step}`);
    }
  }
}
