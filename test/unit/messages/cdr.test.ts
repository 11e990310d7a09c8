import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  borrowSerialized,
  deserializeMessage,
  type Image,
  type JointState,
  messageSchema,
  ROS_TYPES,
  serializeMessage,
} from "../../../src/messages/index.ts";

const plainObjects = { noNullPrototype: true };
const text = fc.string({ unit: "grapheme", maxLength: 12 });
const header = fc.record(
  {
    stamp: fc.record({ sec: fc.integer(), nanosec: fc.nat(999_999_999) }, plainObjects),
    frame_id: text,
  },
  plainObjects,
);
const doubles = fc.array(fc.double(), { maxLength: 20 });

test("joint states of any names and values come back as they were", () => {
  const jointStates = fc.record(
    {
      header,
      name: fc.array(text, { maxLength: 8 }),
      position: doubles,
      velocity: doubles,
      effort: doubles,
    },
    plainObjects,
  );
  fc.assert(
    fc.property(jointStates, (message: JointState) => {
      const copy = deserializeMessage(
        "sensor_msgs/msg/JointState",
        serializeMessage("sensor_msgs/msg/JointState", message),
      );
      const { position, velocity, effort } = copy;
      assert.deepEqual(
        { ...copy, position: Array.from(position), velocity: Array.from(velocity), effort: Array.from(effort) },
        message,
      );
    }),
  );
});

test("typed arrays and plain ones give the same bytes at every length and alignment", () => {
  fc.assert(
    fc.property(text, fc.array(fc.double({ noNaN: true }), { maxLength: 30 }), (frame_id, values) => {
      const message = {
        header: { stamp: { sec: 0, nanosec: 0 }, frame_id },
        name: [frame_id],
        velocity: [],
        effort: [],
      };
      assert.deepEqual(
        serializeMessage("sensor_msgs/msg/JointState", { ...message, position: values }),
        serializeMessage("sensor_msgs/msg/JointState", { ...message, position: Float64Array.from(values) }),
      );
    }),
  );
});

test("strings count their UTF-8 bytes, whatever the script", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (data) => {
      const cdr = serializeMessage("std_msgs/msg/String", { data });
      assert.equal(new DataView(cdr.buffer).getUint32(4, true), Buffer.byteLength(data) + 1);
      assert.equal(deserializeMessage("std_msgs/msg/String", cdr).data, data);
    }),
  );
});

const image: Image = {
  header: { stamp: { sec: 1, nanosec: 2 }, frame_id: "camera" },
  height: 480,
  width: 640,
  encoding: "rgb8",
  is_bigendian: 0,
  step: 1920,
  data: Uint8Array.from({ length: 921_600 }, (_, i) => i % 251),
};

test("an image's pixels are read as a view of the message's bytes, not copied", () => {
  const cdr = serializeMessage("sensor_msgs/msg/Image", image);
  const { data } = deserializeMessage("sensor_msgs/msg/Image", cdr);
  assert.equal(data.buffer, cdr.buffer);
  assert.deepEqual(Buffer.compare(data, image.data), 0);
});

test("borrowed bytes share one buffer that the next call overwrites, serialized ones are their own", () => {
  const first = borrowSerialized("std_msgs/msg/Float32", { data: 1 });
  const own = serializeMessage("std_msgs/msg/Float32", { data: 2 });
  assert.deepEqual([...first], [...own]);
  borrowSerialized("std_msgs/msg/Float32", { data: 3 });
  assert.equal(deserializeMessage("std_msgs/msg/Float32", own).data, 2);
});

test("a message without one of its fields is refused with the field's name", () => {
  const { encoding: _, ...rest } = image;
  assert.throws(() => serializeMessage("sensor_msgs/msg/Image", rest as Image), {
    code: "ERR_MESSAGE_MALFORMED",
    message: /sensor_msgs\/msg\/Image.*'encoding'/,
  });
});

test("an array of another length than its definition fixes is refused", () => {
  const camera = {
    header: image.header,
    height: 1,
    width: 1,
    distortion_model: "plumb_bob",
    d: [],
    k: [1, 2, 3],
    r: new Float64Array(9),
    p: new Float64Array(12),
    binning_x: 0,
    binning_y: 0,
    roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
  };
  assert.throws(() => serializeMessage("sensor_msgs/msg/CameraInfo", camera), { message: /'k' has 3 elements, not 9/ });
});

test("bytes cut anywhere are refused, also when more memory lies behind them", () => {
  const whole = serializeMessage("sensor_msgs/msg/JointState", {
    header: image.header,
    name: ["a", "b"],
    position: [1, 2],
    velocity: [3, 4],
    effort: [5, 6],
  });
  const memory = new Uint8Array(4096).fill(1);
  memory.set(whole);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => deserializeMessage("sensor_msgs/msg/JointState", memory.subarray(0, length)),
      { code: "ERR_MESSAGE_MALFORMED", message: new RegExp(`in ${length} bytes`) },
      `${length} bytes`,
    );
  }
});

test("random bytes are either a message or refused, never another failure", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ROS_TYPES), fc.uint8Array({ maxLength: 200 }), (type, noise) => {
      const bytes = Uint8Array.of(0, 1, 0, 0, ...noise);
      try {
        deserializeMessage(type, bytes);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "ERR_MESSAGE_MALFORMED");
      }
    }),
    { numRuns: 300 },
  );
});

test("left-over bytes beyond alignment padding are refused: they mean another definition", () => {
  const cdr = serializeMessage("std_msgs/msg/Bool", { data: true });
  assert.equal(deserializeMessage("std_msgs/msg/Bool", Uint8Array.of(...cdr, 0, 0, 0)).data, true);
  assert.throws(
    () => deserializeMessage("std_msgs/msg/Bool", Uint8Array.of(...cdr, 0, 0, 0, 0)),
    /4 bytes are left over/,
  );
});

test("big-endian messages are read too", () => {
  assert.equal(deserializeMessage("std_msgs/msg/Float32", Uint8Array.of(0, 0, 0, 0, 0x3f, 0x80, 0, 0)).data, 1);
});

test("a schema holds the definition, then each dependency once, as ros2msg asks", () => {
  const parts = messageSchema("sensor_msgs/msg/CameraInfo").split(`\n${"=".repeat(80)}\n`);
  assert.match(parts[0]!, /^std_msgs\/Header header/m);
  assert.deepEqual(
    parts.slice(1).map((part) => part.split("\n")[0]),
    ["MSG: std_msgs/Header", "MSG: builtin_interfaces/Time", "MSG: sensor_msgs/RegionOfInterest"],
  );
  for (const type of ROS_TYPES) assert.ok(messageSchema(type).length > 0, type);
});
