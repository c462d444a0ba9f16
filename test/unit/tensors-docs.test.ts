// The programs of docs/tensors.md run and print what their comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/tensors.md");
