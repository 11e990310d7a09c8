import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Plan } from "../../../../src/core/plan.ts";
import {
  type PlanMessage,
  planToMessage,
  TICK_EVENTS,
  type TickInputMessage,
  type TickMessage,
} from "../../../../src/messages/index.ts";
import type { ControlSetup } from "../../../../src/nodes/control/control-setup.ts";
import { tickInputToMessage, tickToMessage } from "../../../../src/nodes/control/tick-message.ts";
import type { SessionLog } from "../../../../src/nodes/session/session-log.ts";
import { sessionStart } from "../../../../src/nodes/session/session-start.ts";
import { verifyControl } from "../../../../src/nodes/session/verify-control.ts";
import { twoJoints } from "../../safety/robots.ts";
import { ControlRig, planAt, SETUP } from "../control/control-rig.ts";

const CLOCK = { monotonicNs: () => 0, rosNs: () => 77n };

/** A control loop whose ticks are logged as the control node does. */
class LoggedRig extends ControlRig {
  readonly inputs: TickInputMessage[] = [];
  readonly outputs: TickMessage[] = [];
  readonly sent: PlanMessage[] = [];
  readonly start;

  constructor(setup: ControlSetup = SETUP) {
    super(setup);
    this.start = sessionStart("control", setup, CLOCK);
    const { write } = this.plans;
    this.plans.write = (plan: Plan, arrivalNs: number) => {
      this.sent.push(structuredClone(planToMessage(plan, CLOCK)));
      return write.call(this.plans, plan, arrivalNs);
    };
  }

  override run(ticks: number, afterEach: () => void = () => {}): void {
    super.run(ticks, () => {
      this.inputs.push(structuredClone(tickInputToMessage(this.record, this.start.session, CLOCK)));
      this.outputs.push(structuredClone(tickToMessage(this.record, CLOCK)));
      afterEach();
    });
  }

  async verify() {
    const logged = <T>(message: T, i: number) => ({ logTimeNs: BigInt(i), read: () => message });
    const log: SessionLog = {
      starts: [this.start],
      tickInputs: new Map([[this.start.session, this.inputs.map(logged)]]),
      ticks: new Map(this.outputs.map((tick, i) => [tick.command_ns, logged(tick, i)])),
      policyEvents: [],
      plans: new Map(this.sent.map((plan, i) => [plan.plan_id, [logged(plan, i)]])),
    };
    return verifyControl(this.start, log);
  }
}

/** What may happen to a loop between two ticks. */
const HAPPENINGS: Readonly<Record<string, (rig: LoggedRig) => void>> = {
  nothing: () => {},
  arm: (rig) => {
    rig.operator.setHalt("none");
    void rig.operator.request("arm", 0);
  },
  halt: (rig) => rig.operator.setHalt("operator"),
  "press the emergency stop": (rig) => rig.operator.setEstop(true),
  "tap the emergency stop": (rig) => {
    rig.operator.setEstop(true);
    rig.operator.setEstop(false);
  },
  "release the emergency stop": (rig) => rig.operator.setEstop(false),
  "reset the emergency stop": (rig) => void rig.operator.request("resetEstop", 0),
  "plans stop": (rig) => {
    rig.planner = undefined;
  },
  "plans come": (rig) => {
    rig.planner = (id) => planAt(id, rig.nowNs, Array(8).fill([Math.sin(id), Math.cos(id)]));
  },
  "plans are wrong": (rig) => {
    rig.planner = (id) => planAt(id, rig.nowNs, [[0.5, Number.NaN]]);
  },
  "plans are too long": (rig) => {
    rig.planner = (id) => planAt(id, rig.nowNs, Array(9).fill([0, 0]));
  },
  "plans are surprised": (rig) => {
    rig.planner = (id) => ({ ...planAt(id, rig.nowNs, Array(8).fill([0.1, 0.2])), surprise: Number.NaN });
  },
  "the robot is silent": (rig) => {
    rig.robotAnswers = false;
  },
  "the robot answers": (rig) => {
    rig.robotAnswers = true;
  },
  "the operator is silent": (rig) => {
    rig.operatorBeats = false;
  },
  "the operator is there": (rig) => {
    rig.operatorBeats = true;
  },
  "the clock jumps": (rig) => {
    rig.nowNs += 3600e9;
  },
};

for (const commandInterface of ["position", "velocity"] as const) {
  test(`a ${commandInterface} loop runs again bit for bit, whatever happened to it`, async () => {
    const script = fc.array(fc.tuple(fc.constantFrom(...Object.keys(HAPPENINGS)), fc.integer({ min: 1, max: 30 })), {
      minLength: 5,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(script, async (happenings) => {
        const safety = { ...SETUP.safety, robot: twoJoints(commandInterface) };
        const rig = new LoggedRig({ ...SETUP, safety }).running() as LoggedRig;
        for (const [what, ticks] of happenings) {
          HAPPENINGS[what]!(rig);
          rig.run(ticks);
        }
        const { difference, gap, same } = await rig.verify();
        assert.deepEqual({ difference, gap, same }, { difference: undefined, gap: undefined, same: rig.inputs.length });
      }),
      { numRuns: 40, seed: 11 },
    );
  });
}

test("arming, halting, an emergency stop and going on again are in the log, and run again bit for bit", async () => {
  const rig = new LoggedRig().running() as LoggedRig;
  const seen = new Set<string>();
  const run = (ticks: number) => rig.run(ticks, () => seen.add(rig.status));
  for (const what of [
    "halt",
    "arm",
    "press the emergency stop",
    "release the emergency stop",
    "reset the emergency stop",
    "arm",
  ]) {
    HAPPENINGS[what]!(rig);
    run(120);
  }
  for (const status of ["tracking", "holding", "estopped"]) assert.ok(seen.has(status), status);
  const { same, difference, gap } = await rig.verify();
  assert.deepEqual([same, difference, gap], [rig.inputs.length, undefined, undefined]);
});

/** The next double. */
function flipLastBit(value: number): number {
  const words = new BigInt64Array(new Float64Array([value]).buffer);
  words[0] = words[0]! ^ 1n;
  return new Float64Array(words.buffer)[0]!;
}

const TICK = 33;
const tamperings: Readonly<Record<string, { change: (rig: LoggedRig) => void; what: RegExp }>> = {
  "one bit of a measured position": {
    change: ({ inputs }) => {
      const position = inputs[TICK]!.position as Float64Array;
      position[1] = flipLastBit(position[1]!);
    },
    what: /checksum of what the tick was computed from/,
  },
  "one bit of the clock": {
    change: ({ inputs }) => {
      inputs[TICK]!.now_ns = flipLastBit(inputs[TICK]!.now_ns);
    },
    what: /_age_ns|command|requested/,
  },
  "one bit of a command": {
    change: ({ outputs }) => {
      const command = outputs[TICK]!.command as Float64Array;
      command[1] = flipLastBit(command[1]!);
    },
    what: /^command of joint elbow$/,
  },
  "an emergency stop that nobody pressed": {
    change: ({ inputs }) => {
      inputs[TICK]!.events |= TICK_EVENTS.estopPressed;
    },
    what: /^status$/,
  },
};

for (const [name, { change, what }] of Object.entries(tamperings)) {
  test(`a log with ${name} changed is called different at that tick`, async () => {
    const rig = new LoggedRig().running() as LoggedRig;
    change(rig);
    const { same, difference } = await rig.verify();
    assert.equal(same, TICK);
    assert.equal(difference?.where, `tick ${TICK}`);
    assert.match(difference.what, what);
    assert.notEqual(difference.recorded, difference.again);
  });
}

test("a plan with one bit changed shows in the first command that it made", async () => {
  const rig = new LoggedRig().running() as LoggedRig;
  const bits = new Int32Array(rig.sent[3]!.actions.buffer);
  bits[0] = bits[0]! ^ 1;
  const { same, difference } = await rig.verify();
  assert.ok(same >= 30 && same < 40, `${same}`); // plan 4 came before tick 30 and fades in from there
  assert.match(difference!.what, /^requested of joint shoulder$/);
});

test("a log that lacks ticks or a plan is verified up to there, and says what is missing", async () => {
  const withoutTicks = new LoggedRig().running() as LoggedRig;
  withoutTicks.inputs.splice(20, 3);
  assert.match((await withoutTicks.verify()).gap!, /tick 20 to 22 are not in the recording/);
  const withoutOutput = new LoggedRig().running() as LoggedRig;
  withoutOutput.outputs.splice(20, 1);
  assert.match((await withoutOutput.verify()).gap!, /tick 20 came out with/);
  const withoutPlan = new LoggedRig().running() as LoggedRig;
  withoutPlan.sent.splice(2, 1);
  const { same, gap } = await withoutPlan.verify();
  assert.equal(same, 20);
  assert.match(gap!, /plan 3, which tick 20 took/);
});

test("a killed recorder's last tick may lack its output: the rest counts", async () => {
  const rig = new LoggedRig().running() as LoggedRig;
  rig.outputs.pop();
  const { same, gap, difference } = await rig.verify();
  assert.deepEqual([same, gap, difference], [rig.inputs.length - 1, undefined, undefined]);
});
