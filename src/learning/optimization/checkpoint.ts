import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import { formatShape, sameShape, type Tensor, type TensorSpec } from "../../core/tensor.ts";
import { type AtomicFileSystem, writeFileAtomically } from "../atomic-file.ts";
import { encodeSafetensors, readSafetensors } from "./safetensors.ts";

const FORMAT = "latentloop-checkpoint";
const VERSION = "1";

/** Where a training run stands. With the state tensors it is all that an exact resume needs. */
const Progress = z.strictObject({
  /** Optimiser steps tried, skipped ones included; the index of the next batch. */
  step: z.int().nonnegative(),
  /** Seed of every batch and of all noise. */
  seed: z.int(),
  /** What a model or an algorithm wants to keep: its configuration, its own counters. */
  extra: z.record(z.string(), z.json()),
});
export type Progress = z.infer<typeof Progress>;

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly progress: Progress;
}

/**
 * Writes a checkpoint so that a crash at any instant leaves the previous file or the new one.
 * @throws ERR_CHECKPOINT_WRITE if the disk refuses; the previous file is untouched
 */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint, files?: AtomicFileSystem): Promise<void> {
  const metadata = { format: FORMAT, version: VERSION, progress: JSON.stringify(checkpoint.progress) };
  try {
    await writeFileAtomically(path, encodeSafetensors({ tensors: checkpoint.tensors, metadata }), files);
  } catch (cause) {
    throw new LatentloopError("ERR_CHECKPOINT_WRITE", `${path} could not be written: ${messageOf(cause)}.`, {
      remedy: "Free disk space or check the folder's permissions; training can go on from the previous checkpoint.",
      cause,
    });
  }
}

/** @throws ERR_CHECKPOINT_UNREADABLE if the file is damaged or no checkpoint of this version */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  const { format = "none", version = "none", progress = "" } = metadata;
  if (format !== FORMAT || version !== VERSION) {
    const expected = `format ${FORMAT}, version ${VERSION}`;
    throw unreadable(path, `expected ${expected} in its metadata but found format ${format}, version ${version}`);
  }
  try {
    return { tensors, progress: Progress.parse(JSON.parse(progress)) };
  } catch (cause) {
    throw unreadable(path, `its progress record is wrong: ${messageOf(cause)}`, cause);
  }
}

/**
 * Checks that the tensors are exactly the asked ones: none missing, none unknown, same shapes and element types.
 * @throws ERR_CHECKPOINT_MISMATCH naming the first culprit and how many there are
 */
export function checkTensors(specs: readonly TensorSpec[], tensors: ReadonlyMap<string, Tensor>, source: string): void {
  const wanted = new Map(specs.map((spec) => [spec.name, spec]));
  const missing = specs.filter(({ name }) => !tensors.has(name)).map(({ name }) => name);
  const unknown = [...tensors.keys()].filter((name) => !wanted.has(name));
  if (missing.length > 0) throw mismatch(source, `lacks ${listed(missing)}`, unknown);
  if (unknown.length > 0) throw mismatch(source, `holds ${listed(unknown)}, which the model does not have`, []);
  for (const { name, shape, dtype } of specs) {
    const found = tensors.get(name)!;
    if (found.dtype === dtype && sameShape(found.shape, shape)) continue;
    const expected = `${dtype} ${formatShape(shape)}`;
    throw mismatch(source, `holds "${name}" as ${found.dtype} ${formatShape(found.shape)}, expected ${expected}`, []);
  }
}

function listed(names: readonly string[]): string {
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `${names
    .slice(0, 3)
    .map((name) => `"${name}"`)
    .join(", ")}${rest}`;
}

function mismatch(source: string, what: string, alsoUnknown: readonly string[]): LatentloopError {
  const also = alsoUnknown.length > 0 ? ` and holds ${listed(alsoUnknown)} instead` : "";
  return new LatentloopError("ERR_CHECKPOINT_MISMATCH", `${source} ${what}${also}.`, {
    remedy: "Build the model with the configuration that the checkpoint was trained with.",
  });
}

function unreadable(path: string, what: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_CHECKPOINT_UNREADABLE", `${path} is no checkpoint: ${what}.`, {
    remedy: "Name a checkpoint that this version of latentloop wrote.",
    cause,
  });
}
