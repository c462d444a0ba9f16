// What readers made of programs, kept by the browser: a closed tab loses none of it.

const keyOf = (about: string): string => `gradgpu-program:${location.pathname}:${about}`;

/** @param about what the page calls the program */
export function keptText(about: string): string | undefined {
  try {
    return localStorage.getItem(keyOf(about)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @returns whether the browser keeps it; undefined is kept as no text of the reader's own */
export function keepText(about: string, text: string | undefined): boolean {
  try {
    if (text === undefined) localStorage.removeItem(keyOf(about));
    else localStorage.setItem(keyOf(about), text);
    return true;
  } catch {
    return false;
  }
}
