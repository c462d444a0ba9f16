// Every snippet of docs/augmentation.md runs on this adapter and prints what its comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/augmentation.md");
