import type { RosType } from "../messages/index.ts";
import type { RclTypeClass } from "./rclnodejs.ts";

const classes = new Map<RosType, RclTypeClass>();

/**
 * The class that rclnodejs wants for a topic's type. Our topics carry CDR bytes, so the name is all that it needs: the
 * type's C library has to be there, generated JavaScript has not.
 */
export function typeClassOf(type: RosType): RclTypeClass {
  let typeClass = classes.get(type);
  if (typeClass === undefined) {
    const [pkgName = "", subFolder = "", interfaceName = ""] = type.split("/");
    const describe = () => ({ pkgName, subFolder, interfaceName });
    typeClass = Object.assign(class {}, { type: describe });
    classes.set(type, typeClass);
  }
  return typeClass;
}
