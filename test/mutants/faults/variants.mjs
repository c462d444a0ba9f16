import { faultsIn } from "./fault.mjs";
export const variants = faultsIn({});
