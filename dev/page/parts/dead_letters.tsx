import { useState } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { toMessage } from "../data/hooks.ts";
import { toPlural, toShortId } from "../logic/format.ts";
import type { CompleteDeadEvent, DeadEvent } from "../api_types.ts";
import { Empty, Icon, Service, Time, TraceLink } from "./small.tsx";

interface DeadLettersProps {
  readonly letters: readonly DeadEvent[];
  /** Loads the list again. */
  readonly reload: () => void;
}

/** The events that QStash gave up, and what an operator can do about them. */
export function DeadLetters({ letters, reload }: DeadLettersProps) {
  const { api } = useApp();
  const [notice, setNotice] = useState({ text: "", isBad: false });
  const [shown, setShown] = useState<CompleteDeadEvent | undefined>(undefined);

  function run(work: Promise<string>): void {
    work.then(
      (text) => setNotice({ text, isBad: false }),
      (error: unknown) => setNotice({ text: toMessage(error), isBad: true }),
    ).finally(reload);
  }
  const replayAll = () =>
    run(
      api.replay().then(({ replayed, poison }) =>
        `${toPlural(replayed, "event")} replayed` + (poison > 0 ? `, ${poison} left: poison` : "")
      ),
    );
  const show = (id: string) =>
    run(
      shown?.id === id
        ? Promise.resolve("").finally(() => setShown(undefined))
        : api.deadLetter(id).then((letter) => (setShown(letter), "")),
    );
  const act = {
    show,
    replay: (id: string) => run(api.replay(id).then(() => "1 event replayed")),
    drop: (id: string) => run(api.drop(id).then(() => "1 event dropped")),
  };
  const replayable = letters.filter(({ poison }) => !poison).length;
  return (
    <>
      <p class={notice.isBad ? "dead-notice is-bad" : "dead-notice"} role="status">{notice.text}</p>
      {letters.length === 0 && <Empty title="No dead letters." />}
      {replayable > 0 && (
        <button type="button" class="button" onClick={replayAll}>
          Replay {toPlural(replayable, "event")}, all but poison
        </button>
      )}
      <ul class="dead-letters">
        {letters.map((letter) => (
          <Letter
            key={letter.id}
            letter={letter}
            act={act}
            shown={shown?.id === letter.id ? shown : undefined}
          />
        ))}
      </ul>
    </>
  );
}

interface LetterProps {
  readonly letter: DeadEvent;
  readonly shown: CompleteDeadEvent | undefined;
  readonly act: Readonly<Record<"show" | "replay" | "drop", (id: string) => void>>;
}

function Letter({ letter, shown, act }: LetterProps) {
  const { id, type, subject, consumer, traceId, failedAt, status, poison } = letter;
  const [isAsked, setAsked] = useState(false);
  const name = `${type ?? "not an event"} for ${consumer}`;
  return (
    <li>
      <p class="dead-head">
        <span class="event-state event-dead">
          <Icon name="bad" />
          {poison ? "poison" : "dead"}
        </span>
        <strong>{type ?? "not an event"}</strong>
        {subject && <code title={subject}>{toShortId(subject)}</code>}
        <span class="muted">→</span>
        <Service name={consumer} />
        <span class="muted">{status === null ? "no response" : `status ${status}`}</span>
        {failedAt !== null && <Time at={failedAt} />}
        {traceId && <TraceLink traceId={traceId} />}
      </p>
      <p class="dead-buttons">
        <Do label="Show" of={name} isPressed={shown !== undefined} run={() => act.show(id)} />
        <Do label="Replay" of={name} run={() => act.replay(id)} />
        {isAsked
          ? <Do label="Drop for good" of={name} run={() => act.drop(id)} />
          : <Do label="Drop…" of={name} run={() => setAsked(true)} />}
      </p>
      {shown && (
        <>
          <Text label={`Event ${name}`} text={shown.event} />
          <Text label={`Last response to ${name}`} text={shown.answer || "(none)"} />
        </>
      )}
    </li>
  );
}

function Do(
  { label, of, isPressed, run }: {
    label: string;
    of: string;
    isPressed?: boolean;
    run: () => void;
  },
) {
  return (
    <button
      type="button"
      class="button"
      aria-label={`${label} ${of}`}
      aria-pressed={isPressed}
      onClick={run}
    >
      {label}
    </button>
  );
}

function Text({ label, text }: { label: string; text: string }) {
  return <pre class="dead-text" tabIndex={0} role="region" aria-label={label}>{text}</pre>;
}
