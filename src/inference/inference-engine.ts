import type { GraphName } from "../config/graph-contract.ts";
import { graphsOf, type Manifest } from "../config/manifest.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import { usableProviders } from "./find-providers.ts";
import { type CallQueue, GraphHandle } from "./graph-handle.ts";
import type { GraphReport } from "./place-graph.ts";
import { type InferenceParameters, type Placement, placementsFor } from "./placement.ts";
import { type Bundle, readBundle } from "./read-bundle.ts";
import { allocateSharedGraph } from "./shared-graph.ts";
import type { GraphToLoad } from "./thread-messages.ts";
import { ThreadPort } from "./thread-port.ts";

/** A bundle whose graphs are ready to run. */
export interface LoadedBundle {
  readonly manifest: Manifest;
  readonly modelHash: string;
  readonly graphs: LoadedGraphs;
  /** Where each graph runs and why. */
  readonly reports: readonly GraphReport[];
  /** Providers that were wanted and do not work here, each with its reason. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export type LoadedGraphs = Readonly<
  Record<"encode" | "observe", GraphHandle> & Partial<Record<GraphName, GraphHandle>>
>;

export interface LoadOptions {
  /** Placements that are already known, e.g. from the report of an earlier load: these graphs are not measured. */
  readonly placements?: Readonly<Partial<Record<GraphName, Placement>>>;
}

export interface EngineOptions extends InferenceParameters {
  readonly clock: Clock;
  /** The worker's program; a test may give another. */
  readonly program?: URL;
}

/** A bundle as the engine remembers it, to load it again into the same memory after a crash. */
interface Residence {
  readonly folder: string;
  readonly modelHash: string;
  readonly handles: readonly GraphHandle[];
  readonly toLoad: readonly Omit<GraphToLoad, "onnx">[];
}

const PROGRAM = new URL("./inference-thread.js", import.meta.url);
/** How long `exit` waits for a running graph: the process would abort inside it otherwise. */
const EXIT_WAIT_MS = 10_000;

/**
 * A thread that owns onnxruntime sessions of any number of bundles; calls and tensors reach it through shared memory.
 *
 * Loading pauses other bundles' calls only while one session is made or runs. To keep a live model entirely undisturbed,
 * load a candidate in an engine of its own and close the old engine after the switch.
 * A process or thread that exits or fails without `close` waits for the running graph. One that is terminated from outside
 * cannot: onnxruntime then aborts the whole process if a graph was running, so let a thread close its engine first.
 */
export class InferenceEngine implements CallQueue {
  readonly clock: Clock;
  readonly #options: EngineOptions;
  readonly #residences = new Set<Residence>();
  readonly #atExit = () => this.#thread.stopNow(EXIT_WAIT_MS);
  readonly #onLost = (loss: LatentloopError) => this.#refuse(loss);
  #thread: ThreadPort;
  #nextGraph = 1;
  #refusal: LatentloopError | undefined;
  #restarting: Promise<void> | undefined;

  private constructor(options: EngineOptions, thread: ThreadPort) {
    this.#options = options;
    this.#thread = thread;
    this.clock = options.clock;
  }

  /** Starts the thread. */
  static async start(options: EngineOptions): Promise<InferenceEngine> {
    let onLost = (_loss: LatentloopError) => {};
    const thread = await ThreadPort.start(options.program ?? PROGRAM, options.niceness, (loss) => onLost(loss));
    const engine = new InferenceEngine(options, thread);
    onLost = engine.#onLost;
    process.on("exit", engine.#atExit);
    return engine;
  }

  get refusal(): LatentloopError | undefined {
    return this.#refusal;
  }

  nextTicket(): number {
    return this.#thread.nextTicket();
  }

  ring(): void {
    this.#thread.ring();
  }

  /**
   * Reads, checks and loads a bundle, choosing a placement for each graph.
   *
   * @throws those of `readBundle`; ERR_GRAPH_UNREADABLE, ERR_GRAPH_MISMATCH, ERR_INFERENCE_FAILED; ERR_INFERENCE_LOST, ERR_INFERENCE_CLOSED
   */
  async load(folder: string, { placements: known = {} }: LoadOptions = {}): Promise<LoadedBundle> {
    const { provider } = this.#options;
    const [bundle, statuses] = await Promise.all([readBundle(folder), usableProviders(provider)]);
    if (this.#refusal) throw this.#refusal;
    const usable = statuses.filter((status) => status.usable).map((status) => status.provider);
    const choice = placementsFor(this.#options, usable);
    const graphs = graphsOf(bundle.manifest).map(({ name, inputs, outputs }) => {
      const memory = allocateSharedGraph({ inputs, outputs });
      const pinnedChoice = known[name] && { placements: [known[name]], insist: false };
      return { id: this.#nextGraph++, name, inputs, outputs, memory, ...(pinnedChoice ?? choice) };
    });
    const reports = await this.#thread.request({ kind: "load", graphs: withBytes(graphs, bundle) });
    const handles = graphs.map((graph) => new GraphHandle(graph.name, graph.memory, graph, this));
    const residence = { folder, modelHash: bundle.modelHash, handles, toLoad: pinned(graphs, reports) };
    this.#residences.add(residence);
    return {
      manifest: bundle.manifest,
      modelHash: bundle.modelHash,
      graphs: Object.fromEntries(handles.map((handle) => [handle.name, handle])) as LoadedGraphs,
      reports,
      warnings: statuses.flatMap((status) => (status.usable ? [] : [`${status.provider}: ${status.reason}`])),
      close: () => this.#unload(residence),
    };
  }

  /**
   * Starts a new thread after the last one was lost, with the same bundles in the same memory: handles go on working.
   *
   * @throws ERR_BUNDLE_HASH if a bundle on disk is not the one that was loaded; ERR_INFERENCE_CLOSED; those of `load`
   */
  restart(): Promise<void> {
    this.#restarting ??= this.#startAgain().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async #startAgain(): Promise<void> {
    if (this.#refusal === undefined) return;
    this.#requireOpen();
    const thread = await ThreadPort.start(this.#options.program ?? PROGRAM, this.#options.niceness, this.#onLost);
    try {
      for (const residence of this.#residences) await reload(thread, residence);
      this.#requireOpen();
    } catch (thrown) {
      await thread.stop();
      throw thrown;
    }
    this.#thread = thread;
    this.#refusal = undefined;
  }

  /** Ends the thread after the run that it is at; calls still waiting fail with ERR_INFERENCE_CLOSED. */
  async close(): Promise<void> {
    if (this.#refusal?.code === "ERR_INFERENCE_CLOSED") return;
    const lost = this.#refusal !== undefined;
    this.#refuse(new LatentloopError("ERR_INFERENCE_CLOSED", "The inference engine was closed."));
    process.off("exit", this.#atExit);
    if (!lost) await this.#thread.stop();
    await this.#restarting?.catch(() => {}); // whoever asked for it hears why it failed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #unload(residence: Residence): Promise<void> {
    if (!this.#residences.delete(residence)) return;
    for (const handle of residence.handles) handle.close();
    if (this.#refusal) return;
    await this.#thread.request({ kind: "unload", graphs: residence.toLoad.map((graph) => graph.id) });
  }

  #requireOpen(): void {
    if (this.#refusal?.code === "ERR_INFERENCE_CLOSED") throw this.#refusal;
  }

  /** From now on every call fails with `refusal`, those that wait too. */
  #refuse(refusal: LatentloopError): void {
    this.#refusal = refusal;
    for (const { handles } of this.#residences) for (const handle of handles) handle.interrupt();
  }
}

async function reload(thread: ThreadPort, { folder, modelHash, toLoad }: Residence): Promise<void> {
  const bundle = await readBundle(folder);
  if (bundle.modelHash !== modelHash) {
    const sentence = `Expected bundle ${modelHash} in ${folder} but it holds ${bundle.modelHash} now.`;
    throw new LatentloopError("ERR_BUNDLE_HASH", sentence, { remedy: "Load the changed bundle as a new one." });
  }
  await thread.request({ kind: "load", graphs: withBytes(toLoad, bundle) });
}

function withBytes(graphs: readonly Omit<GraphToLoad, "onnx">[], { onnx }: Bundle): GraphToLoad[] {
  return graphs.map((graph) => ({ ...graph, onnx: onnx[graph.name as GraphName]! }));
}

/** The same graphs with the placements that were chosen, so that loading them again measures nothing. */
function pinned(graphs: readonly Omit<GraphToLoad, "onnx">[], reports: readonly GraphReport[]) {
  return graphs.map((graph, i) => ({ ...graph, placements: [reports[i]!.placement] }));
}
