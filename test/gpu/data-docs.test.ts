// Every snippet of docs/data.md runs on this adapter and prints what its comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/data.md");
