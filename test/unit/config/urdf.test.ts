import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { robotSchema } from "../../../src/config/robot-file.ts";
import { robotFromUrdf } from "../../../src/config/urdf.ts";

const URDF = `<?xml version="1.0"?>
<robot name="arm">
  <link name="base"/> <link name="upper"/> <link name="lower"/> <link name="tool"/> <link name="finger"/>
  <!-- <joint name="gone" type="revolute"/> -->
  <joint name="mount" type="fixed"><parent link="world"/><child link="base"/></joint>
  <joint name="turn" type="continuous"><parent link="base"/><child link="upper"/><limit effort="10" velocity="3.14"/></joint>
  <joint name="bend" type="revolute">
    <parent link="upper"/><child link="lower"/><limit lower="-1.5" upper="1.5e0" effort="10" velocity="2"/>
  </joint>
  <joint name="slide" type="prismatic"><parent link="lower"/><child link="tool"/><limit lower="0" upper="0.08" effort="1" velocity="0.1"/></joint>
  <joint name="other_finger" type="prismatic"><mimic joint="slide"/><limit lower="0" upper="0.08" velocity="0.1"/></joint>
</robot>`;
const options = { commandInterface: "position", acceleration: 5 } as const;

test("joints that move come with their limits, in the order of the description; fixed and mimicking ones do not", () => {
  const robot = robotFromUrdf(URDF, options);
  assert.equal(robot.name, "arm");
  assert.deepEqual(robot.joints, [
    { name: "turn", limits: { lower: -1000, upper: 1000, velocity: 3.14, acceleration: 5 } },
    { name: "bend", limits: { lower: -1.5, upper: 1.5, velocity: 2, acceleration: 5 } },
    { name: "slide", limits: { lower: 0, upper: 0.08, velocity: 0.1, acceleration: 5 } },
  ]);
  assert.deepEqual(parseStrict(robotSchema, robot, "the robot"), robot);
});

test("the controller's own order wins, and a joint that does not move is refused by name", () => {
  const { joints } = robotFromUrdf(URDF, { ...options, joints: ["slide", "turn"] });
  assert.deepEqual(
    joints.map(({ name }) => name),
    ["slide", "turn"],
  );
  for (const name of ["wrist", "mount", "other_finger"]) {
    const wanted = { ...options, joints: [name] };
    assert.throws(() => robotFromUrdf(URDF, wanted), { code: "ERR_JOINT_MISSING", remedy: /turn, bend, slide/ });
  }
});

test("a joint without a speed limit is refused: nothing may be guessed that moves the arm", () => {
  const without = URDF.replace(' velocity="2"', "");
  assert.throws(() => robotFromUrdf(without, options), { code: "ERR_JOINT_MISSING", message: /'velocity'.*'bend'/ });
});

test("text that is no URDF is refused", () => {
  assert.throws(() => robotFromUrdf("<robot><joint></robot>", options), { code: "ERR_SYNTAX" });
  assert.throws(() => robotFromUrdf("<model/>", options), { code: "ERR_SYNTAX", message: /<robot>/ });
});
