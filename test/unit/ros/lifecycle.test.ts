import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LifecycleNode } from "../../../src/core/node.ts";
import { Lifecycle } from "../../../src/ros/lifecycle.ts";
import { REQUESTS, STATES, TRANSITIONS } from "../../../src/ros/lifecycle-graph.ts";

type Hook = keyof LifecycleNode;

/** A node that notes its hooks; those in `failing` throw. */
function rehearse(failing: readonly Hook[] = []) {
  const calls: string[] = [];
  const errors: string[] = [];
  const states: string[] = [];
  const hook = (name: Hook) => async () => {
    calls.push(name);
    if (failing.includes(name)) throw new Error(`${name} failed`);
  };
  const node: LifecycleNode = {
    configure: hook("configure"),
    activate: hook("activate"),
    deactivate: hook("deactivate"),
    cleanup: hook("cleanup"),
  };
  const lifecycle = new Lifecycle({
    create: () => node,
    release: () => calls.push("release"),
    onTransition: ({ to }) => states.push(to),
    onError: (_, thrown) => errors.push((thrown as Error).message),
  });
  return { lifecycle, calls, errors, states };
}

test("a node goes up to active and back, each hook once and in order", async () => {
  const { lifecycle, calls, states } = rehearse();
  for (const label of ["configure", "activate", "deactivate", "cleanup"])
    assert.equal(await lifecycle.request({ label }), true);
  assert.deepEqual(calls, ["configure", "activate", "deactivate", "cleanup", "release"]);
  assert.deepEqual(states, [
    "configuring",
    "inactive",
    "activating",
    "active",
    "deactivating",
    "inactive",
    "cleaningup",
    "unconfigured",
  ]);
});

test("a transition that the state does not have is refused and changes nothing", async () => {
  const { lifecycle, calls } = rehearse();
  await assert.rejects(lifecycle.request({ label: "activate" }), { code: "ERR_LIFECYCLE" });
  assert.equal(lifecycle.state, "unconfigured");
  assert.deepEqual(calls, []);
});

test("no second transition begins while a hook runs", async () => {
  const { lifecycle } = rehearse();
  const first = lifecycle.request({ label: "configure" });
  await assert.rejects(lifecycle.request({ label: "configure" }), { code: "ERR_LIFECYCLE" });
  assert.equal(await first, true);
});

test("a throw while activating brings the node to rest, cleans it up and ends in unconfigured", async () => {
  const { lifecycle, calls, errors, states } = rehearse(["activate"]);
  await lifecycle.request({ label: "configure" });
  assert.equal(await lifecycle.request({ label: "activate" }), false);
  assert.equal(lifecycle.state, "unconfigured");
  assert.deepEqual(calls.slice(1), ["activate", "deactivate", "cleanup", "release"]);
  assert.deepEqual(errors, ["activate failed"]);
  assert.deepEqual(states.slice(-3), ["activating", "errorprocessing", "unconfigured"]);
});

test("a throw while configuring cleans up what was begun and can be tried again", async () => {
  const failing: Hook[] = ["configure"];
  const { lifecycle, calls } = rehearse(failing);
  assert.equal(await lifecycle.request({ label: "configure" }), false);
  assert.deepEqual(calls, ["configure", "cleanup", "release"]);
  failing.pop();
  assert.equal(await lifecycle.request({ label: "configure" }), true);
});

test("a node that cannot be cleaned up after an error is finalized", async () => {
  const { lifecycle } = rehearse(["activate", "cleanup"]);
  await lifecycle.request({ label: "configure" });
  await lifecycle.request({ label: "activate" });
  assert.equal(lifecycle.state, "finalized");
});

test("shutdown waits for the running transition and brings an active node to rest first", async () => {
  const { lifecycle, calls } = rehearse();
  await lifecycle.request({ label: "configure" });
  const activating = lifecycle.request({ label: "activate" });
  await lifecycle.shutdown();
  assert.equal(await activating, true);
  assert.deepEqual(calls.slice(-3), ["deactivate", "cleanup", "release"]);
  assert.equal(lifecycle.state, "finalized");
});

test("whatever is asked in whatever order, an activated node is always deactivated before it is cleaned up", async () => {
  const labels = fc.array(fc.constantFrom(...REQUESTS.map(({ label }) => label)), { maxLength: 12 });
  const failing = fc.subarray<Hook>(["configure", "activate", "deactivate", "cleanup"]);
  await fc.assert(
    fc.asyncProperty(labels, failing, async (wanted, fails) => {
      const { lifecycle, calls } = rehearse(fails);
      for (const label of wanted) await lifecycle.request({ label }).catch(() => undefined);
      let live = false;
      for (const call of calls) {
        if (call === "activate") live = true;
        if (call === "deactivate") live = false;
        if (call === "cleanup") assert.equal(live, false, calls.join(" "));
      }
      assert.ok(["unconfigured", "inactive", "active", "finalized"].includes(lifecycle.state));
    }),
  );
});

test("the numbers are those of lifecycle_msgs", () => {
  assert.deepEqual([STATES.unconfigured, STATES.inactive, STATES.active, STATES.finalized], [1, 2, 3, 4]);
  const ids = TRANSITIONS.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    REQUESTS.map(({ id, label }) => [id, label]),
    [
      [1, "configure"],
      [2, "cleanup"],
      [3, "activate"],
      [4, "deactivate"],
      [5, "shutdown"],
      [6, "shutdown"],
      [7, "shutdown"],
    ],
  );
});
