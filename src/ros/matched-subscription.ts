import type { Logger, Qos, Subscription } from "../core/node.ts";
import type { RosType } from "../messages/index.ts";
import { giveBack } from "./give-back.ts";
import { isSameQos, matchPublishers, qosToRcl } from "./qos.ts";
import type { Rcl, RclNode, RclSubscription } from "./rclnodejs.ts";
import { typeClassOf } from "./type-class.ts";

export interface MatchedSubscriptionOptions {
  readonly rcl: Rcl;
  readonly node: RclNode;
  readonly topic: string;
  readonly type: RosType;
  /** What is asked for as long as no publisher offers less. */
  readonly qos: Qos;
  readonly onMessage: (cdr: Uint8Array) => void;
  readonly log: Logger;
}

/** A subscription to CDR bytes that asks for no more than its topic's publishers offer. */
export class MatchedSubscription implements Subscription {
  readonly topic: string;
  /** The middleware does not tell. */
  readonly dropped = 0;
  readonly #options: MatchedSubscriptionOptions;
  #subscription: RclSubscription | undefined;
  #qos: Qos;

  constructor(options: MatchedSubscriptionOptions) {
    this.#options = options;
    this.topic = options.node.resolveTopicName(options.topic);
    this.#qos = this.#match();
    this.#open();
  }

  /** Looks at the publishers again; they come and go. Timing: one query of the local graph. */
  refresh(): void {
    if (this.#subscription === undefined) return;
    const qos = this.#match();
    if (isSameQos(qos, this.#qos)) return;
    const { log, node } = this.#options;
    log.info(`${this.topic} is subscribed ${qos.reliability} and ${qos.durability}, as its publishers offer it`);
    node.destroySubscription(this.#subscription);
    this.#qos = qos;
    this.#open();
  }

  close(): void {
    if (this.#subscription) this.#options.node.destroySubscription(this.#subscription);
    this.#subscription = undefined;
  }

  #match(): Qos {
    const { node, qos } = this.#options;
    return matchPublishers(qos, node.getPublishersInfoByTopic(this.topic));
  }

  #open(): void {
    const { rcl, node, topic, type, onMessage } = this.#options;
    const options = { qos: qosToRcl(rcl, this.#qos), isRaw: true } as const;
    this.#subscription = node.createSubscription(typeClassOf(type), topic, options, (cdr) => {
      onMessage(cdr);
      giveBack(cdr);
    });
  }
}
