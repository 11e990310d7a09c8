import assert from "node:assert/strict";
import { test } from "node:test";
import { JointHistory } from "../../../../src/nodes/world-model/joint-history.ts";
import { ObservationAssembler } from "../../../../src/nodes/world-model/observation-assembler.ts";

const MS = 1_000_000n;
const image = (stampMs: number) => ({
  width: 1,
  height: 1,
  data: Uint8Array.of(stampMs),
  stampNs: BigInt(stampMs) * MS,
  arrivalNs: (stampMs + 3) * 1e6,
});
const joints = (stampMs: number) => ({
  positions: Float64Array.of(stampMs),
  velocities: Float64Array.of(0),
  stampNs: BigInt(stampMs) * MS,
  arrivalNs: (stampMs + 1) * 1e6,
});
const assembler = (cameras: string[]) =>
  new ObservationAssembler({
    cameras,
    proprioceptionSize: 2,
    readProprioception: (positions, _, lastAction, out) => out.set([positions[0]!, lastAction[0]!]),
    pairingToleranceNs: 20n * MS,
  });

test("an image meets the joints of its own instant, not the newest ones", () => {
  const subject = assembler(["scene"]);
  for (const stampMs of [0, 10, 20, 30, 40]) subject.addJointState(joints(stampMs));
  subject.addImage("scene", image(18));
  const observation = subject.take(() => [0.5]);
  assert.deepEqual([...(observation?.proprioception ?? [])], [20, 0.5]);
  assert.equal(observation?.stampNs, 18n * MS);
  assert.equal(observation?.arrivalNs, 21e6);
});

test("a camera that stopped ends the observations", () => {
  const subject = assembler(["scene", "wrist"]);
  subject.addJointState(joints(0));
  subject.addImage("scene", image(0));
  subject.addImage("wrist", image(5));
  assert.ok(subject.take(() => [0]));
  subject.addImage("scene", image(10));
  assert.equal(subject.isComplete, false);
  assert.equal(
    subject.take(() => [0]),
    undefined,
  );
});

test("images that lie too far apart wait for a newer one of the camera that lags", () => {
  const subject = assembler(["scene", "wrist"]);
  subject.addJointState(joints(100));
  subject.addImage("scene", image(60));
  subject.addImage("wrist", image(100));
  assert.equal(
    subject.take(() => [0]),
    undefined,
  );
  assert.equal(subject.unpaired, 1);
  subject.addImage("scene", image(101));
  assert.ok(subject.take(() => [0]));
});

test("no joint state near the image, no observation", () => {
  const subject = assembler(["scene"]);
  subject.addJointState(joints(0));
  subject.addImage("scene", image(50));
  assert.equal(
    subject.take(() => [0]),
    undefined,
  );
});

test("a late joint state is left out, and a clock that was set back starts a new history", () => {
  const history = new JointHistory(3);
  history.push(joints(5000));
  history.push(joints(4990));
  assert.equal(history.nearest(4990n * MS, 1n * MS), undefined);
  history.push(joints(100));
  assert.equal(history.nearest(5000n * MS, 10n * MS), undefined);
  assert.equal(history.nearest(100n * MS, 0n)?.positions[0], 100);
});
