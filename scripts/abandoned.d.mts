export function removeAbandoned(parent: string, name: RegExp): void;
