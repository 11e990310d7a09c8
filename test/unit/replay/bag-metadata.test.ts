import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { LATCHED_QOS, SENSOR_QOS } from "../../../src/core/node.ts";
import { bagMetadataYaml } from "../../../src/replay/bag-metadata.ts";
import { offeredQosProfiles } from "../../../src/replay/offered-qos.ts";

test("metadata.yaml has the keys of rosbag2's layout, in its order, with nanoseconds exact", () => {
  const yaml = bagMetadataYaml({
    topics: [
      { name: "/joint_states", type: "sensor_msgs/msg/JointState", offeredQosProfiles: "- depth: 5", messageCount: 7n },
    ],
    files: [
      { path: "run_0.mcap", startNs: 1_766_000_000_123_456_789n, endNs: 1_766_000_002_000_000_001n, messageCount: 7n },
    ],
    customData: { session: "Übung" },
  });
  assert.equal(
    yaml,
    `rosbag2_bagfile_information:
  version: 8
  storage_identifier: mcap
  duration:
    nanoseconds: 1876543212
  starting_time:
    nanoseconds_since_epoch: 1766000000123456789
  message_count: 7
  topics_with_message_count:
    - topic_metadata:
        name: /joint_states
        type: sensor_msgs/msg/JointState
        serialization_format: cdr
        offered_qos_profiles: "- depth: 5"
        type_description_hash: ""
      message_count: 7
  compression_format: ""
  compression_mode: ""
  relative_file_paths:
    - run_0.mcap
  files:
    - path: run_0.mcap
      starting_time:
        nanoseconds_since_epoch: 1766000000123456789
      duration:
        nanoseconds: 1876543212
      message_count: 7
  custom_data:
    session: Übung
  ros_distro: unknown
`,
  );
});

test("an empty bag starts at 0 and lasts no time", () => {
  const file = { path: "a.mcap", startNs: 0n, endNs: 0n, messageCount: 0n };
  const { rosbag2_bagfile_information: information } = parse(
    bagMetadataYaml({ topics: [], files: [file], customData: {} }),
  );
  assert.deepEqual([information.duration.nanoseconds, information.message_count], [0, 0]);
});

test("QoS profiles are YAML with rmw's numbers, as every distribution since Humble reads them", () => {
  const infinite = { sec: 9223372036, nsec: 854775807 };
  const [latched] = parse(offeredQosProfiles(LATCHED_QOS));
  assert.deepEqual(latched, {
    history: 1,
    depth: 1,
    reliability: 1,
    durability: 1,
    deadline: infinite,
    lifespan: infinite,
    liveliness: 1,
    liveliness_lease_duration: infinite,
    avoid_ros_namespace_conventions: false,
  });
  const [sensor] = parse(offeredQosProfiles(SENSOR_QOS));
  assert.deepEqual([sensor.depth, sensor.reliability, sensor.durability], [5, 2, 2]);
});
