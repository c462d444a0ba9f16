// A GPUDevice that makes nothing and notes what it is asked for.

/** What was made, by method, each with its descriptor. */
export function fakeGpu() {
  const made: Record<string, unknown[]> = {};
  const make =
    (method: string, more: object = {}) =>
    (descriptor?: unknown) => {
      made[method] ??= [];
      made[method].push(descriptor);
      return { of: method, number: made[method].length, ...more };
    };
  const buffer = (descriptor: { size: number }) => {
    const memory = new ArrayBuffer(descriptor.size);
    return make("createBuffer", {
      getMappedRange: () => memory,
      unmap: () => {},
      destroy: make("destroy"),
      memory,
    })(descriptor);
  };
  const pass = { setPipeline: () => {}, setBindGroup: () => {}, dispatchWorkgroups: () => {}, end: () => {} };
  const encoder = { beginComputePass: () => pass, copyBufferToBuffer: () => {}, finish: () => ({}) };
  const device = {
    lost: new Promise(() => {}),
    queue: { submit: () => {}, writeBuffer: () => {}, onSubmittedWorkDone: async () => {} },
    createBuffer: buffer,
    createBindGroup: make("createBindGroup"),
    createBindGroupLayout: make("createBindGroupLayout"),
    createPipelineLayout: make("createPipelineLayout"),
    createShaderModule: make("createShaderModule"),
    createComputePipeline: make("createComputePipeline"),
    createComputePipelineAsync: async (descriptor: unknown) => make("createComputePipeline")(descriptor),
    createCommandEncoder: () => encoder,
    pushErrorScope: () => {},
    popErrorScope: async () => null,
    destroy: () => {},
  };
  return { device: device as unknown as GPUDevice, made };
}
