// What the site's build takes of this folder, so that programs are made and coloured on pages as in the editor.

export { highlighted } from "./highlight.ts";
export { scriptOf } from "./program.ts";
