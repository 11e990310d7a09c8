import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SUBPIXELS, TriangleCoverage } from "../../../../src/sim/render/triangle.ts";

const SIZE = 24;
const coordinate = fc.integer({ min: -4 * SUBPIXELS, max: (SIZE + 4) * SUBPIXELS });
const point = fc.tuple(coordinate, coordinate);
type Point = readonly [x: number, y: number];

/** Adds one to every pixel that the triangle covers, whichever way round it is given. */
function paint(counts: Uint8Array, a: Point, b: Point, c: Point): void {
  const coverage = new TriangleCoverage();
  const [ax, ay] = a;
  const turned = (b[0] - ax) * (c[1] - ay) - (c[0] - ax) * (b[1] - ay) < 0;
  const [q, r] = turned ? [c, b] : [b, c];
  if (!coverage.setUp(ax, ay, q[0], q[1], r[0], r[1], SIZE, SIZE)) return;
  for (let y = coverage.minY; y <= coverage.maxY; y++) {
    coverage.span(y);
    for (let x = coverage.first; x <= coverage.last; x++) counts[y * SIZE + x]!++;
  }
}

test("triangles that share edges cover each pixel centre of the square exactly once", () => {
  const half = SUBPIXELS / 2; // corners on pixel centres: every border is a tie
  const corners: Point[] = [
    [half, half],
    [(SIZE - 1) * SUBPIXELS + half, half],
    [(SIZE - 1) * SUBPIXELS + half, (SIZE - 1) * SUBPIXELS + half],
    [half, (SIZE - 1) * SUBPIXELS + half],
  ];
  const inside = fc.integer({ min: half, max: (SIZE - 1) * SUBPIXELS + half });
  fc.assert(
    fc.property(inside, inside, (x, y) => {
      const counts = new Uint8Array(SIZE * SIZE);
      corners.forEach((corner, i) => {
        paint(counts, [x, y], corner, corners[(i + 1) % 4]!);
      });
      for (let row = 0; row < SIZE; row++) {
        for (let column = 0; column < SIZE; column++) {
          const expected = row < SIZE - 1 && column < SIZE - 1 ? 1 : 0; // right and bottom borders belong elsewhere
          assert.equal(counts[row * SIZE + column], expected, `pixel ${column}, ${row}`);
        }
      }
    }),
  );
});

test("a pixel is covered exactly when its centre is inside", () => {
  fc.assert(
    fc.property(point, point, point, (a, b, c) => {
      const counts = new Uint8Array(SIZE * SIZE);
      paint(counts, a, b, c);
      const side = (p: Point, q: Point, x: number, y: number) =>
        (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
      const turn = Math.sign(side(a, b, c[0], c[1]));
      for (let i = 0; i < counts.length; i++) {
        const x = ((i % SIZE) + 0.5) * SUBPIXELS;
        const y = (Math.floor(i / SIZE) + 0.5) * SUBPIXELS;
        const sides = [side(a, b, x, y), side(b, c, x, y), side(c, a, x, y)].map((s) => s * turn);
        if (turn !== 0 && sides.every((s) => s > 0)) assert.equal(counts[i], 1);
        if (turn === 0 || sides.some((s) => s < 0)) assert.equal(counts[i], 0);
      }
    }),
  );
});

test("a triangle turned away covers nothing", () => {
  const coverage = new TriangleCoverage();
  assert.equal(coverage.setUp(0, 0, 0, 4096, 4096, 0, SIZE, SIZE), false);
  assert.equal(coverage.setUp(0, 0, 4096, 0, 0, 4096, SIZE, SIZE), true);
});
