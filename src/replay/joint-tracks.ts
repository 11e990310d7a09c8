import { LatentloopError } from "../core/errors.ts";
import type { JointState } from "../messages/index.ts";
import { type Sample, Track } from "./track.ts";

const JOINT_TOPIC = /(?:^|\/)joint_states$/;
const LEADER_TOPIC = /(?:^|\/)leader\//;
const TICK_TOPIC = /\/?[^/]+\/tick$/;

/** Every joint's state at one instant. Shapes: position, velocity [J]; a velocity that was not reported is NaN */
export interface JointRow {
  /** Of the oldest message that it is made of. */
  readonly stampNs: bigint;
  readonly position: readonly number[];
  readonly velocity: readonly number[];
}

/** Whether messages of a topic are joint states of a robot; a leader arm's are an operator's input. */
export function isRobotJointTopic(topic: string): boolean {
  return JOINT_TOPIC.test(topic) && !LEADER_TOPIC.test(topic);
}

/**
 * The robot's own among several topics of joint states: the one beside its control loop's ticks, or else the one with the
 * shortest name.
 * @throws ERR_BAG_TOPIC if two are as likely
 */
export function chooseJointTopic(
  topics: readonly string[],
  tickTopics: readonly string[],
  bag: string,
): string | undefined {
  const beside = tickTopics.map((topic) => `${topic.replace(TICK_TOPIC, "")}/joint_states`);
  const own = topics.filter((topic) => beside.includes(topic) || beside.includes(`/${topic}`));
  const depthOf = (topic: string) => topic.split("/").filter((part) => part !== "").length;
  const candidates = own.length > 0 ? own : topics;
  const least = Math.min(...candidates.map(depthOf));
  const [chosen, other] = candidates.filter((topic) => depthOf(topic) === least);
  if (other === undefined) return chosen;
  throw new LatentloopError(
    "ERR_BAG_TOPIC",
    `Expected one robot's joint states in ${bag} but ${candidates.join(" and ")} may be the robot's.`,
    { remedy: "Record one robot into one bag: `ros2 bag convert` can leave topics out." },
  );
}

/**
 * The joint states of one topic, by the joints' names.
 *
 * Several drivers may publish there, each its own joints, and one may change their order: messages with the same joints are
 * one signal, and a joint has its value from the newest message that names it.
 */
export class JointTracks {
  /** In the order in which they were first reported. */
  readonly #names = new Set<string>();
  readonly #tracks = new Map<string, Track<JointState>>();

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(stampNs: bigint, state: JointState): void {
    const key = [...state.name].sort().join("\n");
    let track = this.#tracks.get(key);
    if (track === undefined) {
      this.#tracks.set(key, (track = new Track()));
      for (const name of state.name) this.#names.add(name);
    }
    track.add(stampNs, state);
  }

  /** The row at a time, or the first joint that nothing fresh was said of (see `Track.freshAt`). Shapes: as `names` */
  rowAt(stampNs: bigint, leastNs: number): JointRow | { readonly missing: string } {
    const fresh = [...this.#tracks.values()]
      .map((track) => track.freshAt(stampNs, leastNs))
      .filter((sample) => sample !== undefined)
      .sort((a, b) => Number(b.stampNs - a.stampNs));
    const position: number[] = [];
    const velocity: number[] = [];
    let oldestNs = fresh[0]?.stampNs ?? stampNs;
    for (const name of this.#names) {
      const sample: Sample<JointState> | undefined = fresh.find(({ value }) => value.name.includes(name));
      const index = sample?.value.name.indexOf(name) ?? -1;
      const angle = sample?.value.position[index];
      if (sample === undefined || angle === undefined) return { missing: name };
      position.push(angle);
      velocity.push(sample.value.velocity[index] ?? Number.NaN);
      if (sample.stampNs < oldestNs) oldestNs = sample.stampNs;
    }
    return { stampNs: oldestNs, position, velocity };
  }
}
