export { cameraModelFromMessage, cameraModelToMessage } from "./camera-info-message.ts";
export { borrowSerialized, deserializeMessage, prepareMessages, serializeMessage } from "./cdr.ts";
export { diagnosticsToMessage } from "./diagnostics-message.ts";
export { borrowRawImage, imageToMessage } from "./image-message.ts";
export { jointStateFromMessage, jointStateToMessage } from "./joint-state-message.ts";
export { messageSchema } from "./message-definitions.ts";
export { planFromMessage, planToMessage } from "./plan-message.ts";
export * from "./ros-messages.ts";
export { makeHeader, nsFromTime, timeFromNs } from "./stamp.ts";
