import { parseStrict } from "../../config/parse-strict.ts";
import { LatentloopError } from "../../core/errors.ts";
import { CAMERA_SOURCES } from "./index.ts";
import type { CameraSource, CameraSourceKind } from "./source.ts";

/**
 * Opens the source of one camera from its configuration; `where` names that in errors.
 * @throws ERR_CAMERA_SOURCE for an unknown kind, or if it cannot be opened
 * @throws ERR_UNKNOWN_KEY, ERR_MISSING_KEY, ERR_INVALID_VALUE if the configuration does not fit the kind
 */
export async function openCameraSource(
  camera: string,
  kind: string,
  config: unknown,
  where: string,
): Promise<CameraSource> {
  const kinds: Readonly<Record<string, CameraSourceKind>> = CAMERA_SOURCES;
  const source = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (source === undefined) {
    throw new LatentloopError(
      "ERR_CAMERA_SOURCE",
      `Expected a camera source of ${Object.keys(kinds).join(", ")} for ${camera} but received "${kind}".`,
    );
  }
  return source.open(camera, parseStrict(source.schema, config, where));
}
