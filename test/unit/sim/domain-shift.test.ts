import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import { type DomainShift, MODERATE_RANDOMIZATION, NOMINAL, sampleShift } from "../../../src/sim/domain-shift.ts";
import type { SimulatedEnvironment } from "../../../src/sim/environment.ts";
import { createEnvironment } from "../../../src/sim/index.ts";

const PALETTE = { arm: [0.5, 0.05, 1] } as const;

function image(environment: SimulatedEnvironment): Uint8Array {
  const out = new Uint8Array(64 * 64 * 3);
  environment.renderInto("scene", out);
  return out;
}

/** The physics after a second of full speed. */
function motion(environment: SimulatedEnvironment): Float64Array {
  const action = new Float32Array(environment.actionSpace.dimensions.length).fill(1);
  for (let i = 0; i < 10; i++) environment.step(action);
  return environment.saveState().physics;
}

test("every drawn quantity lies in its range", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const shift = sampleShift(MODERATE_RANDOMIZATION, new Rng(seed), PALETTE);
      for (const key of ["contactFriction", "jointFriction", "mass", "servoGain", "commandGain"] as const) {
        const [low, high] = MODERATE_RANDOMIZATION[key]!;
        assert.ok(shift[key] >= low && shift[key] <= high, key);
      }
      assert.ok(shift.delaySteps === 0 || shift.delaySteps === 1);
      assert.ok(shift.cameraOffsetM.every((offset) => Math.abs(offset) <= 0.015));
      assert.ok(
        shift.colors.arm!.every((level, i) => Math.abs(level - PALETTE.arm[i]!) <= 0.1 && level >= 0 && level <= 1),
      );
    }),
  );
});

test("narrowing one range leaves the other draws alone", () => {
  const { mass: _, ...rest } = MODERATE_RANDOMIZATION;
  const [wide, narrow] = [MODERATE_RANDOMIZATION, rest].map((ranges) => sampleShift(ranges, new Rng(5), PALETTE));
  assert.deepEqual({ ...wide, mass: 1 }, narrow);
});

test("nothing to draw from is the nominal world", () => {
  assert.deepEqual(sampleShift({}, new Rng(1), PALETTE), NOMINAL);
});

const MOTION_SHIFTS: readonly Partial<DomainShift>[] = [
  { jointFriction: 3 },
  { mass: 1.5 },
  { servoGain: 0.7 },
  { commandGain: 0.7 },
  { delaySteps: 1 },
];
const LOOK_SHIFTS: readonly Partial<DomainShift>[] = [
  { cameraOffsetM: [0.02, -0.015, 0] },
  { cameraRotationRad: [0, 0, 0.05] },
  { lightTilt: [0.5, 0.3, 0] },
  { lightDiffuse: 0.7 },
  { lightAmbient: 1.3 },
  { colors: { shell: [0.3, 0.5, 0.7] } },
];

for (const shift of MOTION_SHIFTS) {
  test(`${JSON.stringify(shift)} changes how the arm moves, and taking it back restores every bit`, async () => {
    using shifted = await createEnvironment("arm-reach", { seed: 1, shift });
    using plain = await createEnvironment("arm-reach", { seed: 1 });
    assert.deepEqual(image(shifted), image(plain));
    const nominal = motion(plain);
    assert.notDeepEqual(motion(shifted), nominal);
    shifted.setShift({});
    shifted.reset(1);
    assert.deepEqual(motion(shifted), nominal);
  });
}

for (const shift of LOOK_SHIFTS) {
  test(`${JSON.stringify(shift)} changes the picture and not the motion`, async () => {
    using shifted = await createEnvironment("arm-reach", { seed: 1, shift });
    using plain = await createEnvironment("arm-reach", { seed: 1 });
    const nominal = image(plain);
    assert.notDeepEqual(image(shifted), nominal);
    assert.deepEqual(motion(shifted), motion(plain));
    shifted.setShift({});
    shifted.reset(1);
    assert.deepEqual(image(shifted), nominal);
  });
}

test("a camera that tracks its robot is displaced like one that stands still", async () => {
  using shifted = await createEnvironment("walker-walk", { seed: 1, shift: { cameraOffsetM: [0.2, 0, 0] } });
  using plain = await createEnvironment("walker-walk", { seed: 1 });
  assert.notDeepEqual(image(shifted), image(plain));
  assert.deepEqual(motion(shifted), motion(plain));
});

test("contact friction changes what contacts do: a walker slips on ice", async () => {
  using ice = await createEnvironment("walker-walk", { seed: 1, shift: { contactFriction: 0.05 } });
  using floor = await createEnvironment("walker-walk", { seed: 1 });
  const [slipped, walked] = [ice, floor].map((environment) => {
    for (let i = 0; i < 10; i++) motion(environment);
    return environment.saveState().physics;
  });
  assert.notDeepEqual(slipped, walked);
});

test("a command gain of 0.7 gives seven tenths of the way at steady speed", async () => {
  const travelled = async (commandGain: number) => {
    using reach = await createEnvironment("reach", { seed: 1, shift: { commandGain } });
    const [before, after] = [new Float64Array(2), new Float64Array(2)];
    const action = Float32Array.of(0.6, 0);
    for (let i = 0; i < 10; i++) reach.step(action);
    reach.jointsInto(before, new Float64Array(2));
    for (let i = 0; i < 10; i++) reach.step(action);
    reach.jointsInto(after, new Float64Array(2));
    return after[0]! - before[0]!;
  };
  assert.ok(Math.abs((await travelled(0.7)) / (await travelled(1)) - 0.7) < 1e-3);
});

test("randomization draws a new world at each reset, the same one for the same seed", async () => {
  using first = await createEnvironment("arm-reach", { randomization: MODERATE_RANDOMIZATION });
  using second = await createEnvironment("arm-reach", { randomization: MODERATE_RANDOMIZATION, shift: { mass: 1.1 } });
  first.reset(4);
  const { shift } = first;
  first.reset(5);
  assert.notDeepEqual(first.shift, shift);
  second.reset(4);
  assert.deepEqual(second.shift, { ...shift, mass: 1.1 }, "a fixed part overrides the draw");
});

test("a colour of a material that is not there is an error that names those that are", async () => {
  await assert.rejects(createEnvironment("reach", { shift: { colors: { sky: [0, 0, 0] } } }), {
    code: "ERR_SIM_TASK",
    message: /received "sky"/,
  });
  using reach = await createEnvironment("reach");
  assert.deepEqual(Object.keys(reach.palette), ["ground", "arm", "root", "finger", "target"]);
});
