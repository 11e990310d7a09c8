import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { LATCHED_QOS, SENSOR_QOS } from "../../../src/core/node.ts";
import { CallbackGuard } from "../../../src/ros/callback-guard.ts";
import { checkEnvironment } from "../../../src/ros/load-rclnodejs.ts";
import { matchPublishers, qosToRcl } from "../../../src/ros/qos.ts";
import { type Rcl, RMW } from "../../../src/ros/rclnodejs.ts";
import { typeClassOf } from "../../../src/ros/type-class.ts";

const endpoint = (reliability: keyof typeof RMW.reliability, durability: keyof typeof RMW.durability) => ({
  node_name: "camera",
  topic_type: "sensor_msgs/msg/Image",
  qos_profile: { reliability: RMW.reliability[reliability], durability: RMW.durability[durability] },
});

test("without ROS 2 sourced the binding is refused with the way out", () => {
  assert.throws(() => checkEnvironment({}), { code: "ERR_ROS_NOT_SOURCED", remedy: /setup\.bash.*latentloop up/ });
});

test("in a worker thread, where its spinning crashes, the binding is refused", async () => {
  const program = `
    import { parentPort } from "node:worker_threads";
    import { loadRclnodejs } from ${JSON.stringify(new URL("../../../src/ros/load-rclnodejs.js", import.meta.url).href)};
    await loadRclnodejs().catch(({ code, message }) => parentPort.postMessage({ code, message }));`;
  const env = { AMENT_PREFIX_PATH: "/opt/ros/humble", ROS_DISTRO: "humble" };
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { env });
  const [{ code, message }] = await once(worker, "message");
  assert.equal(code, "ERR_ROS_BINDING");
  assert.match(message, /main thread/);
  await worker.terminate();
});

test("a distribution that the binding does not support is refused by name", () => {
  const environment = { AMENT_PREFIX_PATH: "/opt/ros/foxy", ROS_DISTRO: "foxy" };
  assert.throws(() => checkEnvironment(environment), { code: "ERR_ROS_DISTRIBUTION", message: /'foxy'/ });
  checkEnvironment({ ...environment, ROS_DISTRO: "humble" });
});

test("a subscription asks for nothing that its publishers do not offer, and for latched messages while one latches", () => {
  const publishers = [endpoint("reliable", "transient_local"), endpoint("best_effort", "transient_local")];
  assert.deepEqual(matchPublishers(LATCHED_QOS, publishers), { ...LATCHED_QOS, reliability: "best_effort" });
  assert.deepEqual(matchPublishers(LATCHED_QOS, [endpoint("reliable", "volatile")]), {
    ...LATCHED_QOS,
    durability: "volatile",
  });
  const mixed = [endpoint("reliable", "volatile"), endpoint("reliable", "transient_local")];
  assert.deepEqual(matchPublishers(LATCHED_QOS, mixed), LATCHED_QOS);
});

test("a subscription never asks for more than its node wanted, and keeps its wish without publishers", () => {
  assert.deepEqual(matchPublishers(SENSOR_QOS, [endpoint("reliable", "transient_local")]), SENSOR_QOS);
  assert.deepEqual(matchPublishers(LATCHED_QOS, []), LATCHED_QOS);
});

test("queues are deep enough for a binding that takes one message per wake-up; a latched depth stays", () => {
  const depths: number[] = [];
  const rcl = {
    QoS: class {
      constructor(_history: number, depth: number) {
        depths.push(depth);
      }
    },
  } as unknown as Rcl;
  qosToRcl(rcl, SENSOR_QOS);
  qosToRcl(rcl, LATCHED_QOS);
  assert.deepEqual(depths, [10, 1]);
});

test("a throw in a callback ends in the log and the diagnostics, once for each kind", () => {
  const logged: string[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (message: string) => logged.push(message) };
  const guard = new CallbackGuard("control", log);
  const fail = () => {
    throw new Error("no joint 'wrist'");
  };
  guard.run("a message on 'joint_states'", fail);
  guard.run("a message on 'joint_states'", fail);
  assert.deepEqual(logged, ["Node 'control' threw on a message on 'joint_states': no joint 'wrist'"]);
  assert.deepEqual(guard.diagnosis(), {
    level: "error",
    message: "a message on 'joint_states': no joint 'wrist'",
    values: { callback_errors: 2 },
  });
});

test("a type's class holds its name and nothing else", () => {
  assert.deepEqual(typeClassOf("latentloop_msgs/msg/Plan").type(), {
    pkgName: "latentloop_msgs",
    subFolder: "msg",
    interfaceName: "Plan",
  });
});
