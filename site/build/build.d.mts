export function buildSite(out: string): Promise<{ files: number; bytes: number; seconds: number }>;
