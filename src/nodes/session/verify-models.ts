import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { InferenceEngine, type LoadedBundle } from "../../inference/inference-engine.ts";
import { nsFromTime, type PlanMessage, type PolicyEvent, type SessionStart } from "../../messages/index.ts";
import type { BagReader } from "../../replay/bag-reader.ts";
import { type ModelSetup, modelSetupSchema } from "../world-model/model-setup.ts";
import { checksumOfEvent } from "./checksum.ts";
import { type Difference, firstDifference, hex } from "./difference.ts";
import type { BundleFinder } from "./find-bundles.ts";
import { type FoundImage, ImageFinder } from "./image-finder.ts";
import { ModelReplay, type PolicyOutcome } from "./model-replay.ts";
import type { Logged, SessionLog } from "./session-log.ts";
import { machineName, readSetup } from "./session-start.ts";
import { PartTrial, type PartVerdict } from "./verdict.ts";

/** Everything in a plan but its header, which is put on when it is published. */
const COMPARED = [
  "plan_id",
  "model_hash",
  "rung",
  "observation_stamp",
  "observation_arrival_monotonic_ns",
  "surprise",
  "start_monotonic_ns",
  "step_period_ns",
  "delay_ns",
  "action_dimension",
  "actions",
  "value",
  "compute_ns",
] as const;

interface RunningModel {
  readonly trial: PartTrial;
  readonly replay: ModelReplay;
  readonly actions: readonly string[];
  next: number;
}

/**
 * Runs every model of a session again, event by event, and holds beliefs and plans against the recorded ones: of the model
 * that acted, and of those that ran in its shadow.
 *
 * @throws ERR_SESSION_MODEL, those of `readSetup`, `InferenceEngine.load` and the bag
 */
export async function verifyModels(
  starts: readonly SessionStart[],
  log: SessionLog,
  bag: BagReader,
  bundles: BundleFinder,
): Promise<PartVerdict[]> {
  const engine = await InferenceEngine.start({ clock: systemClock(), provider: "cpu", threads: 1, niceness: 0 });
  try {
    const models = await openModels(starts, engine, bundles);
    const cameras = new Set(log.policyEvents.flatMap((event) => event.read().cameras));
    const images = new ImageFinder(bag, cameras);
    for (const logged of log.policyEvents) {
      const model = models.get(logged.session);
      if (model !== undefined && !model.trial.isOver) await verifyEvent(model, logged, images);
    }
    return Array.from(models.values(), ({ trial }) => trial.verdict());
  } finally {
    await engine.close();
  }
}

async function openModels(
  starts: readonly SessionStart[],
  engine: InferenceEngine,
  bundles: BundleFinder,
): Promise<Map<bigint, RunningModel>> {
  const loaded = new Map<string, LoadedBundle>();
  const models = new Map<bigint, RunningModel>();
  for (const start of starts) {
    const setup = readSetup(modelSetupSchema, start);
    const key = JSON.stringify([setup.modelHash, setup.placements]);
    const bundle = loaded.get(key) ?? (await loadOnCpu(engine, setup, bundles));
    loaded.set(key, bundle);
    models.set(start.session, {
      trial: new PartTrial(start, `${bundle.manifest.name} (${setup.modelHash})`, machineName()),
      replay: new ModelReplay(bundle, setup),
      actions: bundle.manifest.action.dimensions.map(({ name }) => name),
      next: 0,
    });
  }
  return models;
}

async function loadOnCpu(engine: InferenceEngine, setup: ModelSetup, bundles: BundleFinder): Promise<LoadedBundle> {
  const { modelHash, folder, placements } = setup;
  const elsewhere = Object.entries(placements).find(([, { provider }]) => provider !== "cpu");
  if (elsewhere) {
    throw new LatentloopError(
      "ERR_SESSION_MODEL",
      `Expected model ${modelHash} to have run on the CPU but its graph '${elsewhere[0]}' ran on ${elsewhere[1].provider}: only the CPU's bits are promised.`,
      { remedy: "Record with `inference: { provider: cpu }` in the world-model node's parameters." },
    );
  }
  return engine.load(await bundles.find(modelHash, folder), { placements });
}

async function verifyEvent(
  model: RunningModel,
  { logTimeNs, read }: Logged<"latentloop_msgs/msg/PolicyEvent">,
  images: ImageFinder,
): Promise<void> {
  const { trial } = model;
  const event = read();
  if (event.number !== model.next) {
    trial.gap = `events ${model.next} to ${event.number - 1} are not in the recording`;
    return;
  }
  const seen = await imagesOf(event, images, logTimeNs);
  if (typeof seen === "string") {
    trial.gap = seen;
    return;
  }
  const difference = changedInput(event, seen) ?? (await runAgain(model, event, seen));
  if (difference) trial.difference = { ...difference, where: `event ${event.number}`, atNs: logTimeNs };
  else trial.same++;
  model.next++;
}

/** The images of an event, or the sentence that says which is missing. */
async function imagesOf(event: PolicyEvent, images: ImageFinder, usedNs: bigint): Promise<FoundImage[] | string> {
  const found: FoundImage[] = [];
  for (const [i, camera] of event.cameras.entries()) {
    const stampNs = nsFromTime(event.image_stamps[i]!);
    const image = await images.find(camera, stampNs, event.image_checksums[i]!, usedNs);
    if (!image) return `the image of ${camera} that was captured at ${stampNs} is not in the recording`;
    found.push(image);
  }
  return found;
}

/** An input that is not what the model took: not every changed bit changes what comes of it. */
function changedInput(event: PolicyEvent, images: readonly FoundImage[]): Difference | undefined {
  const checksum = checksumOfEvent(event);
  if (checksum !== event.checksum) {
    return { what: "checksum of what the model took", recorded: hex(event.checksum), again: hex(checksum) };
  }
  const changed = images.findIndex(({ checksum }, i) => checksum !== event.image_checksums[i]);
  if (changed < 0) return undefined;
  const stampNs = nsFromTime(event.image_stamps[changed]!);
  return {
    what: `checksum of the image of ${event.cameras[changed]} captured at ${stampNs}`,
    recorded: hex(event.image_checksums[changed]!),
    again: hex(images[changed]!.checksum),
  };
}

async function runAgain(
  { replay, actions }: RunningModel,
  event: PolicyEvent,
  images: readonly FoundImage[],
): Promise<Difference | undefined> {
  let outcome: PolicyOutcome;
  try {
    outcome = await replay.run(event, images);
  } catch (thrown) {
    if (!(thrown instanceof LatentloopError && thrown.code === "ERR_SESSION_LOG")) throw thrown;
    return { what: "what the step took from outside", recorded: "as logged", again: thrown.message };
  }
  const { latentChecksum, plan, untaken } = outcome;
  if (untaken > 0) return { what: "what the step took from outside", recorded: "as logged", again: `${untaken} fewer` };
  if (latentChecksum !== event.latent_checksum) {
    return { what: "checksum of the latent", recorded: hex(event.latent_checksum), again: hex(latentChecksum) };
  }
  if (plan.length !== event.plan.length) {
    return { what: "number of plans", recorded: String(event.plan.length), again: String(plan.length) };
  }
  return plan[0] && comparePlans(event.plan[0]!, plan[0], actions);
}

/** @param names of the action dimensions, which are those of the joints */
export function comparePlans(
  recorded: PlanMessage,
  again: PlanMessage,
  names: readonly string[] = [],
): Difference | undefined {
  const width = recorded.action_dimension;
  const actionOf = (index: number) =>
    `action ${names[index % width] ?? index % width} in step ${Math.floor(index / width)}`;
  return firstDifference(
    recorded,
    again,
    COMPARED,
    (field, index) => `${index === undefined ? field : actionOf(index)} of plan ${recorded.plan_id}`,
  );
}
