/**
 * A closed triangle mesh of unit size, scaled per axis when drawn.
 *
 * Shapes: position, normal [V, 3]; stretch [V] is -1, 0 or 1: which end of a capsule the vertex moves with;
 * triangle [T, 3], counter-clockwise seen from outside.
 */
export interface Mesh {
  readonly vertexCount: number;
  readonly position: Float64Array;
  readonly normal: Float64Array;
  readonly stretch: Float64Array;
  readonly triangle: Uint16Array;
}

class MeshBuilder {
  readonly #position: number[] = [];
  readonly #normal: number[] = [];
  readonly #stretch: number[] = [];
  readonly #triangle: number[] = [];

  get vertexCount(): number {
    return this.#stretch.length;
  }

  vertex(position: readonly number[], normal: readonly number[], stretch = 0): number {
    this.#position.push(...position);
    this.#normal.push(...normal);
    this.#stretch.push(stretch);
    return this.vertexCount - 1;
  }

  triangle(a: number, b: number, c: number): void {
    this.#triangle.push(a, b, c);
  }

  build(): Mesh {
    return {
      vertexCount: this.vertexCount,
      position: Float64Array.from(this.#position),
      normal: Float64Array.from(this.#normal),
      stretch: Float64Array.from(this.#stretch),
      triangle: Uint16Array.from(this.#triangle),
    };
  }
}

/** The square z = 0, |x|, |y| ≤ 1, facing +z. */
export function planeMesh(): Mesh {
  const builder = new MeshBuilder();
  for (const [x, y] of [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const) {
    builder.vertex([x, y, 0], [0, 0, 1]);
  }
  builder.triangle(0, 1, 2);
  builder.triangle(0, 2, 3);
  return builder.build();
}

/** The cube |x|, |y|, |z| ≤ 1 with flat faces. */
export function boxMesh(): Mesh {
  const builder = new MeshBuilder();
  for (let axis = 0; axis < 3; axis++) {
    for (const side of [-1, 1]) {
      const normal = [0, 0, 0];
      normal[axis] = side;
      const corners = [
        [-1, -1],
        [side, -side],
        [1, 1],
        [-side, side],
      ].map(([u = 0, v = 0]) => {
        const position = [0, 0, 0];
        position[axis] = side;
        position[(axis + 1) % 3] = u;
        position[(axis + 2) % 3] = v;
        return builder.vertex(position, normal);
      });
      const [a = 0, b = 0, c = 0, d = 0] = corners;
      builder.triangle(a, b, c);
      builder.triangle(a, c, d);
    }
  }
  return builder.build();
}

/** The unit sphere, or a capsule when its upper half moves up and its lower half down (`stretch`). */
export function capsuleMesh(segments: number): Mesh {
  const builder = new MeshBuilder();
  const rings = segments / 4; // from a pole to the equator
  const ringStart: number[] = [];
  for (let half = 0; half < 2; half++) {
    for (let i = 0; i <= rings; i++) {
      const polar = (Math.PI / 2) * (half + i / rings);
      ringStart.push(builder.vertexCount);
      for (let j = 0; j < segments; j++) {
        const azimuth = (2 * Math.PI * j) / segments;
        const point = [Math.sin(polar) * Math.cos(azimuth), Math.sin(polar) * Math.sin(azimuth), Math.cos(polar)];
        builder.vertex(point, point, half === 0 ? 1 : -1);
      }
    }
  }
  for (let ring = 0; ring + 1 < ringStart.length; ring++) {
    for (let j = 0; j < segments; j++) {
      const next = (j + 1) % segments;
      const [upper = 0, lower = 0] = [ringStart[ring], ringStart[ring + 1]];
      if (ring > 0) builder.triangle(upper + j, lower + j, upper + next); // at the pole the upper ring is one point
      if (ring + 2 < ringStart.length) builder.triangle(upper + next, lower + j, lower + next);
    }
  }
  return builder.build();
}

/** The cylinder of radius 1 around z, |z| ≤ 1, with flat caps. */
export function cylinderMesh(segments: number): Mesh {
  const builder = new MeshBuilder();
  const rim = (j: number, z: number, normal?: readonly number[]) => {
    const azimuth = (2 * Math.PI * j) / segments;
    const [x, y] = [Math.cos(azimuth), Math.sin(azimuth)];
    return builder.vertex([x, y, z], normal ?? [x, y, 0]);
  };
  for (let j = 0; j < segments; j++) {
    rim(j, 1);
    rim(j, -1);
  }
  for (let j = 0; j < segments; j++) {
    const [upper, lower] = [2 * j, 2 * j + 1];
    const [nextUpper, nextLower] = [2 * ((j + 1) % segments), 2 * ((j + 1) % segments) + 1];
    builder.triangle(upper, lower, nextUpper);
    builder.triangle(nextUpper, lower, nextLower);
  }
  for (const z of [-1, 1]) {
    const center = builder.vertex([0, 0, z], [0, 0, z]);
    const first = builder.vertexCount;
    for (let j = 0; j < segments; j++) rim(j, z, [0, 0, z]);
    for (let j = 0; j < segments; j++) {
      const [a, b] = [first + j, first + ((j + 1) % segments)];
      if (z > 0) builder.triangle(center, a, b);
      else builder.triangle(center, b, a);
    }
  }
  return builder.build();
}
