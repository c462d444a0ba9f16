// SVGs for git: a few KB each, light and dark in one file where they differ in colours alone.

/** As an eye sees it: one digit behind the point in places, the font said once, markers as circles, nothing for scripts. */
function lean(svg: string): string {
  const [, font = ""] = /font-family:([^;]*);/.exec(svg) ?? [];
  return svg
    .replace(/ ecmeta_\w+="[^"]*"| pointer-events="[^"]*"| xml:space="preserve"/g, "")
    .replace(/ (?:d|transform|points|x|y|width|height)="[^"]*"/g, (attribute) =>
      attribute.replace(/(\d+\.\d)\d+/g, "$1").replace(/(\d)\.0(?=\D)/g, "$1"),
    )
    .replace(
      /<path d="M1 0A1 1 0 1 1 1 -0.1A1 1 0 0 1 1 0" transform="matrix\(([^,]+),0,0,[^,]+,([^,]+),([^)]+)\)"([^>]*)><\/path>/g,
      '<circle cx="$2" cy="$3" r="$1"$4/>',
    )
    .replace(/\bc[0-9a-f]{6,8}-(\d+)\b/g, "k$1")
    .replace(/font-family:[^;]*;/g, "")
    .replace(/ dominant-baseline="central"/g, ' class="m"')
    .replace(/><\/(?:path|rect|image)>/g, "/>")
    .replace(
      /(<svg[^>]*>)\s*/,
      `$1<style>text{font-family:${font.replace(/'/g, '"')}}.m{dominant-baseline:central}</style>`,
    )
    .replace(/\n\s*/g, "");
}

const colours = /#[0-9a-f]{6}\b|rgba?\([^)]*\)/g;

/** Files by name: one where the themes differ in colours alone, which follows the reader's; else one a theme. */
export function leanSvgs(stem: string, light: string, dark: string): Record<string, string> {
  const [lights, darks] = [lean(light), lean(dark)];
  const ofLight = lights.match(colours) ?? [];
  const ofDark = darks.match(colours) ?? [];
  const pairs = new Map(ofLight.map((colour, i) => [`${colour} ${ofDark[i]}`, ""]));
  [...pairs.keys()].forEach((pair, i) => {
    pairs.set(pair, `--c${i}`);
  });
  const named = (svg: string) => {
    let i = 0;
    return svg.replace(colours, () => {
      const name = pairs.get(`${ofLight[i]} ${ofDark[i]}`);
      i++;
      return `var(${name})`;
    });
  };
  const one = named(lights);
  if (ofLight.length !== ofDark.length || one !== named(darks)) {
    return { [`${stem}-light.svg`]: lights, [`${stem}-dark.svg`]: darks };
  }
  const rules = (theme: 0 | 1) =>
    [...pairs].map(([pair, name]) => `${name}:${pair.split(" ")[theme]}`).join(";");
  const style = `:root{${rules(0)}}@media (prefers-color-scheme:dark){:root{${rules(1)}}}`;
  return { [`${stem}.svg`]: one.replace("<style>", `<style>${style}`) };
}
