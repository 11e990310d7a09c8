import type { SessionStart } from "../../messages/index.ts";
import type { Difference } from "./difference.ts";

/** Where a part first did something else than before. */
export interface FirstDifference extends Difference {
  /** "tick 41" or "event 7", counted from 0. */
  readonly where: string;
  /** When it was recorded, ROS clock. */
  readonly atNs: bigint;
}

/** What running one part of a session again has shown. */
export interface PartVerdict {
  readonly part: string;
  readonly session: bigint;
  /** The robot's name, or the model's and its hash. */
  readonly name: string;
  /** Ticks, or events of a model, that came out the same to the last bit. */
  readonly same: number;
  readonly difference: FirstDifference | undefined;
  /** Why it could not be run to its end. */
  readonly gap: string | undefined;
  /** The machine of the recording, where it is not like this one: the bits may then differ without fault. */
  readonly otherMachine: string | undefined;
}

/** A verdict in the making. */
export class PartTrial {
  same = 0;
  difference: FirstDifference | undefined;
  gap: string | undefined;
  readonly #start: SessionStart;
  readonly #name: string;
  readonly #ownMachine: string;

  constructor(start: SessionStart, name: string, ownMachine: string) {
    this.#start = start;
    this.#name = name;
    this.#ownMachine = ownMachine;
  }

  get isOver(): boolean {
    return this.difference !== undefined || this.gap !== undefined;
  }

  verdict(): PartVerdict {
    const { part, session, machine } = this.#start;
    const otherMachine = machine === this.#ownMachine ? undefined : machine;
    return {
      part,
      session,
      name: this.#name,
      same: this.same,
      difference: this.difference,
      gap: this.gap,
      otherMachine,
    };
  }
}
