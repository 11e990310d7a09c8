import { abs, add, addAll, cast, mean, mul, type Sym, square, sub, sum } from "../../graph/index.ts";
import type { ImageSyms } from "../../world-models/world-model.ts";

/**
 * Squared error of painted images, summed over pixels and cameras, mean over the batch.
 *
 * A pixel that differs from the batch's mean image by all of its range counts `salience` times more than one that never
 * changes: else the few pixels of a target are not worth painting. 0 is the plain error.
 * Shapes: painted [N, Y, X, 3] from 0 to 1, images [N, Y, X, 3] uint8
 */
export function reconstructionLoss(painted: ImageSyms, images: ImageSyms, salience = 0): Sym {
  const perCamera = Object.entries(images).map(([camera, image]) => {
    const shown = mul(cast(image, "float32"), 1 / 255);
    const error = square(sub(painted[camera]!, shown));
    const weight = salience > 0 ? add(mul(abs(sub(shown, mean(shown, 0, true))), salience), 1) : undefined;
    return mul(sum(weight ? mul(weight, error) : error), 1 / image.extent(0));
  });
  return addAll(perCamera);
}
