import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HUMAN_PLANS, type Plan } from "../../../../src/core/plan.ts";
import type { CommandInterface } from "../../../../src/core/robot.ts";
import type { ControlSetup } from "../../../../src/nodes/control/control-setup.ts";
import { ExecutedMotion } from "../../../../src/nodes/teleop/executed-motion.ts";
import { HandOver } from "../../../../src/nodes/teleop/hand-over.ts";
import { optionsFor, PERIOD_NS, twoJoints } from "../../safety/robots.ts";
import { ACTIONS, ControlRig, planAt } from "../control/control-rig.ts";

const PERIOD_S = PERIOD_NS / 1e9;
const HAND_OVER_MS = 300;

function setupFor(commandInterface: CommandInterface, unit: "rad" | "rad/s"): ControlSetup {
  const robot = twoJoints(commandInterface);
  const dimensions = robot.joints.map(({ name, limits }, i) =>
    unit === "rad" ? { name, unit, low: limits.lower, high: limits.upper } : ACTIONS.dimensions[i]!,
  );
  const safety = optionsFor(robot, { softStartMs: 20, maxTrackingError: 10 });
  return { safety, actionSpace: { dimensions }, maxHorizon: 16, blendMs: 30, priority: 0 };
}

/** A control loop that follows what a hand-over lets through: a policy at 10 Hz, a human at 50 Hz. */
class SharedRig {
  readonly rig: ControlRig;
  readonly motion: ExecutedMotion;
  readonly handOver: HandOver;
  policy = [0, 0];
  human = [0, 0];
  #tick = 0;

  readonly setup: ControlSetup;

  constructor(setup: ControlSetup) {
    this.setup = setup;
    const { robot } = setup.safety;
    this.rig = new ControlRig(setup);
    this.motion = new ExecutedMotion(robot, 2);
    const options = { robot, actionSpace: setup.actionSpace, rateHz: 50, handOverMs: HAND_OVER_MS };
    this.handOver = new HandOver(this.motion, { ...options, startsWith: "policy" });
    this.rig.planner = undefined;
    this.run(20);
    void this.rig.operator.request("arm", 0);
    this.run(20);
  }

  run(ticks: number, afterEach: () => void = () => {}): void {
    this.rig.run(ticks, () => {
      const { record, nowNs, actual } = this.rig;
      const { velocities } = this.motion;
      this.motion.addJointState({ positions: actual, velocities, stampNs: 0n, arrivalNs: nowNs });
      this.motion.addTick({
        command: record.get("hasCommand") === 1 ? record.command : [],
        executed_action: record.executedAction,
        deadline_ns: record.get("deadlineNs"),
      });
      afterEach();
      if (this.#tick % 10 === 0) this.#follow(this.handOver.forward(this.#policyPlan(nowNs), nowNs));
      const humanDrives = this.handOver.inCharge === "human";
      if (this.#tick % 2 === 0 && humanDrives) this.#follow(this.handOver.humanPlan(this.human, nowNs));
      this.#tick++;
    });
  }

  #policyPlan(nowNs: number): Plan {
    return planAt(1 + this.#tick, nowNs, Array(4).fill(this.policy));
  }

  #follow(plan: Plan | undefined): void {
    if (plan !== undefined) this.rig.plans.write({ ...plan, actions: plan.actions.slice() }, this.rig.nowNs);
  }
}

const deed = fc.record({
  does: fc.constantFrom("take-over", "hand-back", "steer", "change"),
  to: fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })),
  ticks: fc.integer({ min: 1, max: 60 }),
});

for (const [commandInterface, unit] of [
  ["position", "rad/s"],
  ["velocity", "rad/s"],
  ["position", "rad"],
] as const) {
  test(`whoever drives and whenever it changes, no command exceeds a limit (${commandInterface} robot, actions in ${unit})`, () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 20 }), (deeds) => {
        const shared = new SharedRig(setupFor(commandInterface, unit));
        const { joints } = shared.setup.safety.robot;
        let positions: Float64Array | undefined;
        let velocities: Float64Array | undefined;
        const check = () => {
          const { record } = shared.rig;
          if (record.get("hasCommand") !== 1) return;
          const command = record.command.slice();
          const now =
            commandInterface === "velocity"
              ? command
              : positions && command.map((p, j) => (p - positions![j]!) / PERIOD_S);
          now?.forEach((velocity, j) => {
            const { velocity: fastest, acceleration } = joints[j]!.limits;
            assert.ok(Math.abs(velocity) <= fastest * (1 + 1e-9) + 1e-9, `speed ${velocity}`);
            const change = Math.abs(velocity - (velocities?.[j] ?? velocity));
            assert.ok(change <= acceleration * PERIOD_S * (1 + 1e-6) + 1e-9, `a step of ${change}`);
          });
          if (commandInterface === "position") positions = command;
          velocities = now;
        };
        for (const { does, to, ticks } of deeds) {
          if (does === "take-over") shared.handOver.takeOver();
          else if (does === "hand-back") shared.handOver.handBack(shared.rig.nowNs);
          else if (does === "steer") shared.human = [...to];
          else shared.policy = to.map((value) => value / 3);
          shared.run(ticks, check);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });
}

/** The largest change of a requested velocity from one tick to the next, over a hand-over either way. */
function largestStep(change: (shared: SharedRig) => void, shared: SharedRig): number {
  let largest = 0;
  let before: number | undefined;
  const watch = () => {
    const asked = shared.rig.record.requested[0]!;
    if (before !== undefined) largest = Math.max(largest, Math.abs(asked - before));
    before = asked;
  };
  shared.run(40, watch);
  change(shared);
  shared.run(80, watch);
  return largest;
}

test("at a take-over and at a hand-back what is asked of the robot changes a tenth of full speed per tick at most", () => {
  const FULL_SPEED = 2; // the first joint's limit
  const taken = new SharedRig(setupFor("velocity", "rad/s"));
  taken.policy = [0.3, 0.1];
  taken.human = [-1, 0];
  const atTakeOver = largestStep(({ handOver }) => handOver.takeOver(), taken);
  assert.equal(taken.handOver.inCharge, "human");
  const atHandBack = largestStep(({ handOver, rig }) => void handOver.handBack(rig.nowNs), taken);
  assert.equal(taken.handOver.inCharge, "policy");
  assert.ok(atTakeOver < 0.1 * FULL_SPEED, `${atTakeOver} at the take-over`);
  assert.ok(atHandBack < 0.1 * FULL_SPEED, `${atHandBack} at the hand-back`);
});

test("without the hand-over the same change is a jump, so that the test above can fail", () => {
  const shared = new SharedRig(setupFor("velocity", "rad/s"));
  shared.policy = [0.3, 0.1];
  const jump = largestStep((each) => {
    each.policy = [-1, 0];
  }, shared);
  assert.ok(jump > 0.4, `${jump}`);
});

test("a human who takes over without a wish brings the robot to rest; plans say who made them", () => {
  const shared = new SharedRig(setupFor("velocity", "rad/s"));
  shared.policy = [0.3, 0.2];
  shared.run(40);
  assert.ok(Math.abs(shared.rig.actual[0]! - 0.3) < 0.01);
  shared.handOver.takeOver();
  const plan = shared.handOver.humanPlan([0, 0], shared.rig.nowNs);
  assert.deepEqual([plan.rung, plan.modelHash, plan.id > HUMAN_PLANS], ["teleop", "", true]);
  assert.ok(
    Math.abs(plan.actions[0]! - 0.3) < 0.085,
    "it begins with the velocity that the robot has, and ramps from there",
  );
  shared.run(60);
  assert.ok(
    shared.rig.actual.every((velocity) => Math.abs(velocity) < 1e-3),
    `${shared.rig.actual}`,
  );
  assert.equal(shared.rig.status, "tracking", "at rest, and ready");
});

test("a policy without plans does not get the robot back", () => {
  const shared = new SharedRig(setupFor("velocity", "rad/s"));
  shared.handOver.takeOver();
  assert.ok(shared.handOver.handBack(shared.rig.nowNs));
  assert.ok(!shared.handOver.handBack(shared.rig.nowNs + 2e9));
  assert.equal(shared.handOver.inCharge, "human");
});

test("a human who falls silent lets the plan run out: a smooth halt", () => {
  const shared = new SharedRig(setupFor("velocity", "rad/s"));
  shared.handOver.takeOver();
  shared.human = [1, 0];
  shared.run(60);
  assert.ok(shared.rig.actual[0]! > 0.5);
  const steps: number[] = [];
  let before = shared.rig.actual[0]!;
  shared.rig.run(60, () => {
    steps.push(Math.abs(shared.rig.actual[0]! - before));
    before = shared.rig.actual[0]!;
  });
  assert.equal(shared.rig.cause, "plan-stale");
  assert.equal(shared.rig.actual[0], 0);
  assert.ok(Math.max(...steps) <= 5 * PERIOD_S + 1e-9, "no step beyond the acceleration limit");
});
