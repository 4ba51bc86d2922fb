import type { Subscription } from "../backend.ts";
import type { Bytes } from "../bytes.ts";
import { compileGlob } from "./glob.ts";

export interface Channels {
  /** Passes a message to the subscribers, and returns their number. */
  publish(channel: Bytes, payload: Bytes): number;
  /** Subscribes until the returned function is called. */
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
      const { kind, channel: subscribed } = subscription;
      const matches = kind === "pattern"
        ? compileGlob(subscribed)
        : (channel: Bytes) => channel === subscribed;
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
