import { Document, isSeq, visit } from "yaml";
import { z } from "zod";
import { parseConfig, readText } from "../config/read-config.ts";
import type { CameraModel, DistortionModel } from "../core/camera.ts";

/** Coefficients of each lens model, in the order of camera_info. */
const COEFFICIENTS: Readonly<Record<DistortionModel, number>> = {
  plumb_bob: 5,
  rational_polynomial: 8,
  equidistant: 4,
};

const matrix = (rows: number, cols: number, description: string) =>
  z
    .strictObject({
      rows: z.literal(rows),
      cols: z.literal(cols),
      data: z.array(z.number()).length(rows * cols),
    })
    .meta({ description });

/**
 * A camera's calibration as ROS 2 writes it.
 * Source: camera_info_manager (image_common), camera_calibration_parsers
 */
export const cameraInfoSchema = z
  .strictObject({
    image_width: z.int().positive().meta({ unit: "px" }),
    image_height: z.int().positive().meta({ unit: "px" }),
    camera_name: z.string().min(1),
    camera_matrix: matrix(3, 3, "Intrinsics of the camera's own image; camera_matrix.data[0] = 0 says uncalibrated."),
    distortion_model: z.enum(["plumb_bob", "rational_polynomial", "equidistant"]).default("plumb_bob"),
    distortion_coefficients: z.strictObject({
      rows: z.literal(1),
      cols: z.int().nonnegative(),
      data: z.array(z.number()),
    }),
    rectification_matrix: matrix(3, 3, "Rotation of the camera into the rectified frame; the identity for one camera."),
    projection_matrix: matrix(3, 4, "Intrinsics of the rectified image; zeros keep those of camera_matrix."),
  })
  .superRefine((info, context) => {
    const { camera_matrix: K, distortion_coefficients: D, rectification_matrix: R, projection_matrix: P } = info;
    const refuse = (key: keyof typeof info, rule: string) =>
      context.addIssue({ code: "custom", path: [key, "data"], message: `Expected ${rule}` });
    if (D.cols !== D.data.length) refuse("distortion_coefficients", `${D.cols} numbers, as its cols says,`);
    if (K.data[0] === 0) return; // uncalibrated: nothing else counts
    const count = COEFFICIENTS[info.distortion_model];
    if (D.data.length !== count) refuse("distortion_coefficients", `${count} coefficients of ${info.distortion_model}`);
    if (!(K.data[0]! > 0 && K.data[4]! > 0)) refuse("camera_matrix", "positive focal lengths at 0 and 4");
    const keepsIntrinsics = P.data[0] === 0 && P.data[5] === 0;
    if (!keepsIntrinsics && !(P.data[0]! > 0 && P.data[5]! > 0)) {
      refuse("projection_matrix", "positive focal lengths at 0 and 5, or zeros,");
    }
    if (!isRotation(R.data)) refuse("rectification_matrix", "a rotation");
  });

type CameraInfoYaml = z.output<typeof cameraInfoSchema>;

/** Shapes: R row-major 3×3. Calibration files hold about six digits. */
function isRotation(R: readonly number[]): boolean {
  const dot = (a: number, b: number) => [0, 1, 2].reduce((sum, i) => sum + R[3 * a + i]! * R[3 * b + i]!, 0);
  const expected = (a: number, b: number) => (a === b ? 1 : 0);
  return [0, 1, 2].every((a) => [0, 1, 2].every((b) => Math.abs(dot(a, b) - expected(a, b)) < 1e-3));
}

/**
 * Reads a calibration file, e.g. `wrist.yaml`.
 * @throws ERR_FILE_UNREADABLE, ERR_SYNTAX, ERR_UNKNOWN_KEY, ERR_MISSING_KEY, ERR_INVALID_VALUE naming file, line and key
 */
export async function readCameraInfo(file: string): Promise<CameraModel> {
  return parseCameraInfo(await readText(file), file);
}

/** As `readCameraInfo`, of text at hand; `file` is its name in error sentences. */
export function parseCameraInfo(text: string, file: string): CameraModel {
  const info = parseConfig(cameraInfoSchema, text, file);
  return {
    name: info.camera_name,
    width: info.image_width,
    height: info.image_height,
    K: info.camera_matrix.data,
    distortionModel: info.distortion_model,
    D: info.distortion_coefficients.data,
    R: info.rectification_matrix.data,
    P: info.projection_matrix.data,
  };
}

/** The file that camera_info_manager would write: ROS 2 drivers read it as their `camera_info_url`. */
export function formatCameraInfo(model: CameraModel): string {
  const info: CameraInfoYaml = {
    image_width: model.width,
    image_height: model.height,
    camera_name: model.name,
    camera_matrix: { rows: 3, cols: 3, data: [...model.K] },
    distortion_model: model.distortionModel,
    distortion_coefficients: { rows: 1, cols: model.D.length, data: [...model.D] },
    rectification_matrix: { rows: 3, cols: 3, data: [...model.R] },
    projection_matrix: { rows: 3, cols: 4, data: [...model.P] },
  };
  const document = new Document(info);
  visit(document, (_, node) => {
    if (isSeq(node)) node.flow = true;
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
