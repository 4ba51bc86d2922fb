import { useNow, useStatus } from "../data/hooks.ts";
import type { Connection } from "../data/live.ts";
import { toClock, toRelative } from "../logic/format.ts";
import { Icon, type IconName } from "./icons.tsx";

const words: Readonly<Record<Connection, readonly [icon: IconName, word: string]>> = {
  connecting: ["wait", "Connecting"],
  live: ["ok", "Live"],
  lost: ["bad", "Offline"],
};

/** Whether the page is up to date. */
export function ConnectionState() {
  const { connection } = useStatus();
  const [icon, word] = words[connection];
  return (
    <span class={`connection connection-${connection}`} role="status">
      <Icon name={icon} />
      <span class="connection-word">{word}</span>
    </span>
  );
}

/** Shows that dev is gone; the page recovers by itself. */
export function Banner() {
  const { connection, since } = useStatus();
  const now = useNow(connection === "lost" ? 1000 : undefined);
  if (connection !== "lost") return null;
  return (
    <div class="banner">
      <Icon name="warn" />
      <p>
        <strong>dev does not answer.</strong> Start it with{" "}
        <code>deno task dev</code>; this page shows the state of {toClock(since).slice(0, 8)}{" "}
        ({toRelative(since, Math.max(now, since))}
        ) and reconnects by itself.
      </p>
    </div>
  );
}
