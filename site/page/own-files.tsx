// The user's own data: chosen by a button or dropped on the panel; rows, images by class, or texts.

import { useRef, useState } from "preact/hooks";
import type { GivenFile, ImageForm, OwnData } from "../setup/own-data.ts";
import type { OwnName } from "../setup/setup.ts";
import { filesOf } from "./dropped.ts";
import { ChoiceField } from "./fields.tsx";
import { useStore } from "./use-store.ts";

const kinds = {
  csv: { label: "CSV file", accept: ".csv,.tsv,.txt,text/csv" },
  images: { label: "Image files", accept: ".png,.jpg,.jpeg,.gz,image/png,image/jpeg" },
  text: { label: "Text file", accept: ".txt,.tsv,.csv,text/plain" },
} as const;

const sides = ["16", "28", "32", "48", "64"] as const;

export function useOwnFiles() {
  const { store } = useStore();
  const inputs = useRef<Partial<Record<OwnName, HTMLInputElement | null>>>({});
  const [form, setForm] = useState<ImageForm>({ side: 32, isGray: false });
  const given = useRef<readonly GivenFile[]>([]);
  /** What images become: of those of a kept run, whose files are not here, what they became. */
  const formOf = (own: OwnData | undefined): ImageForm & { isFixed: boolean } => {
    const isFixed = own?.shape.length === 3 && given.current.length === 0;
    return isFixed ? { side: own.shape[0], isGray: own.shape[2] === 1, isFixed } : { ...form, isFixed };
  };
  const read = (kind: OwnName, files: readonly GivenFile[], asked?: ImageForm) => {
    if (files.length === 0) return;
    const { side, isGray } = asked ?? formOf(store.state.own);
    if (kind === "images") {
      given.current = files;
      setForm({ side, isGray });
    }
    store.readOwn(kind, files, { side, isGray });
  };
  return {
    inputs,
    formOf,
    read,
    choose: (kind: OwnName) => inputs.current[kind]?.click(),
    drop: async (data: DataTransfer) => {
      const files = await filesOf(data).catch((error: Error) => {
        store.tell("own", `What was dropped could not be read: ${error.message}. Choose it by the button.`);
        return [];
      });
      const isImage = files.some(({ path }) => /\.(png|jpe?g)$|-ubyte(\.gz)?$/i.test(path));
      read(isImage ? "images" : store.state.setup.data === "text" ? "text" : "csv", files);
    },
    /** Images that are here are read again. */
    reform: (next: ImageForm) => {
      setForm(next);
      read("images", given.current, next);
    },
  };
}

export function OwnFiles({ files }: { files: ReturnType<typeof useOwnFiles> }) {
  const { store, state } = useStore("setup", "own", "isReading");
  const { setup, own, isReading } = state;
  const form = files.formOf(own);
  const folder = useRef<HTMLInputElement>(null);
  const take = (kind: OwnName) => (event: { currentTarget: HTMLInputElement }) => {
    const { currentTarget } = event;
    files.read(
      kind,
      Array.from(currentTarget.files ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file })),
    );
    currentTarget.value = "";
  };
  return (
    <>
      {(Object.keys(kinds) as OwnName[]).map((kind) => (
        <input
          key={kind}
          ref={(element) => {
            files.inputs.current[kind] = element;
          }}
          type="file"
          multiple={kind === "images"}
          accept={kinds[kind].accept}
          class="hidden"
          aria-label={kinds[kind].label}
          tabIndex={-1}
          onChange={take(kind)}
        />
      ))}
      {setup.data === "images" && (
        <>
          <input
            ref={folder}
            type="file"
            {...{ webkitdirectory: true }}
            class="hidden"
            aria-label="Folder of images"
            tabIndex={-1}
            onChange={take("images")}
          />
          <p class="row">
            <button type="button" class="button small" onClick={() => files.choose("images")}>
              Choose files
            </button>
            <button type="button" class="button small" onClick={() => folder.current?.click()}>
              Choose a folder
            </button>
            {isReading && (
              <button type="button" class="button small" onClick={() => store.stopReading()}>
                Stop reading
              </button>
            )}
          </p>
          <div class="fields">
            <ChoiceField
              label="Pixels a side"
              value={String(form.side)}
              choices={[...new Set([...sides, String(form.side)])].map((side) => [side, side])}
              isDisabled={form.isFixed}
              onChange={(side) => files.reform({ side: Number(side), isGray: form.isGray })}
            />
            <ChoiceField
              label="Colours"
              value={form.isGray ? "grey" : "colour"}
              isDisabled={form.isFixed}
              choices={[
                ["colour", "Colour"],
                ["grey", "Grey"],
              ]}
              onChange={(colours) => files.reform({ side: form.side, isGray: colours === "grey" })}
            />
          </div>
          {form.isFixed && <p class="hint">Choose the files again to have them in another form.</p>}
        </>
      )}
      {own === undefined
        ? hints[setup.data as OwnName] !== undefined && <p class="hint">{hints[setup.data as OwnName]}</p>
        : hints[setup.data as OwnName] !== undefined && (
            <p class="hint own">
              {own.name}
              {own.classNames.length > 0 ? `: ${own.classNames.slice(0, 12).join(", ")}` : ""}
              {own.classNames.length > 12 ? " …" : ""}
              {own.leftOut === undefined ? "" : `. Rows left out, as a value is missing: ${own.leftOut}`}
            </p>
          )}
    </>
  );
}

const hints: Readonly<Partial<Record<string, string>>> = {
  csv: "Choose a file, or drop it here: numbers in columns, names in the first row, what is to be learnt in the last column.",
  images:
    "Choose or drop PNG or JPEG images: a folder for each class, or files whose names begin with it, as cat_1.png. MNIST's own files (IDX, plain or .gz) are taken too.",
  text: "Choose a file, or drop it here: one text a line, its label before or behind it, with a tab or a comma between.",
};
