// What every page of the site does: its theme's button, and being kept for when there is no network. It is called, since
// the package tells bundlers that its modules do nothing by being imported.

import { keepSiteOffline } from "./offline.ts";
import { watchTheme } from "./theme.ts";

export function startPage(): void {
  watchTheme();
  keepSiteOffline();
}
