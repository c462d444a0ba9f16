// The user's own data: chosen by a button or dropped on the panel; rows, images by class, or texts.

import { useRef, useState } from "preact/hooks";
import type { CsvForm, GivenFile, ImageForm, OwnData, OwnForm } from "../setup/own-data.ts";
import type { OwnName } from "../setup/setup.ts";
import { filesOf } from "./dropped.ts";
import { ChoiceField } from "./fields.tsx";
import { later } from "./later.tsx";
import { useStore } from "./use-store.ts";

const kinds = {
  csv: { label: "CSV file", accept: ".csv,.tsv,.txt,text/csv" },
  images: { label: "Image files", accept: ".png,.jpg,.jpeg,.gz,image/png,image/jpeg" },
  text: { label: "Text file", accept: ".txt,.tsv,.csv,text/plain" },
} as const;

const sides = ["16", "28", "32", "48", "64"] as const;

// Nobody without a file of rows has them.
const CsvColumns = later(() => import("./csv-columns.tsx").then((part) => part.CsvColumns));

export function useOwnFiles() {
  const { store } = useStore();
  const inputs = useRef<Partial<Record<OwnName, HTMLInputElement | null>>>({});
  const [form, setForm] = useState<ImageForm>({ side: 32, isGray: false });
  /** Those that were given last, by kind. */
  const last = useRef<Partial<Record<OwnName, readonly GivenFile[]>>>({});
  /** What images become: of those of a kept run, whose files are not here, what they became. */
  const formOf = (own: OwnData | undefined): ImageForm & { isFixed: boolean } => {
    const isFixed = own?.shape.length === 3 && last.current.images === undefined;
    return isFixed ? { side: own.shape[0], isGray: own.shape[2] === 1, isFixed } : { ...form, isFixed };
  };
  const read = (kind: OwnName, files: readonly GivenFile[] = [], asked?: Partial<OwnForm>) => {
    if (files.length === 0) return;
    const { target, missing, learntAs } = store.state.setup;
    const { side, isGray } = formOf(store.state.own);
    const wanted = { side, isGray, target, missing, learntAs, ...asked };
    last.current[kind] = files;
    if (kind === "images") setForm({ side: wanted.side, isGray: wanted.isGray });
    store.readOwn(kind, files, wanted);
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
      read("images", last.current.images, next);
    },
    /** The file that is here is read again; undefined where it is not. */
    get reread() {
      const { csv } = last.current;
      return csv && ((next: Partial<CsvForm>) => read("csv", csv, next));
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
      {setup.data === "csv" && own?.csv !== undefined && <CsvColumns own={own} onChange={files.reread} />}
    </>
  );
}

const hints: Readonly<Partial<Record<string, string>>> = {
  csv: "Choose a file, or drop it here: a row for each sample, columns of numbers or of texts, their names in the first row. Which column is to be learnt you say afterwards.",
  images:
    "Choose or drop PNG or JPEG images: a folder for each class, or files whose names begin with it, as cat_1.png. MNIST's own files (IDX, plain or .gz) are taken too.",
  text: "Choose a file, or drop it here: one text a line, its label before or behind it, with a tab or a comma between.",
};
