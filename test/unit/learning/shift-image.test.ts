import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shiftImage } from "../../../src/learning/losses/shift-image.ts";

test("every pixel comes from where the shift says, or from the nearest pixel of the border", () => {
  const size = fc.integer({ min: 1, max: 6 });
  const shift = fc.integer({ min: -4, max: 4 });
  fc.assert(
    fc.property(size, size, shift, shift, (width, height, columns, rows) => {
      const image = Uint8Array.from({ length: width * height * 3 }, (_, i) => i + 1);
      const out = new Uint8Array(image.length);
      shiftImage(image, out, width, height, columns, rows);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const fromX = Math.min(width - 1, Math.max(0, x - columns));
          const fromY = Math.min(height - 1, Math.max(0, y - rows));
          for (let c = 0; c < 3; c++) {
            assert.equal(out[(y * width + x) * 3 + c], image[(fromY * width + fromX) * 3 + c]);
          }
        }
      }
    }),
  );
});
