// A button that takes an image of the user's own.

import { useRef } from "preact/hooks";

export function ChooseImage({ onChoose }: { onChoose(file: File | undefined): void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg"
        class="hidden"
        aria-label="Image to try"
        tabIndex={-1}
        onChange={({ currentTarget }) => {
          onChoose(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
      <button type="button" class="button small" onClick={() => input.current?.click()}>
        Choose an image
      </button>
    </>
  );
}
