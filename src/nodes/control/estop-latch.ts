import type { ArmRefusal } from "../../safety/index.ts";
import type { ControlHost } from "./control-host.ts";

/** What the emergency stop's button said, beyond the loops that come and go: only a reset that a loop grants forgets a press. */
export class EstopLatch {
  #isPressed = false;
  #presses = 0;
  #forgotten = 0;

  set(isPressed: boolean): void {
    this.#isPressed = isPressed;
    if (isPressed) this.#presses++;
  }

  /** Shows a loop that is about to begin what the ones before it had seen, and what came while there was none. */
  show(host: Pick<ControlHost, "setEstop">): void {
    if (this.#presses !== this.#forgotten) host.setEstop(true);
    host.setEstop(this.#isPressed);
  }

  async reset(host: Pick<ControlHost, "resetEstop">): Promise<ArmRefusal> {
    const presses = this.#presses; // one that comes while the loop answers is not forgotten
    const refusal = await host.resetEstop();
    if (refusal === "none") this.#forgotten = presses;
    return refusal;
  }
}
