import { coerce, type ParameterRow, type ParameterTable, type ParameterValue, typeName } from "./parameter-table.ts";
import {
  PARAMETER_TYPE,
  type Rcl,
  type RclNode,
  type RclParameter,
  type RclParameterDescriptor,
  type RclSetResult,
} from "./rclnodejs.ts";

/**
 * Declares a node's parameters with descriptors and ranges; values come from launch files and the command line.
 * `isLocked` says why no parameter may change now, or nothing.
 *
 * @returns reads the values of now
 * @throws ERR_INVALID_VALUE for an override of another type
 */
export function declareParameters(
  rcl: Rcl,
  node: RclNode,
  table: ParameterTable,
  overrides: ReadonlyMap<string, unknown>,
  isLocked: () => string | undefined,
): () => Map<string, ParameterValue> {
  for (const row of table.rows) {
    const value = overrides.has(row.name) ? coerce(row, overrides.get(row.name)) : row.default;
    node.declareParameter(new rcl.Parameter(row.name, row.type, value), describe(rcl, row), true);
  }
  const read = () =>
    new Map(table.rows.map(({ name }) => [name, node.getParameter(name).value as ParameterValue] as const));
  node.addOnSetParametersCallback((parameters) => judge(table, read(), parameters, isLocked()));
  return read;
}

function judge(
  table: ParameterTable,
  values: Map<string, ParameterValue>,
  parameters: readonly RclParameter[],
  locked: string | undefined,
): RclSetResult {
  const refuse = (reason: string): RclSetResult => ({ successful: false, reason });
  const own = parameters.filter(({ name }) => table.row(name) !== undefined);
  if (own.length > 0 && locked !== undefined) return refuse(locked);
  for (const { name, type, value } of own) {
    const row = table.row(name)!;
    if (type !== row.type)
      return refuse(`Expected ${typeName(row.type)} for '${name}' but received ${typeName(type)}.`);
    values.set(name, value as ParameterValue);
  }
  const reason = table.refusal(
    values,
    own.map(({ name }) => name),
  );
  return reason === undefined ? { successful: true, reason: "" } : refuse(reason);
}

/** A descriptor whose check is left to `judge`, which has sentences, and whose ranges reach `ros2 param describe`. */
function describe(rcl: Rcl, row: ParameterRow): RclParameterDescriptor {
  const descriptor = new rcl.ParameterDescriptor(row.name, row.type, row.description, row.readOnly);
  const message = { ...descriptor.toMessage(), additional_constraints: row.range, ...rangeOf(row) };
  descriptor.validateParameter = () => {};
  descriptor.toMessage = () => message;
  return descriptor;
}

function rangeOf({ type, minimum, maximum }: ParameterRow): object {
  if (minimum === undefined && maximum === undefined) return {};
  if (type === PARAMETER_TYPE.integer) {
    const from = BigInt(Math.ceil(Math.max(minimum ?? Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER)));
    const to = BigInt(Math.floor(Math.min(maximum ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)));
    return { integer_range: [{ from_value: from, to_value: to, step: 1n }] };
  }
  if (type !== PARAMETER_TYPE.double) return {};
  const [from_value, to_value] = [minimum ?? -Number.MAX_VALUE, maximum ?? Number.MAX_VALUE];
  return { floating_point_range: [{ from_value, to_value, step: 0 }] };
}
