import { type DType, formatShape, type TensorSpec } from "../core/tensor.ts";

/** Graphs of a bundle: what each does and feeds on is in docs/models.md. */
export const GRAPH_NAMES = ["encode", "observe", "plan", "plan_short", "act", "imagine", "decode"] as const;
export type GraphName = (typeof GRAPH_NAMES)[number];

export interface GraphSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What the manifest says besides its graphs: the sizes that its graphs must have. */
export interface ModelSizes {
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly proprioception: number;
  readonly action: number;
  readonly latent: number;
}

/** A tensor that breaks the contract. The path starts at the graph; `expected` ends the sentence "Expected …". */
export interface ContractBreach {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

/** Extents: a number, or a letter that stands for the same number everywhere (docs/models.md). Undefined: any shape. */
type ShapeRule = readonly (number | string)[] | undefined;

interface TensorRule {
  readonly name: string;
  readonly shape: ShapeRule;
  readonly dtype: DType;
  readonly optional: boolean;
}

interface GraphRule {
  readonly inputs: readonly TensorRule[];
  readonly outputs: readonly TensorRule[];
}

const required = (name: string, shape: ShapeRule, dtype: DType = "float32"): TensorRule => ({
  name,
  shape,
  dtype,
  optional: false,
});
const optional = (name: string, shape: ShapeRule): TensorRule => ({ ...required(name, shape), optional: true });

const PLAN: GraphRule = {
  inputs: [
    required("latent", [1, "L"]),
    required("in_flight_action", [1, "A"]),
    required("in_flight_fraction", [1, 1]),
    required("previous_mean", ["H", "A"]),
    required("noise", undefined),
  ],
  outputs: [required("actions", ["H", "A"]), optional("std", ["H", "A"]), optional("value", [1])],
};

function rulesFor({ cameras, proprioception }: ModelSizes): Readonly<Record<GraphName, GraphRule>> {
  const images = (batch: ShapeRule & {}): TensorRule[] =>
    cameras.map(({ name, width, height }) => required(`image_${name}`, [...batch, height, width, 3], "uint8"));
  return {
    encode: {
      inputs: [...images([1]), ...(proprioception > 0 ? [required("proprioception", [1, "P"])] : [])],
      outputs: [required("embedding", [1, "E"])],
    },
    observe: {
      inputs: [
        required("latent", [1, "L"]),
        required("action", [1, "A"]),
        required("embedding", [1, "E"]),
        required("is_first", [1, 1]),
        optional("noise", undefined),
      ],
      outputs: [required("latent_out", [1, "L"]), required("surprise", [1])],
    },
    plan: PLAN,
    plan_short: PLAN,
    act: {
      inputs: [required("latent", [1, "L"]), required("noise", [1, "A"])],
      outputs: [required("action", [1, "A"])],
    },
    imagine: {
      inputs: [required("latent", [1, "L"]), required("actions", ["N", "T", "A"])],
      outputs: [
        required("latents", ["N", "T", "L"]),
        required("rewards", ["N", "T"]),
        optional("values", ["N", "T"]),
        optional("continuation", ["N", "T"]),
      ],
    },
    decode: { inputs: [required("latent", ["B", "L"])], outputs: images(["B"]) },
  };
}

/**
 * Every way in which a bundle's graphs break the contract of docs/models.md.
 *
 * An input that the loop does not know is a breach, because nothing would feed it; a further output is not.
 */
export function checkGraphContract(
  graphs: Readonly<Partial<Record<GraphName, GraphSignature | undefined>>>,
  sizes: ModelSizes,
): ContractBreach[] {
  const rules = rulesFor(sizes);
  const letters = new Map<string, number>([
    ["A", sizes.action],
    ["P", sizes.proprioception],
    ["L", sizes.latent],
  ]);
  const breaches: ContractBreach[] = [];
  if (!graphs.plan && !graphs.act) breaches.push({ path: ["plan"], expected: "a graph 'plan' or a graph 'act'" });
  for (const name of GRAPH_NAMES) {
    const graph = graphs[name];
    if (!graph) continue;
    breaches.push(...checkTensors([name, "inputs"], rules[name].inputs, graph.inputs, letters));
    breaches.push(...checkTensors([name, "outputs"], rules[name].outputs, graph.outputs, letters));
    for (const [i, { name: input }] of graph.inputs.entries()) {
      if (rules[name].inputs.some((rule) => rule.name === input)) continue;
      const known = rules[name].inputs.map((rule) => rule.name).join(", ");
      breaches.push({
        path: [name, "inputs", i, "name"],
        expected: `one of the inputs that the loop feeds (${known})`,
      });
    }
  }
  return breaches;
}

function checkTensors(
  path: readonly string[],
  rules: readonly TensorRule[],
  tensors: readonly TensorSpec[],
  letters: Map<string, number>,
): ContractBreach[] {
  return rules.flatMap((rule): ContractBreach[] => {
    const i = tensors.findIndex((tensor) => tensor.name === rule.name);
    const tensor = tensors[i];
    if (!tensor)
      return rule.optional ? [] : [{ path, expected: `a tensor '${rule.name}' ${formatRule(rule, letters)}` }];
    if (tensor.dtype !== rule.dtype) return [{ path: [...path, i, "dtype"] as const, expected: `"${rule.dtype}"` }];
    if (rule.shape === undefined || fits(rule.shape, tensor.shape, letters)) return [];
    return [{ path: [...path, i, "shape"], expected: `${formatRule(rule, letters)} for '${rule.name}'` }];
  });
}

/** Whether the shape has the extents; a letter without a value takes the one it meets first. */
function fits(rule: ShapeRule & {}, shape: readonly number[], letters: Map<string, number>): boolean {
  if (rule.length !== shape.length) return false;
  return rule.every((extent, axis) => {
    if (typeof extent === "number") return extent === shape[axis];
    const known = letters.get(extent);
    if (known === undefined) letters.set(extent, shape[axis]!);
    return known === undefined || known === shape[axis];
  });
}

/** "[1, L] = [1, 64]" */
function formatRule({ shape, dtype }: TensorRule, letters: ReadonlyMap<string, number>): string {
  if (shape === undefined) return `of ${dtype}`;
  const known = shape.map((extent) => (typeof extent === "number" ? extent : (letters.get(extent) ?? extent)));
  const values = formatShape(known as number[]);
  const symbols = formatShape(shape as number[]);
  return `${symbols}${values === symbols ? "" : ` = ${values}`}${dtype === "float32" ? "" : ` of ${dtype}`}`;
}
