import { DEFAULT_QOS, type NodeContext } from "../../core/node.ts";
import type { DiagnosticArray, RosMessages, RosType } from "../../messages/index.ts";

/** The running rate looks back this far. */
const WINDOW_NS = 2e9;
const DROPPED = "dropped ";

/** How often messages come on the recorded topics, and how many the recorder had to drop. */
export class TopicRates {
  readonly #context: NodeContext<RosMessages>;
  readonly #recorder: string;
  readonly #counts = new Map<string, number>();
  readonly #times = new Map<string, number[]>();
  readonly #drops = new Map<string, number>();

  constructor(context: NodeContext<RosMessages>, recorder: string, topics: readonly { name: string; type: RosType }[]) {
    this.#context = context;
    this.#recorder = recorder;
    for (const { name, type } of topics) {
      this.#counts.set(name, 0);
      this.#times.set(name, []);
      context.subscribeSerialized(name, type, (_cdr, { receivedNs }) => this.#count(name, receivedNs), DEFAULT_QOS);
    }
    context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", (array) => this.#readDrops(array));
  }

  /** Messages per second lately, by topic. */
  get ratesHz(): Readonly<Record<string, number>> {
    const nowNs = this.#context.clock.monotonicNs();
    const rates = Array.from(this.#times, ([topic, times]) => {
      const recent = times.filter((timeNs) => nowNs - timeNs < WINDOW_NS).length;
      return [topic, recent / (WINDOW_NS / 1e9)] as const;
    });
    return Object.fromEntries(rates);
  }

  get messages(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  get drops(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#drops);
  }

  #count(topic: string, receivedNs: number): void {
    this.#counts.set(topic, this.#counts.get(topic)! + 1);
    const times = this.#times.get(topic)!;
    times.push(receivedNs);
    while (times[0]! < receivedNs - WINDOW_NS) times.shift();
  }

  #readDrops({ status }: DiagnosticArray): void {
    const own = status.find(({ name }) => name.startsWith(`${this.#recorder}: recording`));
    for (const { key, value } of own?.values ?? []) {
      if (key.startsWith(DROPPED)) this.#drops.set(key.slice(DROPPED.length), Number(value));
    }
  }
}
