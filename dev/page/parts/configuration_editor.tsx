import { useEffect, useRef, useState } from "preact/hooks";
import { type Issue, type NewConfiguration, RefusedChange } from "../data/api.ts";
import { toMessage } from "../data/hooks.ts";
import { listDifferences, readDocument } from "../logic/document.ts";
import type { ConfigurationVersion } from "../api_types.ts";
import { Differences } from "./configuration_settings.tsx";
import { Icon } from "./small.tsx";

interface EditorProps {
  readonly inForce: ConfigurationVersion;
  /** Resolves when it is current. */
  readonly put: (proposed: NewConfiguration) => Promise<void>;
  readonly close: () => void;
}

interface Refused {
  readonly message: string;
  readonly issues: readonly Issue[];
}

const maxComment = 200;

/** Changes the document as text. The text is based on one version and never lost. */
export function Editor({ inForce, put, close }: EditorProps) {
  const [base, setBase] = useState(inForce);
  const [text, setText] = useState(() => toJson(inForce));
  const [comment, setComment] = useState("");
  const [refused, setRefused] = useState<Refused | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const issues = useRef<HTMLDivElement>(null);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    if (refused) issues.current?.focus();
  }, [refused]);
  const reading = readDocument(text);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy) return;
    if ("fault" in reading) {
      return setRefused({
        message: "The text is not a document",
        issues: [toIssue(reading.fault)],
      });
    }
    setBusy(true);
    const trimmed = comment.trim();
    const proposed = { document: reading.document, ifVersion: base.version };
    try {
      await put(trimmed === "" ? proposed : { ...proposed, comment: trimmed });
    } catch (error) {
      const details = error instanceof RefusedChange ? error.issues : [];
      setRefused({ message: toMessage(error), issues: details });
      setBusy(false);
    }
  }

  function rebase(onText: string): void {
    setBase(inForce);
    setText(onText);
    setRefused(undefined);
    field.current?.focus();
  }

  return (
    <form class="editor" onSubmit={submit}>
      {base.version !== inForce.version && (
        <ConflictError
          base={base}
          inForce={inForce}
          keep={() => rebase(text)}
          restart={() => rebase(toJson(inForce))}
        />
      )}
      <label for="configuration-document">
        Document, <span class="muted">based on version {base.version}</span>
      </label>
      <textarea
        id="configuration-document"
        ref={field}
        rows={Math.min(Math.max(text.split("\n").length + 1, 8), 28)}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={"fault" in reading}
        aria-describedby="configuration-issues configuration-preview"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <label for="configuration-comment">
        Why <span class="muted">(for the history; may be empty)</span>
      </label>
      <input
        id="configuration-comment"
        type="text"
        maxLength={maxComment}
        autocomplete="off"
        value={comment}
        onInput={({ currentTarget }) => setComment(currentTarget.value)}
      />
      <div id="configuration-issues" class="issues" ref={issues} tabIndex={-1} role="alert">
        {refused && <Refusal refused={refused} />}
      </div>
      <div id="configuration-preview" class="preview">
        <Preview reading={reading} base={base} />
      </div>
      <p class="editor-buttons">
        <button type="submit" class="button primary" aria-disabled={isBusy}>Apply</button>
        <button type="button" class="button quiet" onClick={close}>Cancel</button>
      </p>
    </form>
  );
}

function Preview(
  { reading, base }: { reading: ReturnType<typeof readDocument>; base: ConfigurationVersion },
) {
  if ("fault" in reading) return <p class="muted">{reading.fault}</p>;
  const differences = listDifferences(base.document, reading.document);
  return differences.length === 0
    ? <p class="muted">Nothing is changed yet.</p>
    : <Differences differences={differences} before={`Version ${base.version}`} after="New" />;
}

function Refusal({ refused: { message, issues } }: { refused: Refused }) {
  return (
    <>
      <p>
        <Icon name="bad" />
        {message}
      </p>
      {issues.length > 0 && (
        <ul>
          {issues.map(({ path, message: why }) => (
            <li key={`${path} ${why}`}>
              {path && <code>{path}</code>} {why}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Another administrator was quicker: shows the version that a save would replace. */
function ConflictError({ base, inForce, keep, restart }: {
  base: ConfigurationVersion;
  inForce: ConfigurationVersion;
  keep: () => void;
  restart: () => void;
}) {
  const differences = listDifferences(base.document, inForce.document);
  return (
    <div class="conflict">
      <p role="status">
        <Icon name="warn" />
        Version {inForce.version} became current in the meantime.
      </p>
      {differences.length > 0 && (
        <Differences
          differences={differences}
          before={`Version ${base.version}`}
          after={`Version ${inForce.version}`}
        />
      )}
      <p class="editor-buttons">
        <button type="button" class="button" onClick={restart}>
          Start again from version {inForce.version}
        </button>
        <button type="button" class="button" onClick={keep}>
          Keep my text, over version {inForce.version}
        </button>
      </p>
    </div>
  );
}

function toIssue(message: string): Issue {
  return { path: "", message };
}

function toJson({ document }: ConfigurationVersion): string {
  return JSON.stringify(document, null, 2);
}
