import { LatentloopError } from "../core/errors.ts";
import { Rng } from "../core/rng.ts";
import { elementCount, formatShape, type Shape, sameShape } from "../core/tensor.ts";
import type { Graph } from "./graph.ts";
import type { Initializer } from "./nn/initializers.ts";
import { gather } from "./operators/indexing.ts";
import { stopGradient } from "./operators/selection.ts";
import type { Sym } from "./sym.ts";

/** What a layer asks for when it uses a parameter. */
export interface ParameterRequest {
  readonly shape: Shape;
  readonly initializer: Initializer;
  /** Inputs and outputs per unit, for initialisers that scale by them; by default those of a matrix [inputs, outputs]. */
  readonly fanIn?: number;
  readonly fanOut?: number;
}

/** One trained tensor of a model. */
export interface ParameterSpec extends Required<ParameterRequest> {
  /** Path of scopes, as in `encoder/conv1/weight`. */
  readonly name: string;
  /** Which optimiser trains it. */
  readonly group: string;
}

/** Where parameters come from: graph inputs, constants, or values made earlier. */
export interface ParameterSource {
  readonly graph: Graph;
  parameter(spec: ParameterSpec): Sym;
  /** The slowly moving copy of a parameter, for target networks. */
  target(spec: ParameterSpec): Sym;
}

type Variant = "trained" | "frozen" | "target";

/**
 * A scope of named parameters, handed to the functions that define a network. Layers declare by use: the first use of a name
 * fixes its shape and initialiser, the next uses share the tensor.
 */
export class Parameters {
  readonly #source: ParameterSource;
  readonly #path: string;
  readonly #group: string;
  readonly #variant: Variant;

  constructor(source: ParameterSource, path = "", group = "model", variant: Variant = "trained") {
    this.#source = source;
    this.#path = path;
    this.#group = group;
    this.#variant = variant;
  }

  get graph(): Graph {
    return this.#source.graph;
  }

  /** The parameters of a part; scopes nest as `encoder/conv1`. */
  scope(name: string): Parameters {
    return new Parameters(this.#source, this.#pathOf(name), this.#group, this.#variant);
  }

  /** The same scope, its parameters trained by the optimiser of another group. */
  group(name: string): Parameters {
    return new Parameters(this.#source, this.#path, name, this.#variant);
  }

  /** The same parameters, through which no gradient flows. */
  frozen(): Parameters {
    const variant = this.#variant === "target" ? "target" : "frozen";
    return new Parameters(this.#source, this.#path, this.#group, variant);
  }

  /** The slowly moving copies of these parameters; no gradient flows to them. */
  target(): Parameters {
    return new Parameters(this.#source, this.#path, this.#group, "target");
  }

  /**
   * Some members of an ensemble: layers built on these parameters ask for as many members as there are indices.
   *
   * Shapes: indices [M] int64, each below `of`, the ensemble's size
   */
  members(indices: Sym, of: number): Parameters {
    return new Parameters(new MemberParameters(this.#source, indices, of), this.#path, this.#group, this.#variant);
  }

  /** The same parameters, each as `change` gives it: to freeze some of them, or to see which are used. */
  map(change: (parameter: Sym, spec: ParameterSpec) => Sym): Parameters {
    return new Parameters(new MappedParameters(this.#source, change), this.#path, this.#group, this.#variant);
  }

  /** @throws ERR_SHAPE_MISMATCH if the name was used with another shape before */
  get(name: string, request: ParameterRequest): Sym {
    const { shape } = request;
    const spec: ParameterSpec = {
      fanIn: elementCount(shape.slice(0, -1)),
      fanOut: shape.at(-1) ?? 1,
      ...request,
      name: this.#pathOf(name),
      group: this.#group,
    };
    const sym = this.#variant === "target" ? this.#source.target(spec) : this.#source.parameter(spec);
    if (!sameShape(sym.shape, shape)) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected parameter "${spec.name}" of shape ${formatShape(shape)} but it is ${formatShape(sym.shape)}.`,
        { remedy: "Give layers of different shapes different scopes." },
      );
    }
    return this.#variant === "frozen" ? stopGradient(sym) : sym;
  }

  /** Builds a layer so that its nodes carry the parameters' path as their name. */
  build<T>(layer: () => T): T {
    return this.graph.layer(this.#path, layer);
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}/${name}`;
  }
}

/** Prefix of a target copy's tensor name. */
export const TARGET_PREFIX = "target/";

/** Declares each parameter on first use, as an input of the graph; `specs` and `targets` tell which. */
export class InputParameters implements ParameterSource {
  readonly graph: Graph;
  readonly specs = new Map<string, ParameterSpec>();
  /** Names of the parameters that have a target copy. */
  readonly targets = new Set<string>();
  readonly #syms = new Map<string, Sym>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  parameter(spec: ParameterSpec): Sym {
    if (!this.specs.has(spec.name)) this.specs.set(spec.name, spec);
    return this.#input(spec.name, spec.shape);
  }

  target(spec: ParameterSpec): Sym {
    this.parameter(spec);
    this.targets.add(spec.name);
    return this.#input(TARGET_PREFIX + spec.name, spec.shape);
  }

  #input(name: string, shape: Shape): Sym {
    let sym = this.#syms.get(name);
    if (!sym) this.#syms.set(name, (sym = this.graph.input(name, shape)));
    return sym;
  }
}

/** Trained values written into the graph as constants, for inference; target copies read the same values. */
export class ConstantParameters implements ParameterSource {
  readonly graph: Graph;
  readonly #values: ReadonlyMap<string, Float32Array>;
  readonly #syms = new Map<string, Sym>();

  constructor(graph: Graph, values: ReadonlyMap<string, Float32Array>) {
    this.graph = graph;
    this.#values = values;
  }

  /** @throws ERR_UNKNOWN_PARAMETER if there is no value of that name */
  parameter(spec: ParameterSpec): Sym {
    let sym = this.#syms.get(spec.name);
    if (sym) return sym;
    const values = this.#values.get(spec.name);
    if (!values) throw unknownParameter(spec.name);
    this.#syms.set(spec.name, (sym = this.graph.constant(values, spec.shape, "float32", spec.name)));
    return sym;
  }

  target(spec: ParameterSpec): Sym {
    return this.parameter(spec);
  }
}

/** Values already in the graph, such as the state of a training step. */
export class BoundParameters implements ParameterSource {
  readonly graph: Graph;
  readonly #syms: ReadonlyMap<string, Sym>;

  constructor(graph: Graph, syms: ReadonlyMap<string, Sym>) {
    this.graph = graph;
    this.#syms = syms;
  }

  parameter(spec: ParameterSpec): Sym {
    return this.#find(spec.name);
  }

  target(spec: ParameterSpec): Sym {
    return this.#find(TARGET_PREFIX + spec.name);
  }

  #find(name: string): Sym {
    const sym = this.#syms.get(name);
    if (!sym) throw unknownParameter(name);
    return sym;
  }
}

/** Rows of another source's ensemble parameters. */
class MemberParameters implements ParameterSource {
  readonly #source: ParameterSource;
  readonly #indices: Sym;
  readonly #of: number;

  constructor(source: ParameterSource, indices: Sym, of: number) {
    this.#source = source;
    this.#indices = indices;
    this.#of = of;
  }

  get graph(): Graph {
    return this.#source.graph;
  }

  parameter(spec: ParameterSpec): Sym {
    return gather(this.#source.parameter(this.#whole(spec)), this.#indices);
  }

  target(spec: ParameterSpec): Sym {
    return gather(this.#source.target(this.#whole(spec)), this.#indices);
  }

  #whole(spec: ParameterSpec): ParameterSpec {
    return { ...spec, shape: [this.#of, ...spec.shape.slice(1)] };
  }
}

/** Another source's parameters, changed one by one. */
class MappedParameters implements ParameterSource {
  readonly #source: ParameterSource;
  readonly #change: (parameter: Sym, spec: ParameterSpec) => Sym;

  constructor(source: ParameterSource, change: (parameter: Sym, spec: ParameterSpec) => Sym) {
    this.#source = source;
    this.#change = change;
  }

  get graph(): Graph {
    return this.#source.graph;
  }

  parameter(spec: ParameterSpec): Sym {
    return this.#change(this.#source.parameter(spec), spec);
  }

  target(spec: ParameterSpec): Sym {
    return this.#source.target(spec);
  }
}

function unknownParameter(name: string): LatentloopError {
  return new LatentloopError("ERR_UNKNOWN_PARAMETER", `Expected a value for parameter "${name}" but there is none.`, {
    remedy: "Check that the checkpoint was written by the same model and configuration.",
  });
}

/**
 * Start values by name. Each parameter draws from its own generator, seeded by its name, so adding one leaves the others as
 * they were.
 */
export function initializeParameters(specs: Iterable<ParameterSpec>, seed: number): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const spec of specs) values.set(spec.name, spec.initializer(spec, new Rng(hash(spec.name) ^ seed)));
  return values;
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
