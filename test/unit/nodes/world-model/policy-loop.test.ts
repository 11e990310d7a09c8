import assert from "node:assert/strict";
import { test } from "node:test";
import { LatentloopError } from "../../../../src/core/errors.ts";
import { LoopRig } from "./loop-rig.ts";

const LOST = new LatentloopError("ERR_INFERENCE_LOST", "The inference thread ended unasked: a fault.");

test("a joint state that is not finite makes no observation and is counted; the next one is stepped from", async () => {
  const rig = new LoopRig();
  await rig.see();
  await rig.see([0, Number.NaN]);
  await rig.see([Number.POSITIVE_INFINITY, 0]);
  assert.equal(rig.steps, 1);
  assert.equal(rig.diagnosis.values.not_finite, 2);
  await rig.see();
  assert.equal(rig.steps, 2);
});

test("a step that fails is an error, said once, until a step makes a plan", async () => {
  const rig = new LoopRig();
  await rig.see();
  assert.deepEqual([rig.diagnosis.level, rig.diagnosis.message], ["ok", "planning"]);
  const failWith = (sentence: string) => {
    rig.step = () => Promise.reject(new LatentloopError("ERR_INFERENCE_FAILED", sentence));
  };
  failWith("Graph 'act' failed: no device.");
  for (let i = 0; i < 5; i++) await rig.see();
  assert.deepEqual(
    [rig.diagnosis.level, rig.diagnosis.message],
    ["error", "the last policy step failed: Graph 'act' failed: no device."],
  );
  assert.equal(rig.log.length, 1);
  failWith("Graph 'act' failed: no memory.");
  for (let i = 0; i < 5; i++) await rig.see();
  assert.equal(rig.log.length, 2);
  rig.step = async () => undefined;
  await rig.see();
  assert.equal(rig.diagnosis.level, "error");
  rig.step = async () => rig.plan();
  await rig.see();
  assert.deepEqual([rig.diagnosis.level, rig.diagnosis.message], ["ok", "planning"]);
  assert.deepEqual(rig.log.slice(2), ["info: Policy steps succeed again."]);
});

test("a step that does not end is told from observations that do not come", async () => {
  const rig = new LoopRig();
  await rig.see();
  rig.nowNs += 2e9;
  assert.equal(rig.diagnosis.message, "no observations arrive");
  rig.step = () => new Promise(() => {});
  await rig.see();
  for (let i = 0; i < 20; i++) await rig.see();
  assert.deepEqual(
    [rig.diagnosis.level, rig.diagnosis.message],
    ["error", "a policy step began 2.0 s ago and has not ended"],
  );
});

test("plans that are late again and again are an error", async () => {
  const rig = new LoopRig();
  await rig.see();
  rig.step = async () => undefined;
  await rig.see();
  await rig.see();
  assert.equal(rig.diagnosis.level, "ok");
  await rig.see();
  assert.deepEqual([rig.diagnosis.level, rig.diagnosis.message], ["error", "the last 3 plans were too late"]);
});

test("a live model whose inference thread ended is brought back once at a time, and goes on from its last plan", async () => {
  const rig = new LoopRig();
  await rig.see();
  let revivals = 0;
  let letBack = () => {};
  const asked = new Promise<void>((askedFor) => {
    rig.revive = () => {
      revivals++;
      askedFor();
      return new Promise((back) => {
        letBack = back;
      });
    };
  });
  rig.step = () => Promise.reject(LOST);
  for (let i = 0; i < 3; i++) await rig.see();
  await asked;
  for (let i = 0; i < 3; i++) await rig.see();
  assert.equal(revivals, 1);
  assert.match(rig.diagnosis.message, /ended unasked/);
  rig.step = async () => rig.plan();
  letBack();
  await new Promise(setImmediate);
  assert.deepEqual(rig.continuedFrom, [1]);
  await rig.see();
  assert.equal(rig.diagnosis.message, "planning");
  assert.deepEqual(rig.log, [
    "error: A policy step failed: the robot goes on with its last plan and then halts.",
    "warn: The inference thread was started again; the model's belief begins anew.",
    "info: Policy steps succeed again.",
  ]);
});
