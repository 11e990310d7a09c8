import assert from "node:assert/strict";
import { test } from "node:test";
import { boxMesh, capsuleMesh, cylinderMesh, type Mesh } from "../../../../src/sim/render/mesh.ts";

/** Volume inside the mesh by the divergence theorem: negative or too small when faces are turned or missing. */
function volume({ position, triangle, stretch }: Mesh, half = 0): number {
  const at = (vertex: number) => {
    const [x, y, z] = position.subarray(3 * vertex, 3 * vertex + 3) as unknown as [number, number, number];
    return [x, y, z + half * stretch[vertex]!] as const;
  };
  let six = 0;
  for (let t = 0; t < triangle.length; t += 3) {
    const [[ax, ay, az], [bx, by, bz], [cx, cy, cz]] = [at(triangle[t]!), at(triangle[t + 1]!), at(triangle[t + 2]!)];
    six += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx);
  }
  return six / 6;
}

const shapes: readonly (readonly [string, number, number])[] = [
  ["box", volume(boxMesh()), 8],
  ["cylinder", volume(cylinderMesh(48)), 2 * Math.PI],
  ["sphere", volume(capsuleMesh(48)), (4 / 3) * Math.PI],
  ["capsule", volume(capsuleMesh(48), 1.5), (4 / 3 + 3) * Math.PI],
];
for (const [name, actual, expected] of shapes) {
  test(`the ${name} is closed, faces outwards and holds its volume to 1 %`, () => {
    assert.ok(actual <= expected + 1e-12 && actual > 0.99 * expected, `${actual} of ${expected}`);
  });
}
