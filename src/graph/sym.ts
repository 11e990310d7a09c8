import { type DType, elementCount, type Shape } from "../core/tensor.ts";
import type { Graph } from "./graph.ts";

/** A symbolic tensor: the name, shape and element type of a value that a graph will compute. */
export class Sym {
  readonly graph: Graph;
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(graph: Graph, name: string, shape: Shape, dtype: DType) {
    this.graph = graph;
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return elementCount(this.shape);
  }

  /** Extent of one axis; negative axes count from the end. */
  extent(axis: number): number {
    return this.shape.at(axis) ?? 1;
  }
}

/** What an operator accepts where a scalar constant makes sense too. */
export type Operand = Sym | number;
