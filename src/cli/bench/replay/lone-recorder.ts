import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../core/clock.ts";
import type { LifecycleNode, Logger, Publisher } from "../../../core/node.ts";
import type { RosMessages, RosType } from "../../../messages/index.ts";
import { createRecorder, recorderParameters } from "../../../nodes/recorder.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../transport/index.ts";

export interface LoneRecorder<T extends RosType> {
  /** What it records. */
  readonly publisher: Publisher<RosMessages[T]>;
  /** Of the node that publishes it. */
  readonly context: EmbeddedContext;
  readonly recorder: LifecycleNode;
}

/** A recorder of one topic at work in this process: for programs that are killed, or whose disk fills up. */
export async function startLoneRecorder<T extends RosType>(
  folder: string,
  topic: { readonly name: string; readonly type: T },
  onError: (message: string) => void = (message) => void process.stderr.write(`${message}\n`),
): Promise<LoneRecorder<T>> {
  const log: Logger = { debug() {}, info() {}, warn() {}, error: onError };
  const { port1, port2 } = new MessageChannel();
  new Hub().connect(port1);
  const bus = new ThreadBus(port2, "lone");
  const clock = systemClock();
  const contextOf = (node: string) => new EmbeddedContext({ node, namespace: "", remap: {}, bus, clock, log });
  const context = contextOf("talker");
  const publisher = context.publisher(topic.name, topic.type);
  const parameters = recorderParameters.parse({ folder, topics: [topic], minFreeMegabytes: 0 });
  const recorder = createRecorder(contextOf("recorder"), parameters);
  await recorder.configure();
  await bus.sync();
  await recorder.activate();
  return { publisher, context, recorder };
}
