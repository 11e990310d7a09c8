import type { Sym } from "../../graph/index.ts";
import type { ObservationNetworks } from "../../world-models/observation-networks.ts";
import { type ObservedSequence, observeSequence, packState, type Rssm } from "../../world-models/rssm.ts";
import { firstSteps, mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";

/** What a recurrent model makes of a batch of sequences. */
export interface ObservedBatch {
  /** The first steps: those that have images. */
  readonly batch: SequenceBatch;
  /** Of these steps. Shapes: [T·B, P], [T·B, E] */
  readonly proprioception: Sym | undefined;
  readonly embeddings: Sym;
  readonly observed: ObservedSequence;
  /** Of the posterior states. Shapes: [T·B, F] */
  readonly features: Sym;
}

/** Shapes: the first T of the batch's N steps have images; noise [T, B, Z], prepared */
export function observeBatch(
  { rssm, observation }: { readonly rssm: Rssm; readonly observation: ObservationNetworks },
  whole: SequenceBatch,
  noise: Sym,
): ObservedBatch {
  const batch = firstSteps(whole, noise.extent(0));
  const proprioception = batch.proprioception && mergeSteps(batch.proprioception);
  const images = Object.fromEntries(Object.entries(batch.images).map(([name, image]) => [name, mergeSteps(image)]));
  const embeddings = observation.encode(images, proprioception);
  const observed = observeSequence(rssm, { actions: batch.action, embeddings, isFirst: batch.isFirst, noise });
  return { batch, proprioception, embeddings, observed, features: packState(observed) };
}
