import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { deserialize, serialize } from "node:v8";
import { MODERATE_RANDOMIZATION } from "../../../src/sim/domain-shift.ts";
import type { EnvironmentState } from "../../../src/sim/environment.ts";
import { createEnvironment } from "../../../src/sim/index.ts";

/** What another process does with a state: continues it, and prints where it ends. */
const CONTINUE = `
  const [{ createEnvironment }, { serialize, deserialize }] = await Promise.all([import(process.argv[1]), import("node:v8")]);
  const { state, actions } = deserialize(Buffer.from(process.argv[2], "base64"));
  const environment = await createEnvironment(state.task);
  environment.restoreState(state);
  for (const action of actions) environment.step(action);
  const image = new Uint8Array(64 * 64 * 3);
  environment.renderInto("scene", image);
  process.stdout.write(serialize({ state: environment.saveState(), image }).toString("base64"));
`;

test("a state saved in one process continues in another to the same bytes, picture included", async () => {
  const simulator = new URL("../../../src/sim/index.js", import.meta.url).href;
  for (const task of ["arm-push", "finger-spin"]) {
    using environment = await createEnvironment(task, { randomization: MODERATE_RANDOMIZATION, seed: 3 });
    const dimension = environment.actionSpace.dimensions.length;
    const actions = Array.from({ length: 15 }, (_, k) =>
      Float32Array.from({ length: dimension }, (_, i) => Math.sin(k + 2 * i)),
    );
    for (const action of actions) environment.step(action);
    const message = serialize({ state: environment.saveState(), actions }).toString("base64");
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--input-type=module",
      "--eval",
      CONTINUE,
      simulator,
      message,
    ]);
    const there = deserialize(Buffer.from(stdout, "base64")) as { state: EnvironmentState; image: Uint8Array };
    for (const action of actions) environment.step(action);
    const image = new Uint8Array(64 * 64 * 3);
    environment.renderInto("scene", image);
    assert.deepEqual(there.state, environment.saveState());
    assert.deepEqual(there.image, image);
  }
});
