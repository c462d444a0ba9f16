// Types of the part of apt.mjs that is tested.
export function parseAptSources(
  text: string,
  isDeb822: boolean,
): { uris: string[]; suites: string[]; components: string[]; options: string; extra: string[] }[];
