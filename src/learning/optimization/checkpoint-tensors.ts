import { elementCount, type Tensor, type TensorSpec } from "../../core/tensor.ts";
import { initializeParameters, initialState, type StepGraph, TARGET_PREFIX } from "../../graph/index.ts";

/** The state of a step as its graph holds it, by input name. All of it is float32. */
export type StateArrays = ReadonlyMap<string, Float32Array>;

interface StoredPart extends TensorSpec {
  /** State tensor that it lies in, and where. */
  readonly holder: string;
  readonly offset: number;
}

/**
 * What a checkpoint of the step holds. Parameters are stored one by one under their own names, also where the step keeps
 * several of them in one tensor, so that a checkpoint can be read by name elsewhere.
 */
export function checkpointSpecs(step: Pick<StepGraph, "state">): StoredPart[] {
  return step.state.flatMap(({ name: holder, shape, role, parts }): StoredPart[] => {
    if (parts.length === 0) return [{ name: holder, shape, dtype: "float32", holder, offset: 0 }];
    const prefix = role === "target" ? TARGET_PREFIX : "";
    return parts.map((part) => ({ ...part, name: prefix + part.name, dtype: "float32", holder }));
  });
}

/** The state's tensors under their checkpoint names, as views of the arrays. */
export function borrowTensors(step: Pick<StepGraph, "state">, state: StateArrays): Map<string, Tensor<"float32">> {
  return new Map(
    checkpointSpecs(step).map(({ name, shape, holder, offset }) => [
      name,
      { dtype: "float32", shape, data: state.get(holder)!.subarray(offset, offset + elementCount(shape)) },
    ]),
  );
}

/** Zeros in the shapes of the step's state. */
export function emptyState(step: Pick<StepGraph, "state">): Map<string, Float32Array> {
  return new Map(step.state.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]));
}

/** Copies checked checkpoint tensors to where the step's state has them. */
export function copyTensors(
  step: Pick<StepGraph, "state">,
  tensors: ReadonlyMap<string, Tensor>,
  state: StateArrays,
): void {
  for (const { name, holder, offset } of checkpointSpecs(step)) {
    state.get(holder)!.set(tensors.get(name)!.data as Float32Array, offset);
  }
}

/** The state before the first update: parameters drawn from the seed, or the given ones where they have a value. */
export function initialTensors(
  step: Pick<StepGraph, "state" | "parameters">,
  seed: number,
  pretrained: ReadonlyMap<string, Float32Array> = new Map(),
): Map<string, Tensor<"float32">> {
  const drawn = initializeParameters(step.parameters, seed);
  return borrowTensors(step, initialState(step.state, new Map([...drawn, ...pretrained])));
}

/** The trained parameters among a checkpoint's tensors, by name. */
export function parametersOf(
  step: Pick<StepGraph, "parameters">,
  tensors: ReadonlyMap<string, Tensor>,
): Map<string, Float32Array> {
  return new Map(step.parameters.map(({ name }) => [name, tensors.get(name)!.data as Float32Array]));
}
