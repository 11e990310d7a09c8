import type { Clock } from "../../core/clock.ts";
import type { TriggerResponse } from "../../core/node.ts";
import type { ServiceCall } from "../bus/hub-protocol.ts";
import {
  type ConfirmHeader,
  FRAME_VERSION,
  type FrameHeader,
  type MessageHeader,
  prefixOf,
  type QueryHeader,
  type RequestHeader,
} from "./frame.ts";

/** A frame of a service call, and one that is for a single process. */
export type CallHeader = Exclude<FrameHeader, MessageHeader>;
export type AnswerHeader = Exclude<CallHeader, RequestHeader>;

export interface RemoteCallsOptions {
  /** The bridge's own. */
  readonly id: string;
  readonly clock: Clock;
  /** Whether a peer subscribed to this prefix. */
  readonly isWanted: (prefix: string) => boolean;
  /** Puts a request before whoever serves it. */
  readonly ask: (prefix: string, header: RequestHeader) => void;
  /** Says something to one process about a call. */
  readonly answer: (prefix: string, header: AnswerHeader) => void;
  /** This process's hub. */
  readonly bus: {
    call(service: string, timeoutMs: number): Promise<TriggerResponse>;
    respond(call: string, response: TriggerResponse): void;
  };
}

/**
 * Service calls between processes, of which none takes effect after its caller gave up.
 *
 * A request may stay on its way for any time, and the clocks of two hosts need not agree. So whoever serves it asks back, and
 * serves it only if the caller's answer, less the time that it took to come, leaves some of the caller's time. Each end
 * measures on its own monotonic clock.
 */
export class RemoteCalls {
  readonly #options: RemoteCallsOptions;
  /** Of this process, as long as somebody waits; not posted until a peer is seen to serve them. */
  readonly #calls = new Map<string, { readonly asked: ServiceCall; isPosted: boolean }>();
  /** Served also when the caller has given up. */
  readonly #evenLate = new Set<string>();
  /** Requests of peers whose callers were asked whether they still wait. */
  readonly #queries = new Map<string, { readonly request: RequestHeader; readonly sentNs: number }>();

  constructor(options: RemoteCallsOptions) {
    this.#options = options;
  }

  onServed(service: string, evenLate: boolean): void {
    if (evenLate) this.#evenLate.add(service);
    else this.#evenLate.delete(service);
  }

  call(asked: ServiceCall): void {
    this.#calls.set(asked.call, { asked, isPosted: false });
    const prefix = prefixOf.service(asked.service);
    if (this.#options.isWanted(prefix)) this.postWaiting(prefix);
  }

  cancel(call: string): void {
    this.#calls.delete(call);
  }

  /** A peer wants this prefix: the calls that waited for it go out. */
  postWaiting(prefix: string): void {
    const { id, ask } = this.#options;
    for (const waiting of this.#calls.values()) {
      const { call, service, timeoutMs } = waiting.asked;
      if (waiting.isPosted || prefixOf.service(service) !== prefix) continue;
      waiting.isPosted = true;
      ask(prefix, { v: FRAME_VERSION, kind: "request", service, call, caller: id, timeoutMs });
    }
  }

  take(header: CallHeader): void {
    switch (header.kind) {
      case "request":
        if (this.#evenLate.has(header.service)) void this.#serve(header, header.timeoutMs);
        else this.#query(header);
        break;
      case "query":
        this.#confirm(header);
        break;
      case "confirm":
        this.#onConfirmed(header);
        break;
      case "response":
        this.#options.bus.respond(header.call, { success: header.success, message: header.message });
        break;
    }
  }

  #query(request: RequestHeader): void {
    const { id, clock, answer } = this.#options;
    const { call, caller, timeoutMs } = request;
    this.#queries.set(call, { request, sentNs: clock.monotonicNs() });
    setTimeout(() => this.#queries.delete(call), timeoutMs).unref(); // no caller waits for longer
    answer(prefixOf.caller(caller), { v: FRAME_VERSION, kind: "query", call, server: id });
  }

  /** A caller that gave up keeps silent: its own hub has told it that nobody answered. */
  #confirm({ call, server }: QueryHeader): void {
    const { clock, answer } = this.#options;
    const asked = this.#calls.get(call)?.asked;
    if (asked === undefined) return;
    const remainingMs = (asked.deadlineNs - clock.monotonicNs()) / 1e6;
    if (remainingMs > 0) answer(prefixOf.caller(server), { v: FRAME_VERSION, kind: "confirm", call, remainingMs });
  }

  #onConfirmed({ call, remainingMs }: ConfirmHeader): void {
    const query = this.#queries.get(call);
    this.#queries.delete(call);
    if (query === undefined) return;
    // The confirmation was sent after the query was: no more than this has passed since then.
    const restMs = remainingMs - (this.#options.clock.monotonicNs() - query.sentNs) / 1e6;
    if (restMs > 0) void this.#serve(query.request, restMs);
  }

  async #serve({ service, call, caller }: RequestHeader, timeoutMs: number): Promise<void> {
    const { bus, answer } = this.#options;
    try {
      const { success, message } = await bus.call(service, timeoutMs);
      answer(prefixOf.caller(caller), { v: FRAME_VERSION, kind: "response", call, success, message });
    } catch {
      // No answer in time: the caller's own hub says so.
    }
  }
}
