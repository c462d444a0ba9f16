// Kernels that move elements by indices, behind the ops for whole rows (indexing.ts) and for single elements
// (along-axis.ts).

import gatherSource from "../../../shaders/gather.wgsl";
import scatterAddSource from "../../../shaders/scatter-add.wgsl";
import { shader } from "../../kernel/kernel.ts";
import { elementsShader } from "../layout/copying.ts";

export const gatherShader = elementsShader("gather", gatherSource);
export const scatterAddShader = shader("scatter-add", scatterAddSource);
