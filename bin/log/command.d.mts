import type { EventLog } from "../../nn/logs/read-events.ts";

export const usage: string;
export function log(
  args: readonly string[],
  options?: {
    print?: (line: string) => void;
    readEvents?: (bytes: Uint8Array, log?: EventLog) => EventLog;
  },
): Promise<number>;
