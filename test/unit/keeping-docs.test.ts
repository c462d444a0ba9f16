// Every snippet of the pages on saving, recovery and logs runs on the reference and prints what its comments say.

import { testSnippets } from "../support/doc-snippets.ts";

testSnippets("docs/saving.md");
testSnippets("docs/recovery.md");
testSnippets("docs/logging.md", /^The log: /);
