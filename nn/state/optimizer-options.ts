// Options of optimizers as files hold them, where clipping and groups are the numbers that they are made of.

import { clipNorm, clipValue, globalClipNorm, parameterGroups } from "../../optim/index.ts";

const clippings = { clipNorm, clipValue, globalClipNorm };

/** Options as their optimizer takes them. */
export function optimizerOptions({ groups, ...options }: Readonly<Record<string, unknown>>): object {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (Object.hasOwn(clippings, key))
      made.clipping = clippings[key as keyof typeof clippings](value as number);
    else made[key] = value;
  }
  if (Array.isArray(groups)) made.groups = parameterGroups(groups.map(optimizerOptions));
  return made;
}
