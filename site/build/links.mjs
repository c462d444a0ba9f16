// Links to pages that were not built: text remains of those in texts, and nothing of those in lists of links.

import fs from "node:fs";
import path from "node:path";

/** @param {string} out The site's folder */
export function dropDeadLinks(out) {
  for (const name of fs.readdirSync(out, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".html")) continue;
    const file = path.join(out, name);
    const isDead = (href) => {
      const [target] = href.split(/[?#]/);
      return !/^\w+:/.test(href) && target !== "" && !fs.existsSync(path.resolve(path.dirname(file), target));
    };
    const text = fs
      .readFileSync(file, "utf8")
      .replace(/<li><a href="([^"]*)"[^>]*>[^<]*<\/a><\/li>/g, (item, href) => (isDead(href) ? "" : item))
      .replace(/<a (?:class="[^"]*" )?href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g, (link, href, inner) =>
        isDead(href) ? inner : link,
      );
    fs.writeFileSync(file, text);
  }
}
