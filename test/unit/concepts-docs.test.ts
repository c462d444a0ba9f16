// The programs of docs/concepts.md run and print what their comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/concepts.md");
