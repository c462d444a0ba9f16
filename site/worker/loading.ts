// What knows all layers and names: loaded when a net comes out of a file.

export { loadModel } from "gradgpu/nn";
