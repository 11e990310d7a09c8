import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../../src/config/manifest.ts";
import { root } from "../../src/config/package-root.ts";
import { parseStrict } from "../../src/config/parse-strict.ts";
import { DEFAULT_QOS, LATCHED_QOS } from "../../src/core/node.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../src/core/status.ts";
import { readManifest } from "../../src/inference/read-bundle.ts";
import { ModelsFolder } from "../../src/learning/models/models-folder.ts";
import { launchSchema, resolveLaunch } from "../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../src/nodes/host/node-host.ts";
import { patientSafety } from "./patient-safety.ts";

const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const CAUSES = Object.keys(HALT_CAUSES) as HaltCause[];
const PATIENCE_MS = 120_000;
const REACH = join(root, "models", "reach-keypoint");
const AT = "2026-01-02T03:04:05.678Z";
const EASY = { maxLateShare: 1, maxLimitedIncrease: 1, limitedTest: { leastSeconds: 1 } };
/** Slower than the model was trained at: a plan then lasts two seconds, longer than a busy machine keeps the next one waiting. */
const POLICY_RATE_HZ = 4;

export interface PlanNote {
  readonly id: number;
  readonly model: string;
  readonly surprise: number;
}

export interface LoopOptions {
  /** Of the simulated camera. Units: px */
  readonly imageSize?: number;
  /** More parameters of the world-model node. */
  readonly worldModel?: object;
  /** How long a new model is watched. */
  readonly watchSeconds?: number;
  readonly moreNodes?: (folder: string) => readonly object[];
  /** Where other processes find it. */
  readonly doors?: (folder: string) => object;
}

/** The whole loop on the simulated two-joint arm, with a models folder whose candidates may take over while it moves. */
export class SwappingLoop {
  readonly folder: string;
  readonly models: ModelsFolder;
  readonly plans: PlanNote[] = [];
  status: ControlStatus = "disarmed";
  cause: HaltCause = "none";
  /** As the world-model node says it. */
  state = "";
  /** Ticks on which the robot came to a halt or stood in one. */
  haltedTicks = 0;
  #host: NodeHost | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.models = new ModelsFolder(join(folder, "models"));
  }

  /** Starts the nodes and arms. */
  static async start({
    imageSize = 64,
    worldModel = {},
    watchSeconds = 1.5,
    moreNodes = () => [],
    doors = () => ({}),
  }: LoopOptions = {}): Promise<SwappingLoop> {
    const loop = new SwappingLoop(await mkdtemp(join(tmpdir(), "latentloop-hot-swap-")));
    const { models, folder } = loop;
    const hash = await loop.storeVariant("first", () => {});
    await models.promote({ name: "first", hash }, "test", AT);
    const model = join(models.path, "live");
    const robot = join(root, "calibration", "robots", "planar-reacher.yaml");
    const swap = { models: models.path, shadowSeconds: 3, watchSeconds, ...EASY };
    const inference = { provider: "cpu" };
    const description = {
      name: "hot swap",
      ...doors(folder),
      nodes: [
        { name: "robot", kind: "simulated-robot", parameters: { task: "reach", imageSize } },
        { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
        { name: "world_model", kind: "world-model", parameters: { model, robot, swap, inference, ...worldModel } },
        { name: "control", kind: "control", parameters: { model, robot, allowedMisses: 8, safety: patientSafety() } },
        ...moreNodes(folder),
      ],
    };
    const launch = await resolveLaunch(parseStrict(launchSchema, description, "the test"), root);
    loop.#host = await NodeHost.start(launch, { onLog: () => {} });
    loop.#listen();
    await loop.arm();
    return loop;
  }

  get host(): NodeHost {
    assert.ok(this.#host, "the loop runs");
    return this.#host;
  }

  call(service: string) {
    return this.host.context.call(service, PATIENCE_MS);
  }

  async arm(): Promise<void> {
    await this.until("following", async () => {
      if (this.status !== "tracking") await this.call("control/arm");
      return this.status === "tracking";
    });
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    while (!(await holds())) {
      assert.ok(performance.now() < untilMs, `${what}: still ${this.status}, ${this.state}`);
      await sleep(10);
    }
  }

  /** Waits until the newest event of the ledger is this one; arms again where a busy machine made the robot halt. */
  async untilLast(event: string): Promise<void> {
    await this.until(event, async () => {
      if (this.status === "holding") await this.call("control/arm");
      return (await this.models.ledger()).events.at(-1)?.event === event;
    });
  }

  /** A bundle of the models folder: the reach model under another manifest, and so another hash. */
  storeVariant(name: string, change: (manifest: Manifest) => void): Promise<string> {
    return writeVariant(this.models.folderOf(name), change);
  }

  /** Lets a variant pass the gates on paper: what is under test comes after them. */
  async propose(name: string, change: (manifest: Manifest) => void): Promise<string> {
    const hash = await this.storeVariant(name, change);
    const { name: liveName, hash: liveHash } = (await this.models.live())!;
    const live = { name: liveName, hash: liveHash };
    await this.models.record({ event: "judged", at: AT, model: { name, hash }, live, passed: true, verdicts: [] });
    return hash;
  }

  /** Ends the nodes; what they wrote stays until `remove`. */
  async stop(): Promise<void> {
    await this.#host?.stop();
    this.#host = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }

  #listen(): void {
    const { context } = this.host;
    context.subscribe(
      "world_model/model_state",
      "std_msgs/msg/String",
      ({ data }) => void (this.state = data),
      LATCHED_QOS,
    );
    context.subscribe(
      "plan",
      "latentloop_msgs/msg/Plan",
      ({ plan_id, model_hash, surprise }) => this.plans.push({ id: Number(plan_id), model: model_hash, surprise }),
      { ...DEFAULT_QOS, depth: 100 },
    );
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => {
      this.status = STATUSES[tick.status]!;
      this.cause = CAUSES[tick.halt_cause]!;
      if (this.status === "halting" || this.status === "holding") this.haltedTicks++;
    });
  }
}

/** The reach model under another manifest, in a folder of its own. Returns its hash. */
export async function writeVariant(folder: string, change: (manifest: Manifest) => void): Promise<string> {
  await cp(REACH, folder, { recursive: true });
  const file = join(folder, "manifest.json");
  const manifest = { ...(JSON.parse(await readFile(file, "utf8")) as Manifest), policyRateHz: POLICY_RATE_HZ };
  change(manifest);
  await writeFile(file, JSON.stringify(manifest));
  return (await readManifest(folder)).modelHash;
}
