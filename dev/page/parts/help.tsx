import { useApp } from "../data/app_context.ts";
import { useOutside } from "../data/hooks.ts";

const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["j", "↓"], "Next row or span"],
  [["k", "↑"], "Previous row or span"],
  [["Enter"], "Open the request or the version, or show all of the log line"],
  [["←", "→"], "Close or open the spans below one"],
  [["/"], "Search"],
  [["Esc"], "Leave the search or the list; from a request back to the list"],
  [["?"], "This list"],
];

/** The keyboard shortcuts. */
export function Help({ dialog }: { dialog: { readonly current: HTMLDialogElement | null } }) {
  const { preferences } = useApp();
  const areOn = useOutside(preferences.shortcuts, preferences.onChange);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <h2 id="help-title">Keyboard</h2>
      <dl class="keys">
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>{names.map((name) => <kbd key={name}>{name}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={areOn}
          onChange={({ currentTarget }) => preferences.setShortcuts(currentTarget.checked)}
        />
        Single letters are shortcuts
      </label>
      <button type="button" class="button" onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}
