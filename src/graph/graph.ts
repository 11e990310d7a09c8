import { LatentloopError } from "../core/errors.ts";
import { type DType, elementCount, formatShape, type Shape, type TensorData } from "../core/tensor.ts";
import { type ConstantValues, toTensorData } from "./constant-data.ts";
import { toOnnx } from "./emit.ts";
import { Sym } from "./sym.ts";
import type { TapeEntry } from "./tape.ts";

/** An ONNX attribute; floating-point ones are wrapped because ONNX tells 1 from 1.0. */
export type Attribute = number | string | readonly number[] | { readonly float: number } | Graph;
export type Attributes = Readonly<Record<string, Attribute>>;

/** One ONNX node. An absent optional input is undefined. */
export interface Node {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly (Sym | undefined)[];
  readonly outputs: readonly Sym[];
  readonly attributes: Attributes;
}

export interface Constant {
  readonly sym: Sym;
  readonly data: TensorData;
}

/** How the caller fills an input of seeded noise. */
export type NoiseKind = "normal" | "uniform";

/** State shared by a graph and the Loop bodies inside it. */
interface Program {
  readonly constants: Map<string, Constant>;
  readonly tape: TapeEntry[];
  readonly timesUsed: Map<string, number>;
  scope: string;
  layer: string;
  recording: boolean;
}

const MAX_SHARED_ELEMENTS = 4096;

/**
 * A program under construction: operators append nodes, `gradients` appends more of them, `toOnnx` writes the model.
 *
 * Values of an outer graph may be used inside a Loop body; an operator whose operands are all outer values is emitted in
 * the outer graph, so what does not change in a loop is computed once.
 */
export class Graph {
  readonly name: string;
  readonly parent: Graph | undefined;
  readonly nodes: Node[] = [];
  readonly inputs: Sym[] = [];
  readonly outputs: { readonly name: string; readonly value: Sym }[] = [];
  /** Inputs that the caller fills with seeded noise before every run. */
  readonly noise = new Map<string, NoiseKind>();
  readonly #program: Program;

  constructor(name = "graph", parent?: Graph) {
    this.name = name;
    this.parent = parent;
    this.#program = parent
      ? parent.#program
      : { constants: new Map(), tape: [], timesUsed: new Map(), scope: "", layer: "", recording: true };
  }

  get root(): Graph {
    return this.parent?.root ?? this;
  }

  /** Differentiable applications in the order they were made, Loop bodies included. */
  get tape(): TapeEntry[] {
    return this.#program.tape;
  }

  get constants(): Iterable<Constant> {
    return this.#program.constants.values();
  }

  /** Path of the layer being built, as in `encoder/conv1`. */
  get scopePath(): string {
    const { scope, layer } = this.#program;
    return scope === "" || layer === "" ? scope + layer : `${scope}/${layer}`;
  }

  input(name: string, shape: Shape, dtype: DType = "float32"): Sym {
    this.#reserve(name);
    const sym = new Sym(this, name, shape, dtype);
    this.inputs.push(sym);
    return sym;
  }

  /** An input of independent random numbers, drawn by the caller: standard normal, or uniform in [0, 1). */
  noiseInput(name: string, shape: Shape, kind: NoiseKind = "normal"): Sym {
    this.noise.set(name, kind);
    return this.input(name, shape);
  }

  output(name: string, value: Sym): void {
    this.#reserve(name);
    this.outputs.push({ name, value });
  }

  /** A constant tensor, by default named after its values; small equal constants are stored once. */
  constant(values: ConstantValues, shape: Shape, dtype: DType = "float32", name?: string): Sym {
    const count = elementCount(shape);
    if (values.length !== count) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected ${count} values for a constant of shape ${formatShape(shape)} but received ${values.length}.`,
      );
    }
    const { constants } = this.#program;
    const shared = name === undefined && count <= MAX_SHARED_ELEMENTS;
    const key = shared ? `${dtype} ${shape.join()} ${values.join()}` : `#${constants.size}`;
    let constant = constants.get(key);
    if (!constant) {
      const label = name ?? `constant/${count <= 6 ? values.join("_") : `${dtype}_${shape.join("x")}`}`;
      const sym = new Sym(this.root, this.uniqueName(label), shape, dtype);
      constant = { sym, data: toTensorData(values, dtype) };
      constants.set(key, constant);
    }
    return constant.sym;
  }

  scalar(value: number, dtype: DType = "float32"): Sym {
    return this.constant([value], [], dtype);
  }

  /** Builds under a name that shows in Netron and in error messages: scopes nest as `encoder/conv1`. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.scopePath;
    return this.withScopePath(outer === "" ? name : `${outer}/${name}`, build);
  }

  /** Builds one layer inside the current scope. Layers do not nest: an inner layer's path stands for itself. */
  layer<T>(path: string, build: () => T): T {
    const outer = this.#program.layer;
    this.#program.layer = path;
    try {
      return build();
    } finally {
      this.#program.layer = outer;
    }
  }

  /** Builds under a full path, whatever the current one is. */
  withScopePath<T>(path: string, build: () => T): T {
    const outer = this.#program.scope;
    this.#program.scope = path;
    try {
      return this.layer("", build);
    } finally {
      this.#program.scope = outer;
    }
  }

  /** Builds values that gradients never enter. */
  withoutGradient<T>(build: () => T): T {
    const program = this.#program;
    const outer = program.recording;
    program.recording = false;
    try {
      return build();
    } finally {
      program.recording = outer;
    }
  }

  /** Appends one ONNX node; operators call this through `node`. */
  append(
    type: string,
    inputs: readonly (Sym | undefined)[],
    outputs: readonly (readonly [Shape, DType])[],
    attributes: Attributes,
  ): Sym[] {
    const scope = this.scopePath;
    const name = this.uniqueName(scope === "" ? type : `${scope}/${type}`);
    const made = outputs.map(([shape, dtype], i) => new Sym(this, i === 0 ? name : `${name}:${i}`, shape, dtype));
    this.nodes.push({ name, type, inputs, outputs: made, attributes });
    return made;
  }

  record(entry: TapeEntry): void {
    if (this.#program.recording) this.#program.tape.push(entry);
  }

  #reserve(name: string): void {
    const { timesUsed } = this.#program;
    if (timesUsed.has(name)) {
      throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected names of a graph to differ but "${name}" is taken.`);
    }
    timesUsed.set(name, 1);
  }

  /** `name`, or `name_1`, `name_2` … when it is taken. */
  uniqueName(name: string): string {
    const { timesUsed } = this.#program;
    const used = timesUsed.get(name) ?? 0;
    timesUsed.set(name, used + 1);
    return used === 0 ? name : this.uniqueName(`${name}_${used}`);
  }

  /** The ONNX model, only with the nodes that its outputs need. */
  toOnnx(): Uint8Array {
    return toOnnx(this);
  }
}

/**
 * The innermost graph among those of the operands: where an operator on them belongs.
 * @throws ERR_INVALID_ARGUMENT if there is no operand, or if they belong to unrelated graphs
 */
export function graphOf(operands: readonly (Sym | number | undefined)[]): Graph {
  let inner: Graph | undefined;
  for (const operand of operands) {
    if (!(operand instanceof Sym) || operand.graph === inner) continue;
    if (inner === undefined || encloses(inner, operand.graph)) inner = operand.graph;
    else if (!encloses(operand.graph, inner)) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected operands of one graph but "${operand.name}" belongs to ${operand.graph.name} and another to ${inner.name}.`,
        { remedy: "A value made inside a Loop body leaves it only as the body's state or scan output." },
      );
    }
  }
  if (!inner) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      "Expected at least one symbolic operand but received numbers only.",
    );
  }
  return inner;
}

function encloses(outer: Graph, inner: Graph): boolean {
  for (let graph: Graph | undefined = inner; graph; graph = graph.parent) if (graph === outer) return true;
  return false;
}
