import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useKeys } from "../data/keyboard.ts";

export type FilterOptions = readonly (string | readonly [value: string, words: string])[];

/** One filter of a list, by its name in the address. */
export interface FilterField {
  readonly name: string;
  readonly label: string;
  /** A `check` is `show` in the address, or absent. */
  readonly kind: "search" | "select" | "text" | "number" | "check";
  /** A further explanation. */
  readonly hint?: string;
  readonly placeholder?: string;
  /** The choices, or the suggestions while typing; with words for no value. */
  readonly options?: FilterOptions;
  /** What the API accepts; anything else stays in the field. */
  readonly pattern?: RegExp;
  /** Shown only on demand, unless it is set. */
  readonly isRare?: boolean;
}

export interface FiltersProps {
  readonly label: string;
  readonly path: string;
  readonly fields: readonly FilterField[];
  readonly values: Readonly<Record<string, string>>;
}

/** The filters of a list. They are in the address, so a reload or a link restores them. */
export function Filters({ label, path, fields, values }: FiltersProps) {
  const { router } = useApp();
  const form = useRef<HTMLFormElement>(null);
  const rare = fields.filter(({ isRare }) => isRare);
  const [isOpen, setOpen] = useState(rare.some(({ name }) => values[name]));
  useKeys({ "/": () => form.current?.querySelector<HTMLElement>("[type=search]")?.focus() });

  // Of two fields changed at nearly the same time the second one must not undo the first.
  const put = (name: string, value: string) =>
    router.go({ path, query: { ...router.place().query, [name]: value } }, { replace: true });
  const field = (one: FilterField) => (
    <Field key={one.name} field={one} value={values[one.name] ?? ""} put={put} />
  );
  return (
    <form
      ref={form}
      class="filters"
      role="search"
      aria-label={label}
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="filters-row">
        {fields.filter(({ isRare }) => !isRare).map(field)}
        <div class="filters-end">
          {rare.length > 0 && <More isOpen={isOpen} setOpen={setOpen} />}
          {Object.keys(values).length > 0 && (
            <button
              type="button"
              class="button quiet"
              onClick={() => router.go({ path }, { replace: true })}
            >
              Clear
            </button>
          )}
        </div>
      </div>
      {isOpen && <div class="filters-row">{rare.map(field)}</div>}
    </form>
  );
}

function More({ isOpen, setOpen }: { isOpen: boolean; setOpen: (isOpen: boolean) => void }) {
  return (
    <button
      type="button"
      class="button quiet"
      aria-expanded={isOpen}
      onClick={() => setOpen(!isOpen)}
    >
      {isOpen ? "Fewer filters" : "More filters"}
    </button>
  );
}

interface FieldProps {
  readonly field: FilterField;
  readonly value: string;
  readonly put: (name: string, value: string) => void;
}

function Field(props: FieldProps) {
  if (props.field.kind === "check") return <Check {...props} />;
  return props.field.kind === "select" ? <Choice {...props} /> : <Typed {...props} />;
}

function Check({ field: { name, label, hint }, value, put }: FieldProps) {
  return (
    <label class="check" title={hint}>
      <input
        type="checkbox"
        checked={value === "show"}
        onChange={({ currentTarget }) => put(name, currentTarget.checked ? "show" : "")}
      />
      {label}
    </label>
  );
}

function Choice({ field, value, put }: FieldProps) {
  const id = useId();
  const options = new Map([
    // An address may name a value that is not among the options.
    ...(value ? [[value, value] as const] : []),
    ...(field.options ?? []).map((one) => typeof one === "string" ? [one, one] as const : one),
  ]);
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <select
        id={id}
        value={value}
        onChange={({ currentTarget }) => put(field.name, currentTarget.value)}
      >
        <option value="">All</option>
        {[...options].map(([option, words]) => <option key={option} value={option}>{words}
        </option>)}
      </select>
    </div>
  );
}

/** The list is left alone until no key was pressed for so long. */
const pauseMs = 150;

function Typed({ field, value, put }: FieldProps) {
  const id = useId();
  const { text, setText, isValid } = useTyped({ field, value, put });
  return (
    <div class={`field field-${field.kind}`}>
      <label for={id}>{field.label}</label>
      <input
        id={id}
        type={field.kind === "search" || field.kind === "number" ? field.kind : "text"}
        value={text}
        placeholder={field.placeholder}
        min={field.kind === "number" ? 0 : undefined}
        aria-invalid={!isValid}
        list={field.options ? `${id}-list` : undefined}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
      {field.options && <Suggestions id={`${id}-list`} options={field.options} />}
    </div>
  );
}

function Suggestions({ id, options }: { id: string; options: FilterOptions }) {
  return (
    <datalist id={id}>
      {options.map((one) => {
        const option = typeof one === "string" ? one : one[0];
        return <option key={option} value={option} />;
      })}
    </datalist>
  );
}

/** Typed text goes into the address a moment after the last key, if the API accepts it. */
function useTyped({ field: { name, pattern }, value, put }: FieldProps) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const isValid = text === "" || (pattern?.test(text) ?? true);
  useEffect(() => {
    // A late value must not replace what has been typed meanwhile.
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  useEffect(() => {
    if (text === sent.current || !isValid) return;
    const timer = setTimeout(() => {
      sent.current = text;
      put(name, text);
    }, pauseMs);
    return () => clearTimeout(timer);
  }, [text]);
  return { text, setText, isValid };
}
