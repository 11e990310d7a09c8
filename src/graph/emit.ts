import onnxProto from "onnx-proto";
import type { DType } from "../core/tensor.ts";
import { type Attribute, Graph, type Node } from "./graph.ts";
import type { Sym } from "./sym.ts";

const { onnx } = onnxProto;

/** The one operator-set version that all our models declare. */
export const OPSET_VERSION = 18;
const IR_VERSION = 8;

/** ONNX TensorProto.DataType numbers. */
export const ONNX_DTYPE: Readonly<Record<DType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

const { FLOAT, INT, STRING, GRAPH, INTS } = onnx.AttributeProto.AttributeType;

/** The serialised ONNX model of a graph, without the nodes and constants that no output needs. */
export function toOnnx(graph: Graph): Uint8Array {
  const needed = new Set<string>();
  const live = collectLive(graph, needed);
  const initializer = [...graph.constants]
    .filter(({ sym }) => needed.has(sym.name))
    .map(({ sym, data }) => ({
      name: sym.name,
      dims: [...sym.shape],
      dataType: ONNX_DTYPE[sym.dtype],
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }));
  return onnx.ModelProto.encode({
    irVersion: IR_VERSION,
    producerName: "latentloop",
    opsetImport: [{ domain: "", version: OPSET_VERSION }],
    graph: { ...graphProto(graph, live, new Map()), initializer },
  }).finish();
}

type LiveNodes = Map<Graph, Node[]>;

/** Walks back from the outputs: `needed` gathers every value name in use, also those that Loop bodies take from outside. */
function collectLive(graph: Graph, needed: Set<string>, live: LiveNodes = new Map()): LiveNodes {
  for (const { value } of graph.outputs) needed.add(value.name);
  const kept: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((output) => needed.has(output.name))) continue;
    kept.push(node);
    for (const input of node.inputs) if (input) needed.add(input.name);
    for (const attribute of Object.values(node.attributes)) {
      if (attribute instanceof Graph) collectLive(attribute, needed, live);
    }
  }
  live.set(graph, kept.reverse());
  return live;
}

type Renames = Map<string, string>;

function graphProto(graph: Graph, live: LiveNodes, outerNames: Renames) {
  const names: Renames = new Map(outerNames);
  const nodes = live.get(graph)!;
  const produced = new Set(nodes.flatMap((node) => node.outputs.map((output) => output.name)));
  const copies: { from: string; to: string }[] = [];
  // The producing node writes the output's name: an Identity node, and its copy, only where that cannot be.
  for (const { name, value } of graph.outputs) {
    if (produced.delete(value.name)) names.set(value.name, name);
    else copies.push({ from: value.name, to: name });
  }
  const nameOf = (name: string) => names.get(name) ?? name;
  return {
    name: graph.name,
    node: [
      ...nodes.map((node) => ({
        name: node.name,
        opType: node.type,
        input: node.inputs.map((input) => (input ? nameOf(input.name) : "")),
        output: node.outputs.map((output) => nameOf(output.name)),
        attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value, live, names)),
      })),
      ...copies.map(({ from, to }) => ({ name: to, opType: "Identity", input: [nameOf(from)], output: [to] })),
    ],
    input: graph.inputs.map((input) => valueInfo(input.name, input)),
    output: graph.outputs.map(({ name, value }) => valueInfo(name, value)),
  };
}

function attributeProto(name: string, value: Attribute, live: LiveNodes, names: Renames): object {
  if (typeof value === "number") return { name, type: INT, i: value };
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  if (value instanceof Graph) return { name, type: GRAPH, g: graphProto(value, live, names) };
  if ("float" in value) return { name, type: FLOAT, f: value.float };
  return { name, type: INTS, ints: [...value] };
}

function valueInfo(name: string, sym: Sym) {
  const dim = sym.shape.map((extent) => ({ dimValue: extent }));
  return { name, type: { tensorType: { elemType: ONNX_DTYPE[sym.dtype], shape: { dim } } } };
}
