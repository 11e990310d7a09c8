/** The frame that a camera's images are stamped with: ROS's name for x right, y down, z ahead. */
export function opticalFrame(camera: string): string {
  return `${camera}_optical_frame`;
}
