import type { Subscription } from "../backend.ts";
import type { Bytes } from "../bytes.ts";
import { compileGlob } from "./glob.ts";

export interface Channels {
  /** Hands a message to whoever listens, and answers how many did. */
  publish(channel: Bytes, payload: Bytes): number;
  /** Listens until the returned function is called. */
  subscribe(subscription: Subscription): () => void;
  /** Ends every subscription. */
  close(): void;
}

/** Creates publish and subscribe within one process. */
export function createChannels(): Channels {
  const listeners = new Map<Subscription, (channel: Bytes) => boolean>();
  return {
    publish(channel, payload) {
      const hearing = [...listeners].filter(([, matches]) => matches(channel));
      for (const [{ kind, channel: pattern, onMessage }] of hearing) {
        onMessage(kind === "pattern" ? { channel, payload, pattern } : { channel, payload });
      }
      return hearing.length;
    },
    subscribe(subscription) {
      const { kind, channel: wanted } = subscription;
      const matches = kind === "pattern"
        ? compileGlob(wanted)
        : (channel: Bytes) => channel === wanted;
      listeners.set(subscription, matches);
      return () => void listeners.delete(subscription);
    },
    close() {
      const open = [...listeners.keys()];
      listeners.clear();
      for (const { onEnd } of open) onEnd();
    },
  };
}
