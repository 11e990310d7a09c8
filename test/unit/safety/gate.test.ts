import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandInterface } from "../../../src/core/robot.ts";
import { type ControlStatus, HALT_CAUSES, type HaltCause, LIMIT_BITS } from "../../../src/core/status.ts";
import {
  type Evidence,
  RESUMES_BY_ITSELF,
  SAFETY_DEFAULTS,
  SafetyGate,
  type SafetyOptions,
} from "../../../src/safety/index.ts";
import { optionsFor, PERIOD_NS, twoJoints, wellAt } from "./robots.ts";

const FORWARD = Float64Array.of(1, 0);
const STILL = Float64Array.of(0, 0);

/** A gate with an ideal robot behind it: each tick's evidence is fresh unless `change` spoils it. */
class Bench {
  readonly gate: SafetyGate;
  readonly actual = [0, 0];
  nowNs = 1e12;
  evidence: Evidence = wellAt(this.nowNs, this.actual);
  readonly #interface: CommandInterface;

  constructor(changes: Partial<SafetyOptions> = {}, commandInterface: CommandInterface = "position") {
    this.#interface = commandInterface;
    this.gate = new SafetyGate(optionsFor(twoJoints(commandInterface), { softStartMs: 20, ...changes }));
  }

  /** Runs ticks and returns the last command's values. */
  run(ticks: number, requested = FORWARD, change: (evidence: Evidence) => void = () => {}): number[] | null {
    let values: number[] | null = null;
    for (let i = 0; i < ticks; i++) {
      this.nowNs += PERIOD_NS;
      this.evidence = wellAt(this.nowNs, this.actual);
      change(this.evidence);
      const command = this.gate.pass(this.evidence, requested);
      values = command && [...command.values];
      if (values) {
        for (const [j, value] of values.entries()) {
          this.actual[j] = this.#interface === "position" ? value : this.actual[j]! + value * 0.01;
        }
      }
    }
    return values;
  }

  arm(): string {
    return this.gate.arm(this.evidence);
  }

  running(): this {
    this.run(1);
    assert.equal(this.arm(), "none");
    this.run(30);
    assert.equal(this.gate.status, "tracking");
    return this;
  }

  expect(status: ControlStatus, cause: HaltCause): void {
    assert.deepEqual([this.gate.status, this.gate.cause], [status, cause]);
  }
}

test("no command leaves before somebody armed the loop", () => {
  const bench = new Bench();
  assert.equal(bench.run(50), null);
  bench.expect("disarmed", "none");
});

test("a disarmed velocity-controlled robot is told to stand still", () => {
  const bench = new Bench({}, "velocity");
  assert.deepEqual(bench.run(5), [0, 0]);
});

test("the first command after arming is where the robot is", () => {
  const bench = new Bench();
  bench.actual.splice(0, 2, 0.4, -0.3);
  bench.run(1);
  bench.arm();
  assert.deepEqual(bench.run(1), [0.4, -0.3]);
});

test("soft start: the velocity limit rises linearly from its share to the whole", () => {
  const bench = new Bench({ softStartMs: 1000, softStartScale: 0.1 });
  bench.run(1);
  bench.arm();
  bench.run(12, Float64Array.of(9, 0));
  const [before] = bench.run(1, Float64Array.of(9, 0))!;
  const [after] = bench.run(1, Float64Array.of(9, 0))!;
  const speed = (after! - before!) / 0.01;
  assert.ok(Math.abs(speed - 2 * (0.1 + 0.9 * 0.14)) < 1e-9, `moves at ${speed}`);
  assert.ok(bench.gate.limitBits & LIMIT_BITS.softStart);
});

const spoilers: Readonly<Record<string, (evidence: Evidence, options: SafetyOptions) => void>> = {
  "joint-state-stale": (e, o) => void (e.jointStateArrivalNs = e.nowNs - o.maxJointStateAgeMs * 1e6 - 1e6),
  "joint-state-invalid": (e) => void (e.positions = Float64Array.of(0, Number.NaN)),
  "tracking-error": (e, o) => void (e.positions = e.positions.map((p) => p + o.maxTrackingError + 0.5)),
  "plan-stale": (e, o) => void (e.planArrivalNs = e.nowNs - o.maxPlanAgeMs * 1e6 - 1e6),
  "observation-stale": (e, o) => void (e.observationArrivalNs = e.nowNs - o.maxObservationAgeMs * 1e6 - 1e6),
  deadman: (e, o) => void (e.heartbeatNs = e.nowNs - o.maxHeartbeatAgeMs * 1e6 - 1e6),
  "clock-jump": (e) => void (e.nowNs -= 60e9),
  estop: (e) => void (e.estop = true),
  surprise: (e) => void (e.surprise = Number.NaN),
  operator: (e) => void (e.haltRequest = "operator"),
  shutdown: (e) => void (e.haltRequest = "shutdown"),
};

for (const [cause, spoil] of Object.entries(spoilers) as [HaltCause, (typeof spoilers)[string]][]) {
  test(`halts smoothly when ${HALT_CAUSES[cause]} (${cause})`, () => {
    const bench = new Bench().running();
    const options = optionsFor(twoJoints("position"));
    bench.run(1, FORWARD, (e) => spoil(e, options));
    bench.expect("halting", cause);
    // 1 rad/s at 5 rad/s² and 100 Hz: 20 periods.
    bench.run(19, FORWARD, (e) => (cause === "clock-jump" ? undefined : spoil(e, options)));
    bench.expect(cause === "estop" ? "estopped" : "holding", cause);
  });

  test(`after ${cause} the loop ${RESUMES_BY_ITSELF[cause] ? "goes on by itself" : "waits to be armed again"}`, () => {
    const bench = new Bench().running();
    const options = optionsFor(twoJoints("position"));
    bench.run(40, FORWARD, (e) => spoil(e, options));
    bench.run(10, STILL);
    assert.equal(bench.gate.status === "tracking", RESUMES_BY_ITSELF[cause]);
    if (cause === "estop") assert.equal(bench.gate.resetEstop(bench.evidence), "none");
    assert.equal(bench.arm(), "none");
    bench.run(1);
    bench.expect("tracking", "none");
  });
}

test("an age at its limit is accepted, 1 ms more halts", () => {
  for (const [excess, status] of [
    [0, "tracking"],
    [1e6, "halting"],
  ] as const) {
    const bench = new Bench().running();
    bench.run(
      1,
      FORWARD,
      (e) => void (e.observationArrivalNs = e.nowNs - SAFETY_DEFAULTS.maxObservationAgeMs * 1e6 - excess),
    );
    assert.equal(bench.gate.status, status);
  }
});

test("a stamp from the future counts as missing, not as fresh for ever", () => {
  const bench = new Bench().running();
  bench.run(1, FORWARD, (e) => void (e.jointStateArrivalNs = e.nowNs + 1e9));
  bench.expect("halting", "joint-state-stale");
});

test("a late plan coasts, a plan that ran out halts even if it is new", () => {
  const bench = new Bench().running();
  bench.run(1, FORWARD, (e) => void (e.planArrivalNs = e.nowNs - 200e6));
  bench.expect("coasting", "none");
  bench.run(1, FORWARD, (e) => void (e.planEndNs = e.nowNs));
  bench.expect("halting", "plan-stale");
});

test("a refused plan names the cause once the one before it ran out", () => {
  const bench = new Bench().running();
  bench.run(1, FORWARD, (e) => void (e.planInvalid = true));
  bench.expect("tracking", "none");
  bench.run(1, FORWARD, (e) => {
    e.planInvalid = true;
    e.planArrivalNs = e.nowNs - 500e6;
  });
  bench.expect("halting", "plan-invalid");
});

test("a request that is not finite or of another length is not followed for one tick", () => {
  for (const request of [Float64Array.of(Number.NaN, 0), Float64Array.of(1, Infinity), Float64Array.of(1)]) {
    const bench = new Bench().running();
    bench.run(1, request);
    bench.expect("halting", "plan-invalid");
    assert.ok(bench.gate.limitBits & LIMIT_BITS.finite);
  }
});

test("the emergency stop stays latched until it is released, reset at rest, and armed again", () => {
  const bench = new Bench().running();
  bench.run(1, FORWARD, (e) => void (e.estop = true));
  assert.equal(bench.gate.resetEstop(bench.evidence), "estop");
  bench.run(1);
  assert.equal(bench.gate.resetEstop(bench.evidence), "moving");
  assert.equal(bench.run(40), null, "a stopped position-controlled robot gets no command");
  bench.expect("estopped", "estop");
  assert.equal(bench.arm(), "estop-latched");
  assert.equal(bench.gate.resetEstop({ ...bench.evidence, jointStateArrivalNs: 0 }), "joint-state-stale");
  assert.equal(bench.gate.resetEstop(bench.evidence), "none");
  bench.run(1);
  bench.expect("disarmed", "none");
  assert.equal(bench.arm(), "none");
  bench.run(1);
  bench.expect("tracking", "none");
});

test("resetting an emergency stop that nobody pressed changes nothing", () => {
  const bench = new Bench().running();
  bench.run(40, FORWARD, (e) => void (e.haltRequest = "operator"));
  assert.equal(bench.gate.resetEstop(bench.evidence), "none");
  bench.run(1);
  bench.expect("holding", "operator");
});

test("an emergency stop before arming latches as well", () => {
  const bench = new Bench();
  bench.run(1, FORWARD, (e) => void (e.estop = true));
  bench.run(1);
  assert.equal(bench.arm(), "estop-latched");
});

test("arming is refused for each missing condition, by name", () => {
  const refusals: [string, (e: Evidence) => void][] = [
    ["observation-stale", (e) => void (e.observationArrivalNs = Number.NaN)],
    ["plan-stale", (e) => void (e.planArrivalNs = Number.NaN)],
    ["joint-state-stale", (e) => void (e.jointStateArrivalNs = Number.NaN)],
    ["deadman", (e) => void (e.heartbeatNs = Number.NaN)],
    ["moving", (e) => void (e.velocities = Float64Array.of(0, 0.2))],
    ["outside-limits", (e) => void (e.positions = Float64Array.of(1.6, 0))],
  ];
  for (const [refusal, spoil] of refusals) {
    const bench = new Bench();
    bench.run(1, STILL, spoil);
    assert.equal(bench.arm(), refusal);
    bench.run(1);
    assert.equal(bench.gate.status, "disarmed");
  }
});

test("arming again continues from the last command while the robot sags within the tolerance", () => {
  const bench = new Bench().running();
  const held = bench.run(40, FORWARD, (e) => void (e.haltRequest = "operator"))!;
  bench.actual[0] = held[0]! - 0.04;
  bench.run(1, STILL, (e) => void (e.haltRequest = "none"));
  bench.actual[0] = held[0]! - 0.04;
  bench.evidence.positions[0] = bench.actual[0];
  assert.equal(bench.arm(), "none");
  assert.equal(bench.run(1)![0], held[0]);
});

test("arming after an emergency stop starts where the robot was moved to by hand", () => {
  const bench = new Bench().running();
  bench.run(40, FORWARD, (e) => void (e.estop = true));
  bench.actual[0] = -0.6;
  bench.run(1);
  assert.equal(bench.gate.resetEstop(bench.evidence), "none");
  assert.equal(bench.arm(), "none");
  assert.equal(bench.run(1)![0], -0.6);
});

test("a robot that is measured away from where it is held is not armed: its command would jump", () => {
  const bench = new Bench().running();
  bench.run(40, FORWARD, (e) => void (e.haltRequest = "operator"));
  bench.run(1, STILL, (e) => void (e.positions = Float64Array.of(-0.6, 0)));
  assert.equal(bench.arm(), "off-command");
});

test("surprise above its limit asks, holds or only slows down, as it was told to", () => {
  const startled = (e: Evidence) => void (e.surprise = 9);
  const options = { surpriseWarn: 1, surpriseError: 2, surpriseScale: 0.3 };
  const ask = new Bench(options).running();
  ask.run(30, FORWARD, startled);
  ask.expect("holding", "surprise");
  ask.run(30, FORWARD);
  ask.expect("holding", "surprise"); // until somebody arms
  assert.equal(ask.arm(), "none");
  ask.run(5, FORWARD);
  ask.expect("tracking", "none");
  const hold = new Bench({ ...options, surpriseAction: "hold" }).running();
  hold.run(30, FORWARD, startled);
  hold.expect("holding", "surprise");
  hold.run(5, FORWARD);
  hold.expect("tracking", "none");
  const slow = new Bench({ ...options, surpriseAction: "slow" }).running();
  slow.run(60, FORWARD, startled);
  slow.expect("tracking", "none");
  assert.ok(slow.gate.limitBits & LIMIT_BITS.softStart, "its velocity limit is lowered");
  slow.run(60, FORWARD, (e) => void (e.surprise = Number.NaN));
  slow.expect("holding", "surprise"); // a model without a number is no model
});

test("surprise above the warning slows the robot down, above the error it halts", () => {
  const bench = new Bench({ surpriseWarn: 1, surpriseError: 2, surpriseScale: 0.3 }).running();
  const surprised = (surprise: number) => (e: Evidence) => void (e.surprise = surprise);
  bench.run(30, FORWARD, surprised(1.5));
  assert.equal(bench.gate.status, "tracking");
  assert.ok(Math.abs(bench.gate.borrowVelocities[0]! - 0.3 * 2) < 1e-9);
  bench.run(1, FORWARD, surprised(2.5));
  bench.expect("halting", "surprise");
});

test("a limit that is none is refused by name", () => {
  const robot = twoJoints("position");
  const broken = (limits: object) => ({
    ...robot,
    joints: [{ name: "wrist", limits: { ...robot.joints[0]!.limits, ...limits } }],
  });
  for (const [changes, pattern] of [
    [{ robot: broken({ lower: 2 }) }, /"wrist".*lower 2/],
    [{ robot: broken({ velocity: Number.NaN }) }, /"wrist" velocity.*NaN/],
    [{ robot: broken({ acceleration: 0 }) }, /"wrist" acceleration.*0/],
    [{ robot: broken({ acceleration: 1e-3 }) }, /stops it within 60 s/],
    [{ maxJointStateAgeMs: Number.NaN }, /maxJointStateAgeMs.*NaN/],
    [{ softStartScale: 2 }, /softStartScale.*2/],
    [{ commandRateHz: 0 }, /commandRateHz.*0/],
  ] as [Partial<SafetyOptions>, RegExp][]) {
    assert.throws(() => new SafetyGate(optionsFor(robot, changes)), { code: "ERR_INVALID_ARGUMENT", message: pattern });
  }
});
