import { faultsIn } from "./fault.mjs";
export const bench = faultsIn({});
