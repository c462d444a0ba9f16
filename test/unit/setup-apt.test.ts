// Setup derives where to find a newer Mesa from the machine's own apt sources, in both of their formats.

import { describe, expect, it } from "vitest";
import { parseAptSources } from "../../bin/apt.mjs";

describe("parseAptSources", () => {
  it("reads the one-line format, with and without options", () => {
    const text = `
# deb http://commented.example/debian bookworm main
deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib # why
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
`;
    expect(parseAptSources(text, false)).toEqual([
      {
        uris: ["http://mirror.example/debian"],
        suites: ["bookworm"],
        components: ["main", "contrib"],
        options: "signed-by=/k.gpg arch=amd64",
        extra: [],
      },
      {
        uris: ["http://mirror.example/debian"],
        suites: ["bookworm-updates"],
        components: ["main"],
        options: "",
        extra: [],
      },
    ]);
  });

  it("reads deb822, past comments inside a stanza, and leaves out what is disabled or source only", () => {
    const text = `Types: deb
# http://snapshot.example/archive
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
`;
    expect(parseAptSources(text, true)).toEqual([
      {
        uris: ["http://mirror.example/debian"],
        suites: ["bookworm", "bookworm-updates"],
        components: ["main"],
        options: "",
        extra: ["signed-by: /usr/share/keyrings/debian-archive-keyring.gpg"],
      },
    ]);
  });

  it("keeps a key that is written inside the stanza", () => {
    const text = "Types: deb\nURIs: u\nSuites: s\nComponents: main\nSigned-By:\n KEY\n .\n END\n";
    expect(parseAptSources(text, true)[0].extra).toEqual(["signed-by: \n KEY\n .\n END"]);
  });
});
