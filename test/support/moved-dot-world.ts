import { DotWorld } from "./dot-world.ts";

/** The dot world through a camera that stands elsewhere. */
export class MovedDotWorld extends DotWorld {
  override renderInto(camera: string, out: Uint8Array): void {
    super.renderInto(camera, out);
    out.copyWithin(5 * 64 * 3, 0, 59 * 64 * 3); // five rows down
  }
}
