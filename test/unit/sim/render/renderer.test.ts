import assert from "node:assert/strict";
import { PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { cameraIntrinsics } from "../../../../src/sim/camera-intrinsics.ts";
import { createEnvironment } from "../../../../src/sim/index.ts";
import { Physics } from "../../../../src/sim/physics.ts";
import { Renderer } from "../../../../src/sim/render/renderer.ts";
import { PhysicsScene } from "../../../../src/sim/render/scene.ts";

const WIDTH = 160;
const HEIGHT = 120;
const FOVY = 50;

/** Draws a world seen by a camera at the origin that looks along +x, with z up. */
async function picture(geoms: string, options: { light?: string; shadows?: boolean } = {}): Promise<Uint8Array> {
  using physics = await Physics.compile(`
    <mujoco>
      <worldbody>
        <camera name="c" pos="0 0 0" xyaxes="0 -1 0 0 0 1" fovy="${FOVY}"/>
        <light dir="${options.light ?? "1 0 0"}" diffuse="0.6 0.6 0.6" ambient="0.4 0.4 0.4"/>
        ${geoms}
      </worldbody>
    </mujoco>`);
  const out = new Uint8Array(WIDTH * HEIGHT * 3);
  new Renderer(WIDTH, HEIGHT, { shadows: options.shadows ?? false }).render(new PhysicsScene(physics), 0, out);
  return out;
}

const pixel = (image: Uint8Array, x: number, y: number) => [
  ...image.subarray(3 * (y * WIDTH + x), 3 * (y * WIDTH + x) + 3),
];

/** Centre of mass and count of the pixels whose red is much more than their blue. */
function redBlob(image: Uint8Array): { x: number; y: number; count: number } {
  let [x, y, count] = [0, 0, 0];
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    if (image[3 * i]! < 2 * image[3 * i + 2]!) continue;
    x += i % WIDTH;
    y += Math.floor(i / WIDTH);
    count++;
  }
  return { x: x / count, y: y / count, count };
}

test("a ball appears where the camera's intrinsics project it, to a tenth of a pixel", async () => {
  const [fx = 0, , cx = 0, , fy = 0, cy = 0] = cameraIntrinsics("c", FOVY, WIDTH, HEIGHT).K;
  for (const [left, up] of [
    [0, 0],
    [0.113, -0.071],
    [-0.2, 0.15],
  ] as const) {
    const blob = redBlob(await picture(`<geom size="0.1" pos="2 ${left} ${up}" rgba="0.9 0.1 0.1 1"/>`));
    assert.ok(Math.abs(blob.x - (cx - (fx * left) / 2)) < 0.1, `x ${blob.x}`);
    assert.ok(Math.abs(blob.y - (cy - (fy * up) / 2)) < 0.1, `y ${blob.y}`);
  }
});

test("a ball covers the disc of the cone that touches it, to 3 %", async () => {
  const [focal = 0] = cameraIntrinsics("c", FOVY, WIDTH, HEIGHT).K;
  const { count } = redBlob(await picture(`<geom size="0.2" pos="2 0 0" rgba="0.9 0.1 0.1 1"/>`));
  const radiusPx = (focal * 0.2) / Math.sqrt(2 ** 2 - 0.2 ** 2);
  assert.ok(Math.abs(count / (Math.PI * radiusPx ** 2) - 1) < 0.03, `${count} pixels`);
});

test("moving a box by a quarter of a pixel moves its edge by a quarter of a pixel on average over rows", async () => {
  const focal = cameraIntrinsics("c", FOVY, WIDTH, HEIGHT).K[0]!;
  const meanX = async (shiftPx: number) => {
    const turned = `euler="10 0 0"`; // a slanted edge crosses pixel centres at many phases
    const left = (-shiftPx * 1.9) / focal; // the front face is 1.9 m away
    return redBlob(await picture(`<geom type="box" size="0.1 0.3 0.3" pos="2 ${left} 0" ${turned} rgba="1 0 0 1"/>`)).x;
  };
  assert.ok(Math.abs((await meanX(0.25)) - (await meanX(0)) - 0.25) < 0.02);
});

test("nearer things hide farther ones, in whatever order they are drawn", async () => {
  const near = `<geom type="box" size="0.01 0.2 0.2" pos="1 0 0" rgba="1 0 0 1"/>`;
  const far = `<geom type="box" size="0.01 0.6 0.6" pos="2 0 0" rgba="0 0 1 1"/>`;
  const image = await picture(near + far);
  assert.deepEqual(image, await picture(far + near));
  assert.deepEqual(pixel(image, WIDTH / 2, HEIGHT / 2), [255, 0, 0]);
  assert.deepEqual(pixel(image, WIDTH / 2 + 35, HEIGHT / 2), [0, 0, 255]);
});

test("light falls by Lambert's cosine law on top of the ambient light", async () => {
  const wall = `<geom type="box" size="0.01 1 1" pos="2 0 0" rgba="1 1 1 1"/>`;
  const facing = await picture(wall);
  const slanted = await picture(wall, { light: "1 1 0" });
  const away = await picture(wall, { light: "-1 0 0" });
  assert.deepEqual(pixel(facing, 80, 60), [255, 255, 255]);
  const level = Math.floor(255 * (0.4 + 0.6 * Math.SQRT1_2) + 0.5);
  assert.deepEqual(pixel(slanted, 80, 60), [level, level, level]);
  assert.deepEqual(pixel(away, 80, 60), [102, 102, 102]);
});

test("a surface behind a caster gets the ambient light alone, one beside it all, and none shades itself", async () => {
  const scene = `
    <geom type="box" size="0.01 2 2" pos="3 0 0" rgba="1 1 1 1"/>
    <geom type="box" size="0.01 0.1 0.1" pos="2 0 1.2" rgba="1 1 1 1"/>`;
  const image = await picture(scene, { light: "1 0 -1", shadows: true }); // the shadow falls one metre lower: at 0.2 m
  const unshaded = await picture(scene, { light: "1 0 -1" });
  const focal = cameraIntrinsics("c", FOVY, WIDTH, HEIGHT).K[0]!;
  const row = Math.round(HEIGHT / 2 - (focal * 0.2) / 3);
  assert.deepEqual(pixel(image, WIDTH / 2, row), [102, 102, 102]);
  assert.deepEqual(pixel(image, WIDTH / 2 + 30, row), pixel(unshaded, WIDTH / 2 + 30, row));
  let shaded = 0; // in whole pixels: the edge is soft
  for (let i = 0; i < image.length; i += 3) shaded += (unshaded[i]! - image[i]!) / (pixel(unshaded, 80, row)[0]! - 102);
  const expected = focal ** 2 * ((0.2 * 0.22) / 9); // the caster is 0.02 m thick
  assert.ok(Math.abs(shaded / expected - 1) < 0.1, `${shaded} of ${expected} pixels`);
});

test("curved surfaces carry no shadow of their own on the lit side", async () => {
  const ball = `<geom size="0.3" pos="2 0 0" rgba="1 1 1 1"/>`;
  assert.deepEqual(await picture(ball, { shadows: true }), await picture(ball));
});

test("a plane that passes under the camera is cut at the near plane and reaches the horizon", async () => {
  const image = await picture(`<geom type="plane" size="0 0 1" pos="0 0 -0.5" rgba="0 1 0 1"/>`, { light: "0 0 -1" });
  for (let x = 0; x < WIDTH; x++) {
    assert.deepEqual(pixel(image, x, HEIGHT - 1), [0, 255, 0]);
    assert.deepEqual(pixel(image, x, HEIGHT / 2 + 2), [0, 255, 0]);
    assert.notDeepEqual(pixel(image, x, HEIGHT / 2 - 1), [0, 255, 0]);
  }
});

test("a checkered plane shows its two colours nearby and their mean far away", async () => {
  using physics = await Physics.compile(`
    <mujoco>
      <asset>
        <texture name="t" type="2d" builtin="checker" rgb1="0 0 0" rgb2="1 1 1" width="2" height="2"/>
        <material name="m" texture="t" texrepeat="1 1" texuniform="true"/>
      </asset>
      <worldbody>
        <camera pos="0 0 1" xyaxes="0 -1 0 0.3 0 1"/><light dir="0 0 -1" diffuse="0.5 0.5 0.5" ambient="0.5 0.5 0.5"/>
        <geom type="plane" size="400 400 1" material="m"/>
      </worldbody>
    </mujoco>`);
  const image = new Uint8Array(WIDTH * HEIGHT * 3);
  new Renderer(WIDTH, HEIGHT, { shadows: false }).render(new PhysicsScene(physics), 0, image);
  const row = (y: number) => Array.from({ length: WIDTH }, (_, x) => pixel(image, x, y)[0]!);
  const near = row(HEIGHT - 1);
  assert.ok(near.includes(0) && near.includes(255));
  const horizon = row(
    Array.from({ length: HEIGHT }, (_, y) => y).find((y) => pixel(image, 0, y)[0] === pixel(image, 0, y)[2])!,
  );
  assert.ok(
    horizon.every((level) => Math.abs(level - 128) <= 1),
    `${Math.min(...horizon)} to ${Math.max(...horizon)}`,
  );
});

test("drawing allocates nothing: once compiled, many frames pass without a garbage collection", async () => {
  using environment = await createEnvironment("walker-walk", { imageSizes: { scene: { width: 320, height: 240 } } });
  const out = new Uint8Array(320 * 240 * 3);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  let quietBatches = 0;
  for (let batch = 0; batch < 60 && quietBatches < 2; batch++) {
    collections = 0;
    for (let frame = 0; frame < 25; frame++) environment.renderInto("scene", out); // 16 bytes a pixel would be 30 MB
    await new Promise((resolve) => setImmediate(resolve));
    quietBatches = collections === 0 ? quietBatches + 1 : 0;
  }
  observer.disconnect();
  assert.equal(quietBatches, 2);
});

test("geoms of alpha 0 and of hidden groups are not drawn", async () => {
  const empty = await picture("");
  assert.deepEqual(await picture(`<geom size="0.3" pos="2 0 0" rgba="1 0 0 0"/>`), empty);
  assert.deepEqual(await picture(`<geom size="0.3" pos="2 0 0" group="3"/>`), empty);
});

test("an output of another size is refused", async () => {
  using physics = await Physics.compile(`<mujoco><worldbody><camera/><light/></worldbody></mujoco>`);
  const renderer = new Renderer(4, 3, { shadows: false });
  assert.throws(() => renderer.render(new PhysicsScene(physics), 0, new Uint8Array(35)), {
    code: "ERR_SHAPE_MISMATCH",
    message: /Expected 36 bytes for a 4 × 3 image but received 35/,
  });
  assert.throws(() => new Renderer(0, 3, { shadows: false }), { code: "ERR_INVALID_ARGUMENT" });
});
