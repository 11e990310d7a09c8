export { EmbeddedContext, type EmbeddedContextOptions } from "./bus/embedded-context.ts";
export { Hub } from "./bus/hub.ts";
export { ThreadBus } from "./bus/thread-bus.ts";
export { createLatestSlot, LatestSlotReader, LatestSlotWriter } from "./latest-slot.ts";
export { createRing, RingReader, type RingReaderOptions, RingWriter, wakeRingReaders } from "./shared-ring.ts";
export { Bridge, type BridgeOptions } from "./zeromq/bridge.ts";
export { decodeFrame, encodeFrame, FRAME_VERSION, type MessageHeader } from "./zeromq/frame.ts";
export { FramePuller, FramePusher } from "./zeromq/frame-pipe.ts";
export { type PeerAddress, peerAddress } from "./zeromq/lane.ts";
