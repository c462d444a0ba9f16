export function hashNames(out: string): void;
export function writeOffline(out: string): void;
