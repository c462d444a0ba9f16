// Every snippet of docs/training.md runs on this adapter and prints what its comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/training.md");
