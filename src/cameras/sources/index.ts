import { imageFolder } from "./image-folder.ts";
import type { CameraSourceKind } from "./source.ts";

/** Kinds of camera sources by the name that a configuration gives them. */
export const CAMERA_SOURCES = { "image-folder": imageFolder } as const satisfies Record<string, CameraSourceKind>;
