import { stringify } from "yaml";

export interface BagTopic {
  readonly name: string;
  readonly type: string;
  readonly offeredQosProfiles: string;
  readonly messageCount: bigint;
}

export interface BagFileInformation {
  /** Relative to the bag's folder. */
  readonly path: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly messageCount: bigint;
}

export interface BagInformation {
  readonly topics: readonly BagTopic[];
  readonly files: readonly BagFileInformation[];
  readonly customData: Readonly<Record<string, string>>;
}

/** Name of the MCAP metadata record that holds a recording's custom data while there is no metadata.yaml yet. */
export const NOTES_RECORD = "latentloop";
const DROPPED = "dropped ";

/** Drops as custom data has them: a key per topic that lost messages. */
export function noteDrops(topics: readonly { readonly name: string; readonly dropped: number }[]) {
  const lossy = topics.filter(({ dropped }) => dropped > 0);
  return Object.fromEntries(lossy.map(({ name, dropped }) => [`${DROPPED}${name}`, String(dropped)]));
}

/** Messages that a recording dropped, by topic, from its custom data. */
export function droppedIn(customData: Readonly<Record<string, string>>): ReadonlyMap<string, number> {
  const notes = Object.entries(customData).filter(([key]) => key.startsWith(DROPPED));
  return new Map(notes.map(([key, count]) => [key.slice(DROPPED.length), Number(count)]));
}

/** The newest layout that every distribution since Humble reads: 9 differs in QoS profiles only, which Humble refuses. */
const VERSION = 8;

/**
 * The content of a bag folder's metadata.yaml.
 * Source: rosbag2_storage/yaml.hpp (keys and their order).
 */
export function bagMetadataYaml({ topics, files, customData }: BagInformation): string {
  const filled = files.filter(({ messageCount }) => messageCount > 0n);
  const startNs = filled.reduce((least, { startNs: ns }) => (ns < least ? ns : least), filled[0]?.startNs ?? 0n);
  const endNs = filled.reduce((most, { endNs: ns }) => (ns > most ? ns : most), 0n);
  const information = {
    version: VERSION,
    storage_identifier: "mcap",
    duration: { nanoseconds: filled.length === 0 ? 0n : endNs - startNs },
    starting_time: { nanoseconds_since_epoch: startNs },
    message_count: files.reduce((sum, { messageCount }) => sum + messageCount, 0n),
    topics_with_message_count: topics.map(({ name, type, offeredQosProfiles, messageCount }) => ({
      topic_metadata: {
        name,
        type,
        serialization_format: "cdr",
        offered_qos_profiles: offeredQosProfiles,
        type_description_hash: "",
      },
      message_count: messageCount,
    })),
    compression_format: "",
    compression_mode: "",
    relative_file_paths: files.map(({ path }) => path),
    files: files.map((file) => ({
      path: file.path,
      starting_time: { nanoseconds_since_epoch: file.startNs },
      duration: { nanoseconds: file.endNs - file.startNs },
      message_count: file.messageCount,
    })),
    custom_data: customData,
    ros_distro: "unknown",
  };
  return stringify({ rosbag2_bagfile_information: information }, { lineWidth: 0 });
}
