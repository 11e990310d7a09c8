import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { calibrationHash } from "../../../src/cameras/index.ts";
import type { CameraModel } from "../../../src/core/camera.ts";
import type { Diagnosis, NodeContext } from "../../../src/core/node.ts";
import {
  type CameraInfo,
  cameraModelToMessage,
  type Image,
  makeHeader,
  type RosMessages,
} from "../../../src/messages/index.ts";
import { createCameraIngest } from "../../../src/nodes/camera-ingest.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const calibration: CameraModel = {
  name: "scene",
  width: 16,
  height: 16,
  K: [16, 0, 8, 0, 16, 8, 0, 0, 1],
  distortionModel: "plumb_bob",
  D: [0.1, 0, 0, 0, 0],
  R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  P: [16, 0, 8, 0, 0, 16, 8, 0, 0, 0, 1, 0],
};

function image(stamp: number, change: Partial<Image> = {}): Image {
  const header = makeHeader(BigInt(stamp), "optical");
  const data = new Uint8Array(16 * 16 * 3).fill(100);
  return { header, width: 16, height: 16, encoding: "rgb8", is_bigendian: 0, step: 48, data, ...change };
}

/** A camera node on a context whose topics a test speaks on. */
async function open(t: TestContext, calibrated: CameraModel | undefined) {
  const model = await writeSampleBundle(t, {
    change: ({ observation }) => {
      const [camera] = observation.cameras;
      if (calibrated) Object.assign(camera!, { calibrationSha256: calibrationHash(calibrated) });
    },
  });
  const heard = new Map<string, (message: unknown) => void>();
  const sent: Image[] = [];
  const logged: string[] = [];
  let report = (): Diagnosis => assert.fail("no diagnosis");
  const context = {
    clock: { monotonicNs: () => 0, rosNs: () => 1000n },
    log: { error: (message: string) => logged.push(message) },
    publisher: () => ({ dropped: 0, publish: (message: Image) => sent.push(structuredClone(message)) }),
    subscribe: (topic: string, _: string, onMessage: (message: unknown) => void) => heard.set(topic, onMessage),
    diagnose: (_: string, own: () => Diagnosis) => {
      report = own;
    },
  } as unknown as NodeContext<RosMessages>;
  const node = createCameraIngest(context, { model, camera: "scene", transport: "raw" });
  await node.configure();
  await node.activate();
  return {
    node,
    sent,
    logged,
    diagnosis: () => report(),
    see: (message: Image) => heard.get("scene/image_raw")?.(message),
    calibrate: (message: CameraInfo) => heard.get("scene/camera_info")?.(message),
  };
}

test("an image of an unknown encoding is refused by name, and the node says so until a good one comes", async (t) => {
  const { see, sent, logged, diagnosis } = await open(t, undefined);
  see(image(1, { encoding: "kinect9" }));
  assert.equal(diagnosis().level, "error");
  assert.match(diagnosis().message, /'kinect9'|"kinect9"/);
  see(image(2));
  assert.equal(sent.length, 1);
  assert.equal(diagnosis().level, "ok");
  assert.equal(logged.length, 1);
});

test("a camera that changes its size is refused with both sizes, and goes on when it changes back", async (t) => {
  const { see, sent, diagnosis } = await open(t, undefined);
  see(image(1));
  see(image(2, { width: 8, height: 8, step: 24, data: new Uint8Array(8 * 8 * 3) }));
  assert.match(diagnosis().message, /16\s?×\s?16.*8\s?×\s?8/);
  see(image(3));
  assert.deepEqual([sent.length, diagnosis().level], [2, "ok"]);
  assert.equal(diagnosis().values.refused, 1);
});

test("without the camera_info that the model was trained with, nothing is published and the reason is said", async (t) => {
  const { see, sent, calibrate, diagnosis } = await open(t, calibration);
  see(image(1));
  assert.deepEqual(sent, []);
  assert.match(diagnosis().message, /no scene\/camera_info/);
  calibrate(cameraModelToMessage(calibration, 0n, "optical"));
  see(image(2));
  assert.deepEqual([sent.length, diagnosis().level], [1, "ok"]);
});

test("a camera_info of another calibration, or of none, is refused and the images stay out", async (t) => {
  const { see, sent, calibrate, diagnosis } = await open(t, calibration);
  calibrate(cameraModelToMessage({ ...calibration, K: [17, ...calibration.K.slice(1)] }, 0n, "optical"));
  see(image(1));
  assert.equal(diagnosis().level, "error");
  calibrate({ ...cameraModelToMessage(calibration, 0n, "optical"), k: new Float64Array(9) });
  assert.match(diagnosis().message, /uncalibrated/);
  assert.deepEqual(sent, []);
});

test("a camera_info of another size than the images is an error that names both", async (t) => {
  const other = { ...calibration, width: 32, height: 32 };
  const { see, sent, calibrate, diagnosis } = await open(t, other);
  calibrate(cameraModelToMessage(other, 0n, "optical"));
  see(image(1));
  assert.deepEqual(sent, []);
  assert.match(diagnosis().message, /32\s?×\s?32.*16\s?×\s?16/);
});

test("an inactive camera node prepares itself with the first image and publishes none", async (t) => {
  const { node, see, sent, diagnosis } = await open(t, undefined);
  await node.deactivate();
  see(image(1));
  assert.deepEqual(sent, []);
  await node.activate();
  see(image(2));
  assert.equal(sent.length, 1);
  assert.equal(diagnosis().values.accepted, 1);
});
