import { faultsIn } from "./fault.mjs";
export const backend = faultsIn({});
