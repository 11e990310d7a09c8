import assert from "node:assert/strict";
import { test } from "node:test";
import { FrozenImages } from "../../../src/learning/surprise/frozen-images.ts";

const FEATURES = [
  { name: "elbow.position", scale: 2 },
  { name: "elbow.velocity", scale: 1 },
];
const picture = (value: number) => ({ scene: new Uint8Array(12).fill(value) });
const at = (position: number, velocity = 0) => Float32Array.of(position / 2, velocity);

test("a picture that is the same to the byte while a joint moved is frozen; one that changes is not", () => {
  const frozen = new FrozenImages(FEATURES, 0.1);
  assert.equal(frozen.check(picture(1), at(0)), undefined);
  assert.equal(frozen.check(picture(1), at(0.09)), undefined);
  assert.equal(frozen.check(picture(1), at(0.11)), "scene");
  assert.equal(frozen.check(picture(2), at(0.5)), undefined);
  assert.equal(frozen.check(picture(2), at(0.55)), undefined);
});

test("slow motion adds up from the first time a picture came", () => {
  const frozen = new FrozenImages(FEATURES, 0.1);
  const steps = Array.from({ length: 8 }, (_, i) => frozen.check(picture(1), at(0.02 * i)));
  assert.deepEqual(steps.slice(0, 5), Array(5).fill(undefined));
  assert.equal(steps[7], "scene");
});

test("a robot that stands still may see the same picture for ever, whatever its velocity sensor says", () => {
  const frozen = new FrozenImages(FEATURES, 0.1);
  for (let i = 0; i < 50; i++) assert.equal(frozen.check(picture(1), at(0, i)), undefined);
});

test("one camera of two may freeze", () => {
  const frozen = new FrozenImages(FEATURES, 0.1);
  const pictures = (i: number) => ({ left: new Uint8Array(3).fill(i), right: new Uint8Array(3) });
  assert.equal(frozen.check(pictures(0), at(0)), undefined);
  assert.equal(frozen.check(pictures(1), at(1)), "right");
});

test("the caller may reuse its image: what is kept is a copy", () => {
  const frozen = new FrozenImages(FEATURES, 0.1);
  const image = picture(1);
  assert.equal(frozen.check(image, at(0)), undefined);
  image.scene.fill(2);
  assert.equal(frozen.check(image, at(1)), undefined);
});
